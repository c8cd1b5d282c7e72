"""Where values lie: the protocol of stores, and the form of a value in one."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

_MAGIC = b"imagora\x01"
_SUM = 16
LEFT_ALONE = "left alone"
"""The reason of a store that is not asked, for it failed or was slow a moment ago."""
_WHEN = struct.Struct(">d")
_HEAD = len(_MAGIC) + _SUM + _WHEN.size


class StoreFailed(Exception):
    """A store did not do what it was asked; `reason` is one word or two, to be counted by."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Store(Protocol):
    """Keeps bytes by key for some time; called from many threads."""

    @property
    def remote(self) -> bool:
        """Whether getting something may take time, so that an event loop must not wait for it."""

    def is_away(self) -> bool:
        """Whether it is left alone for now, so that nothing is looked up in it or put there; it is tried when due."""

    @property
    def takes(self) -> bool:
        """Whether `put` would take something now: a value for a store that does not need not be written at all."""

    def get(self, key: str) -> bytes | None:
        """Give what is kept; raise StoreFailed, soon, where it cannot be told."""

    def put(self, key: str, value: bytes, seconds: float) -> None:
        """Keep a value for so long, or do not; it returns at once, and raises StoreFailed where it is known not to."""

    def failures(self) -> dict[str, int]:
        """Count what failed after `put` had returned, by reasons."""

    def close(self) -> None:
        """Let go of connections; what is kept may be lost."""


@dataclass(frozen=True)
class Kept:
    """A value and when it was made, in seconds since 1970."""

    value: bytes
    made: float


def sealed(key: str, kept: Kept) -> bytes:
    """Give what goes into a store: a version, a checksum over the key and the rest, when it was made, and the value."""
    rest = _WHEN.pack(kept.made) + kept.value
    return _MAGIC + _sum(key, rest) + rest


def unsealed(key: str, data: bytes) -> Kept:
    """Give what was sealed; raise StoreFailed for anything else."""
    rest = data[len(_MAGIC) + _SUM :]
    if len(data) < _HEAD or data[: len(_MAGIC)] != _MAGIC or data[len(_MAGIC) : -len(rest)] != _sum(key, rest):
        raise StoreFailed("garbage")
    return Kept(rest[_WHEN.size :], *_WHEN.unpack(rest[: _WHEN.size]))


def _sum(key: str, rest: bytes) -> bytes:
    return sha256(key.encode() + b"\0" + rest).digest()[:_SUM]
