"""What goes between the two processes: frames of a JSON header and of bytes."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Mapping
from typing import Any

from .types import from_plain, to_plain

LENGTHS = struct.Struct("<II")
"""Before every frame: the bytes of its header, and how many blobs follow, each with its own length before it."""
LENGTH = struct.Struct("<Q")


def packed(message: Mapping[str, Any]) -> bytes:
    """Turn a message into one frame; raise TypeError for what cannot be sent."""
    blobs: list[bytes] = []
    header = json.dumps(to_plain(message, blobs), ensure_ascii=False, separators=(",", ":")).encode()
    parts = [LENGTHS.pack(len(header), len(blobs)), header]
    for blob in blobs:
        parts += [LENGTH.pack(len(blob)), blob]
    return b"".join(parts)


def read_frame(read: Callable[[int], bytes]) -> dict[str, Any] | None:
    """Read one frame with a function that gives that many bytes, or fewer at the end; None at the end."""
    start = read(LENGTHS.size)
    if len(start) < LENGTHS.size:
        return None
    size, count = LENGTHS.unpack(start)
    header = read(size)
    blobs = []
    for _ in range(count):
        length = read(LENGTH.size)
        blobs.append(read(LENGTH.unpack(length)[0]) if len(length) == LENGTH.size else b"")
    if len(header) < size:
        return None
    message: dict[str, Any] = from_plain(json.loads(header), blobs)
    return message
