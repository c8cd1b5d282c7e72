"""The start of a command, in which Python's garbage collector has nothing to find."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

IMPORTED = 500_000
"""What a command has made when it begins with its work is some 350,000 objects: LlamaIndex's and the plugins'."""


def spare_collections() -> None:
    """Let no garbage be looked for until so many objects are there, and from then on as ever.

    What is imported stays. The collector looks at all of it again and again as it grows, for a tenth of the time that a
    one-off question takes.
    """
    usual = gc.get_threshold()

    def begun(phase: str, info: dict[str, Any]) -> None:
        gc.set_threshold(*usual)
        gc.callbacks.remove(heard)

    heard: Callable[[str, dict[str, Any]], None] = begun
    gc.callbacks.append(heard)
    gc.set_threshold(IMPORTED, *usual[1:])
