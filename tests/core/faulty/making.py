"""How a sound toy becomes a faulty one."""

from __future__ import annotations

from typing import Any

import pytest


def stage(make: Any) -> Any:
    return pytest.fixture(lambda self: make())


def method(kind: type, name: str, change: Any) -> Any:
    """Make a stage of a kind whose method gives `change(what it should give, *what it was called with)`."""
    right = getattr(kind, name)
    return type(f"Other{kind.__name__}", (kind,), {name: lambda self, *a, **k: change(right(self, *a, **k), *a)})


def later(kind: type, name: str, change: Any) -> Any:
    """Do the same for an async method."""
    right = getattr(kind, name)

    async def other(self: Any, *args: Any, **kwargs: Any) -> Any:
        return change(await right(self, *args, **kwargs), *args)

    return type(f"Other{kind.__name__}", (kind,), {name: other})
