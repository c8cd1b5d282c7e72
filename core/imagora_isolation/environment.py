"""The environment variables of the other process."""

from __future__ import annotations

import os

_OF_THIS_ENVIRONMENT = ("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "VIRTUAL_ENV")


def environment_of_another() -> dict[str, str]:
    """Give this process's variables without those that would lead another Python to this one's packages."""
    return {name: value for name, value in os.environ.items() if name not in _OF_THIS_ENVIRONMENT}
