"""Puts memory that is here to stay into huge pages, where a processor finds it sooner.

Linux deals memory out in pages of 4 kB. A processor knows by heart where some two thousand of them are; MiniLM's
weights, all of which every query reads, fill ten thousand. In pages of 2 MB they fill twenty. As most systems are set
(`madvise`), only a process that asks for huge pages has any; where the administrator says `never`, nothing is asked.
See the kernel's documentation, admin-guide/mm/transhuge, and madvise(2).
"""

from __future__ import annotations

import ctypes
import re
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Lock, Timer

HUGE = 2 << 20
"""Bytes of a huge page on x86, and on most other processors."""
AFTER = 10.0
"""Seconds: what asks one question or ingests a small folder, and ends, has no use for half a second's moving."""
_PAUSE = 0.05
"""Seconds between two pages: each takes some five milliseconds, in which no other thread is given new memory."""
_FULL = 0.9
"""The least share of a region that is in memory: what is missing would be filled with zeros."""
_ADVISE, _COLLAPSE = 14, 25
"""MADV_HUGEPAGE, for a thread of the kernel to do in time, and MADV_COLLAPSE, since Linux 6.1 at once."""
_SETTING = Path("/sys/kernel/mm/transparent_hugepage/enabled")
_REGIONS = Path("/proc/self/smaps")
_HEAD = re.compile(r"([0-9a-f]+)-([0-9a-f]+) rw-p \S+ \S+ 0\s*(\[heap\]|\[anon:.*)?")
_lock = Lock()
_timers: list[Timer] = []


@dataclass
class _Region:
    """Private memory of this process that is no file's."""

    start: int
    end: int
    present: int = 0
    huge: int = 0

    def to_gather(self) -> range:
        """Give the addresses of the huge pages that lie in it whole, where it is full and has not had them."""
        start, end = -(-self.start // HUGE) * HUGE, self.end // HUGE * HUGE
        is_full = self.present >= _FULL * (self.end - self.start)
        return range(start, end, HUGE) if is_full and self.huge < _FULL * (end - start) else range(0)


def soon() -> None:
    """Gather, in a thread, once nothing new has come for ten seconds; to be called where a model was loaded."""
    if not _wanted():
        return
    with _lock:
        while _timers:
            _timers.pop().cancel()
        timer = Timer(AFTER, gather)
        timer.name, timer.daemon = "imagora-huge-pages", True
        _timers.append(timer)
        timer.start()


def gather() -> int:
    """Ask for huge pages under all large regions that are full, one after the other; gives their bytes.

    200 MB take six seconds, of which the processor works a tenth.
    """
    if not _wanted():
        return 0
    pages = [page for region in _regions() for page in region.to_gather()]
    madvise = ctypes.CDLL(None).madvise
    madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    for page in pages:
        if madvise(page, HUGE, _COLLAPSE):  # an older kernel, not that much memory in one piece, or given back
            madvise(page, HUGE, _ADVISE)
        time.sleep(_PAUSE)
    return len(pages) * HUGE


def _wanted() -> bool:
    try:
        return sys.platform == "linux" and "[never]" not in _SETTING.read_text("ascii")
    except OSError:  # a kernel without them
        return False


def _regions() -> Iterator[_Region]:
    region: _Region | None = None
    try:
        text = _REGIONS.read_text("utf-8", "replace")
    except OSError:  # not to be read here, or a kernel without it
        return
    for line in text.splitlines():
        name, _, rest = line.partition(":")
        if "-" in name:
            if region is not None:
                yield region
            head = _HEAD.fullmatch(line.rstrip())
            region = _Region(int(head[1], 16), int(head[2], 16)) if head else None
        elif region is not None and name == "Rss":
            region.present = int(rest.split()[0]) * 1024
        elif region is not None and name == "AnonHugePages":
            region.huge = int(rest.split()[0]) * 1024
    if region is not None:
        yield region
