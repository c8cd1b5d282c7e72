"""Memory that is here to stay is gathered into huge pages, and only that."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from imagora_onnx import huge_pages

SIZE = 64 << 20
ASKS = f"""
import mmap, sys
from imagora_onnx import huge_pages

def seen(name):
    lines = open("/proc/self/smaps_rollup").read().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith(name + ":"))

full = mmap.mmap(-1, {SIZE}, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
empty = mmap.mmap(-1, {SIZE}, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
for region in (full, empty):
    region.madvise(mmap.MADV_NOHUGEPAGE)  # or they would come at once where the system is set so
empty.madvise(mmap.MADV_DONTDUMP)  # or both might lie in one region
for at in range(0, {SIZE}, 4096):
    full[at] = 1 + at // 4096 % 200
for region in (full, empty):
    region.madvise(mmap.MADV_HUGEPAGE if sys.argv[1] == "may" else mmap.MADV_NOHUGEPAGE)
before = seen("Rss"), seen("AnonHugePages")
asked = huge_pages.gather()
print(asked, seen("Rss") - before[0], seen("AnonHugePages") - before[1], huge_pages.gather())
assert all(full[at] == 1 + at // 4096 % 200 for at in range(0, {SIZE}, 4096))
"""


def asked(*said: str) -> list[int]:
    done = subprocess.run([sys.executable, "-c", ASKS, *said], capture_output=True, text=True, check=True)
    return [int(number) for number in done.stdout.split()]


def could() -> str:
    """Why this kernel cannot do it; "" where it can."""
    if sys.platform != "linux":
        return "only Linux has huge pages to ask for"
    setting = Path("/sys/kernel/mm/transparent_hugepage/enabled")
    if not setting.exists():
        return f"there is no {setting}"
    release = tuple(int(part) for part in Path("/proc/sys/kernel/osrelease").read_text().split(".")[:2])
    return "Linux does it at once since 6.1" if release < (6, 1) or "[never]" in setting.read_text() else ""


@pytest.mark.skipif(bool(could()), reason=could())
def test_a_full_region_is_gathered_once_and_an_empty_one_stays_empty() -> None:
    wanted, grown, huge, again = asked("may")
    assert wanted >= SIZE // 2 and huge >= SIZE // 2
    assert grown < SIZE // 4, "what was not there is not there now"
    assert again < SIZE // 4


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has huge pages to ask for")
def test_memory_that_must_not_have_them_stays_as_it_is() -> None:
    _, grown, huge, _ = asked("may not")
    assert huge < SIZE // 4 and grown < SIZE // 4


def test_nothing_is_asked_for_where_the_administrator_says_never(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    setting = tmp_path / "enabled"
    setting.write_text("always madvise [never]\n")
    monkeypatch.setattr(huge_pages, "_SETTING", setting)
    monkeypatch.setattr(huge_pages, "_timers", [])
    assert huge_pages.gather() == 0
    huge_pages.soon()
    assert not huge_pages._timers


def test_it_is_done_a_while_after_the_last_model_and_keeps_no_program_from_its_end() -> None:
    code = "from imagora_onnx import huge_pages; huge_pages.AFTER = 60; huge_pages.soon(); huge_pages.soon()"
    code += "; assert len(huge_pages._timers) < 2"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)
