"""One open index for a folder, however many stages of this process have it open.

A folder belongs to one process at a time; within it a recipe can be exchanged for another one, or several recipes can
answer from one folder, only if they share what is open.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from imagora.errors import IndexInUse

from .opening import Opened

_there: dict[Path, Shared] = {}
_turn = threading.Lock()


@dataclass
class Shared:
    """What is open, who writes to it or searches in it one at a time, and how many hold it."""

    name: str
    folder: Path
    opened: Opened
    turn: Any = field(default_factory=threading.RLock)
    holders: int = 0

    def let_go(self) -> None:
        """Count one less; with the last one all is closed."""
        with _turn:
            self.holders -= 1
            if self.holders:
                return
            _there.pop(self.folder, None)
            with self.turn:
                self.opened.close()


def held(name: str, folder: Path, alone: bool, make: Callable[[], Opened]) -> Shared:
    """Give what is open in a folder, or open it; a store on a server is opened for each who asks.

    IndexInUse where a store of another name has the folder.
    """
    with _turn:
        key = folder.resolve()
        shared = _there.get(key) if alone else None
        if shared is None:
            shared = Shared(name, key, make())
            if alone:
                _there[key] = shared
        elif shared.name != name:
            raise IndexInUse(f"the index at '{folder}' is open as '{shared.name}'; close that one first")
        shared.holders += 1
        return shared
