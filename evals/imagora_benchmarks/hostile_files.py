"""Ingests a folder of hostile files whole, and measures what each of them costs the process that decodes it.

    python -m imagora_benchmarks.hostile_files [--keep FOLDER] [--json]

Every file is an item or in quarantine with its reason, and no good one is lost. Decoding one takes at most 2 seconds
of processor time and 300 MB of memory (VmHWM); the ingest's own memory grows by less than 50 MB; no process and no file
stays open. Exit code 1 where that does not hold. Linux only: it reads /proc.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from .hostile_folder import Laid, lay_out
from .squares import catalog, write_squares

SQUARES = 5
SECONDS, MEMORY, GROWTH = 2.0, 300.0, 50.0
ENDING = 0.2  # what the system takes to remove a process whose time is over, in seconds
RECIPE = """recipe: 1
source: {use: folder, path: ./hostile, follow_links: true}
embedders: {image: {use: squares}, sparse: {use: bm25}}
index: {use: qdrant, path: ./index}
retriever: {use: hybrid}
"""


@dataclass(frozen=True)
class Cost:
    """What decoding one file took, in seconds of processor time and MB, and what came out: "ok", or the reason."""

    name: str
    kind: str
    seconds: float
    megabytes: float
    outcome: str


@dataclass(frozen=True)
class Ingested:
    """What an ingest of them all did; memory in MB: how much more it had than before, and the most of a decoder."""

    indexed: list[str]
    quarantined: dict[str, str]
    grown: float
    decoder: float
    children: int
    files: int
    agree: bool


def main() -> int:
    """Make the files, measure, print a table by kind, and give the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--keep", type=Path, help="a folder for the files, which stay there")
    parser.add_argument("--json", action="store_true", help="print everything as JSON instead")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = chosen.keep or Path(name)
        laid = lay_out(folder / "hostile")
        ingested = ingest(folder, laid)
        costs = list(decode(folder, laid))
    wrong = judge(laid, ingested, costs)
    if chosen.json:
        print(json.dumps({"wrong": wrong, "ingested": asdict(ingested), "costs": [asdict(one) for one in costs]}))
    else:
        show(laid, ingested, costs, wrong)
    return int(bool(wrong))


def judge(laid: list[Laid], ingested: Ingested, costs: list[Cost]) -> list[str]:
    """Say what does not hold."""
    there, refused, wrong = set(ingested.indexed), ingested.quarantined, []
    for one in laid:
        if one.good is not None and one.good != (one.uri in there):
            wrong.append(f"{one.uri!r} is {'not ' if one.good else ''}in the index")
        if (one.uri in there) == bool(refused.get(one.uri)):
            wrong.append(f"{one.uri!r} is {'both' if one.uri in there else 'neither'} an item and in quarantine")
    strangers = (there | set(refused)) - {one.uri for one in laid}
    wrong += [f"{uri!r} was not laid out" for uri in sorted(strangers)]
    wrong += [f"{one.name!r} took {one.seconds:.2f} s" for one in costs if one.seconds > SECONDS + ENDING]
    wrong += [f"{one.name!r} took {one.megabytes:.0f} MB" for one in costs if one.megabytes > MEMORY]
    if ingested.grown >= GROWTH:
        wrong.append(f"the ingest grew by {ingested.grown:.0f} MB")
    if ingested.decoder > MEMORY:
        wrong.append(f"a decoder took {ingested.decoder:.0f} MB")
    if ingested.children or ingested.files:
        wrong.append(f"{ingested.children} processes and {ingested.files} files stayed open")
    return wrong if ingested.agree else [*wrong, "index and ledger do not agree"]


def show(laid: list[Laid], ingested: Ingested, costs: list[Cost], wrong: list[str]) -> None:
    """Print a line a kind, the sums, and what is wrong."""
    table, by_kind = Table("kind", "files", "ok", "quarantined", "most s", "most MB"), defaultdict(list)
    for one in laid:
        by_kind[one.kind].append(one)
    for kind, ones in by_kind.items():
        here = [cost for cost in costs if cost.kind == kind]
        ok = sum(one.uri in ingested.indexed for one in ones)
        most = [f"{max(c.seconds for c in here):.2f}", f"{max(c.megabytes for c in here):.0f}"] if here else []
        table.add_row(kind, *map(str, (len(ones), ok, len(ones) - ok)), *most)
    Console().print(table)
    seconds, megabytes = max(one.seconds for one in costs), max(one.megabytes for one in costs)
    print(
        f"{len(laid)} files: {len(ingested.indexed)} items, {len(ingested.quarantined)} in quarantine; one took at "
        f"most {seconds:.2f} s (bound {SECONDS:g}) and {megabytes:.0f} MB (bound {MEMORY:g}); "
        f"the ingest grew by {ingested.grown:.1f} MB (bound {GROWTH:g})"
    )
    for what in wrong:
        print(f"wrong: {what}")


def decode(folder: Path, laid: list[Laid]) -> Iterator[Cost]:
    """Decode every file with the recipe's limits, and give what it cost."""
    from imagora.assembly import picture_decoder
    from imagora.errors import PictureError
    from imagora_recipe.check import check

    good = (folder / "hostile" / next(one.uri for one in laid if one.good and one.decoded)).read_bytes()
    with picture_decoder(check(folder / "hostile.yaml", catalog()), workers=1) as decoder:
        for one in laid:
            if not one.decoded:
                continue
            decoder.decode(good)  # a process is there, and has imported all that it needs
            process = decoder._free.queue[0]._process
            assert process is not None  # noqa: S101 - it has just answered
            meter = _Meter(process.pid)
            try:
                decoder.decode(Path(os.fsdecode(os.fsencode(folder / "hostile") + b"/" + one.path)))
                outcome = "ok"
            except PictureError as error:
                outcome = str(error)
            yield Cost(one.uri, one.kind, *meter.read(), outcome)


class _Meter:
    """The processor time and the most memory of a process, from now on; it may end meanwhile."""

    def __init__(self, pid: int) -> None:
        self._proc, self._most, self._stop = Path(f"/proc/{pid}"), 0.0, threading.Event()
        (self._proc / "clear_refs").write_text("5")  # VmHWM begins again
        self._before, self._ended = self._seconds(), _ended_seconds()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def read(self) -> tuple[float, float]:
        """Give seconds and MB."""
        self._stop.set()
        self._thread.join()
        with suppress(OSError, LookupError):
            self._most = max(self._most, high_water(self._proc))
            return self._seconds() - self._before, self._most
        return _ended_seconds() - self._ended - self._before, self._most

    def _watch(self) -> None:
        while not self._stop.wait(0.005):
            with suppress(OSError, LookupError):
                self._most = max(self._most, high_water(self._proc))

    def _seconds(self) -> float:
        fields = (self._proc / "stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def high_water(process: Path) -> float:
    """Give the most memory that a process in /proc had, in MB; LookupError where it has ended."""
    lines = (process / "status").read_text().splitlines()
    return {line.split(":")[0]: int(line.split()[1]) for line in lines if line.startswith("Vm")}["VmHWM"] * 1024 / 1e6


def _ended_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def ingest(folder: Path, laid: list[Laid]) -> Ingested:
    """Ingest the folder in a process of its own, so that it has nothing in memory but what it needs."""
    (folder / "hostile.yaml").write_text(RECIPE, encoding="utf-8")
    write_squares(folder / "squares", range(SQUARES))
    (folder / "uris.json").write_text(json.dumps([one.uri for one in laid]), encoding="utf-8")
    command = [sys.executable, "-c", "from imagora_benchmarks.hostile_files import child; child()", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr[-3000:])
    return Ingested(**json.loads(done.stdout))


def child() -> None:
    """Ingest a few good pictures, so that everything is loaded, and then the hostile ones; print what was seen."""
    from imagora import Pipeline
    from imagora.assembly import assemble
    from imagora_ingestion.verify import compare
    from imagora_recipe.check import check

    folder, here = Path(sys.argv[1]), Path("/proc/self")
    uris = json.loads((folder / "uris.json").read_text("utf-8"))
    plan = check(folder / "hostile.yaml", catalog())
    with Pipeline(plan, assemble(plan)) as pipeline:
        pipeline.ingest(folder / "squares")
        gc.collect()
        files = len(list((here / "fd").iterdir()))
        (here / "clear_refs").write_text("5")
        before = high_water(here)
        report = pipeline.ingest()
        grown = high_water(here) - before
        gc.collect()
        left = len(list((here / "fd").iterdir())) - files
        agree = compare(plan, pipeline.stages).agree
        assert pipeline.stages.index is not None  # noqa: S101 - the recipe has one
        said = Ingested(
            indexed=_named(set(pipeline.stages.index.ids()), [str(report.source), f"folder:{folder}/squares"], uris),
            quarantined=dict(report.quarantined),
            grown=grown,
            decoder=resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / 1e6,
            children=sum(len((task / "children").read_text().split()) for task in (here / "task").iterdir()),
            files=left,
            agree=agree,
        )
    print(json.dumps(asdict(said)))


def _named(ids: set[str], sources: list[str], uris: list[str]) -> list[str]:
    """Give the names of what is in an index; an id that nothing known has stands for itself."""
    from imagora.item import item_id

    known = {item_id(sources[0], uri): uri for uri in uris}
    good = {item_id(sources[1], f"{number:06}.png") for number in range(SQUARES)}
    return [known.get(id_, id_) for id_ in sorted(ids - good)]


if __name__ == "__main__":
    sys.exit(main())
