"""What the demo costs on this machine: the first run, with models exported and pictures embedded, and the second.

    python -m imagora_benchmarks.demo_bounds

Each run is a process of its own, in a new folder and with an empty cache of exported models. Exit code 1 where the
first run takes 60 s or more or 2 GiB or more, or the second run's ingest 2 s or more.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

SECONDS, GIBIBYTES, INGEST_SECONDS = 60.0, 2.0, 2.0


@dataclass(frozen=True)
class Cost:
    """What a process took: wall seconds, processor seconds, and its largest resident memory in GiB."""

    wall: float
    processor: float
    memory: float


def main() -> int:
    """Run the demo twice and an ingest once more, print the table, and give the exit code."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        environment = {**os.environ, "IMAGORA_CACHE": str(folder / "cache"), "HF_HUB_OFFLINE": "1"}
        demo = [sys.executable, "-m", "imagora", "demo", "--into", str(folder / "demo")]
        first, _ = run(demo, environment)
        second, _ = run(demo, environment)
        ingest = [sys.executable, "-m", "imagora", "ingest", str(folder / "demo" / "recipe.yaml"), "--json"]
        _, printed = run(ingest, environment)
    report = json.loads(printed)
    table = Table("run", "wall, s", "processor, s", "memory, GiB", "bound")
    table.add_row("first", f"{first.wall:.1f}", f"{first.processor:.1f}", f"{first.memory:.2f}", "60 s, 2 GiB")
    table.add_row("second", f"{second.wall:.1f}", f"{second.processor:.1f}", f"{second.memory:.2f}", "")
    table.add_row("ingest again", f"{report['seconds']:.2f}", "", "", "2 s beyond imports")
    Console().print(table)
    again = report["embedded"] == 0 and report["seconds"] < INGEST_SECONDS
    return int(not (first.wall < SECONDS and first.memory < GIBIBYTES and again))


def run(command: list[str], environment: dict[str, str]) -> tuple[Cost, str]:
    """Run a command and give what it cost, its children included in the memory of the largest, and what it printed."""
    started = time.perf_counter()
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        printed = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(command)} failed with exit code {process.returncode}")
    unit = 1 << 30 if sys.platform == "darwin" else 1 << 20
    return Cost(time.perf_counter() - started, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / unit), printed


if __name__ == "__main__":
    sys.exit(main())
