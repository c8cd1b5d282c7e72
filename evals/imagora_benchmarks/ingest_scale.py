"""What an ingest costs: memory by the size of the corpus, throughput against the bare embedder, and what a re-run does.

    python -m imagora_benchmarks.ingest_scale [memory | throughput | again] [--items 20000] [--stamps FOLDER]

memory: the most memory of all processes for 2,000 and for `items` small pictures with the starter; bound: 1.2 times.
With --squares, a quick embedder takes the place of the models, and what is left is an interpreter and Qdrant, which
holds the index in the same process: the growth is that of the index.
throughput: items a second of an ingest with the starter, against its embedders alone in a loop on batches that were
decoded before, in turn, in one run, on all stamps, so that what an ingest does once weighs little; bound: 0.85.
again: an unchanged corpus once more, with nothing embedded and no write to the index, in at most a twentieth of the
first time (with the starter, on stamps); and of `items` pictures 1 % changed, 1 % deleted and 1 % with other metadata,
in exact counts. Exit code 1 where a bound does not hold.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imagora
import psutil  # type: ignore[import-untyped]  # it comes without types
from rich.console import Console
from rich.table import Table

from .squares import ingest_squares, write_recipe, write_squares, write_words

SMALL, GROWTH, SHARE, AGAIN = 2_000, 1.2, 0.85, 20
STAMPS = Path("/usr/share/tuxpaint/stamps")
ROUNDS = 5
STEP = 3
"""Every third of the stamps is ingested again: some 260 pictures."""


def main() -> int:
    """Measure, print a table, and give the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("what", choices=("memory", "throughput", "again"))
    parser.add_argument("--items", type=int, default=20_000)
    parser.add_argument("--squares", action="store_true", help="measure memory without models")
    parser.add_argument("--stamps", type=Path, default=STAMPS)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        if chosen.what == "memory":
            return memory(Path(name), chosen.items, squares=chosen.squares)
        if chosen.what == "again":
            return again(Path(name), chosen.items, chosen.stamps)
        return throughput(Path(name), chosen.stamps)


def memory(folder: Path, items: int, *, squares: bool) -> int:
    """Ingest a small corpus and a large one, each in a process of its own."""
    table, most = Table("items", "seconds", "most memory, MB"), []
    for count in (SMALL, items):
        here = folder / str(count)
        write_squares(here / "pictures", range(count))
        program = "from imagora_benchmarks.squares import *; ingest_squares(Path(sys.argv[1]))"
        if squares:
            write_recipe(here)
        else:
            _write_starter_recipe(here, here / "pictures")
            program = "import imagora; imagora.load(sys.argv[1] + '/starter.yaml').ingest()"
        started = time.monotonic()
        most.append(_most_memory(program, here))
        table.add_row(f"{count}", f"{time.monotonic() - started:.0f}", f"{most[-1] / 1e6:.0f}")
    Console().print(table)
    print(f"grown by a factor of {most[1] / most[0]:.2f}, bound {GROWTH}")
    return int(most[1] > GROWTH * most[0])


def _most_memory(program: str, folder: Path) -> int:
    """Run a program and give the most memory that it and its children had at once, without what they share."""
    with subprocess.Popen([sys.executable, "-c", f"import sys; {program}", str(folder)]) as process:
        watched, most = psutil.Process(process.pid), 0
        while process.poll() is None:
            most = max(most, _memory_of(watched))
            time.sleep(0.05)
    if process.returncode:
        raise RuntimeError(f"the ingest ended with {process.returncode}")
    return most


def _memory_of(process: psutil.Process) -> int:
    try:
        family = [process, *process.children(recursive=True)]
        return sum(one.memory_full_info().uss for one in family)
    except psutil.Error:  # one of them has just ended
        return 0


def again(folder: Path, items: int, stamps: Path) -> int:
    """Ingest, ingest again, and ingest after small changes."""
    table = Table("ingest", "seconds", "added", "changed", "relabelled", "deleted", "unchanged", "embedded", "writes")

    def row(name: str, report: imagora.IngestReport, writes: int) -> None:
        numbers = (report.added, report.changed, report.relabelled, report.deleted, report.unchanged, report.embedded)
        table.add_row(name, f"{report.seconds:.2f}", *map(str, numbers), str(writes))

    _write_starter_recipe(folder, _some_stamps(folder, stamps, STEP))
    stamped = []
    for name in ("stamps", "stamps again"):
        with imagora.load(folder / "starter.yaml") as pipeline:
            writes = _count_writes(pipeline.stages.index)
            stamped.append(pipeline.ingest())
            row(name, stamped[-1], len(writes))
    untouched = stamped[1].embedded == 0 and not writes
    part = items // 100
    write_squares(folder / "pictures", range(items))
    write_recipe(folder)
    row("squares", ingest_squares(folder), 0)
    write_squares(folder / "pictures", range(part), version=2)
    for number in range(part, 2 * part):
        (folder / f"pictures/{number:06}.png").unlink()
        (folder / f"pictures/{number:06}.json").unlink()
    for number in range(2 * part, 3 * part):
        write_words(folder / "pictures", number, version=1, price=2)
    third = ingest_squares(folder)
    row("1 % each", third, 0)
    Console().print(table)
    share = stamped[1].seconds / stamped[0].seconds
    print(f"unchanged in 1/{1 / share:.0f} of the time, bound 1/{AGAIN}, and {len(writes)} writes to the index")
    exact = (third.changed, third.deleted, third.relabelled, third.embedded) == (part, part, part, part)
    return int(not (exact and untouched and share * AGAIN <= 1))


def _count_writes(index: Any) -> list[str]:
    writes: list[str] = []
    for name in ("upsert", "set_payloads", "delete"):
        method = getattr(index, name)

        def counted(*arguments: Any, name: str = name, method: Any = method) -> Any:
            writes.append(name)
            return method(*arguments)

        setattr(index, name, counted)
    return writes


def _write_starter_recipe(folder: Path, pictures: Path) -> None:
    (folder / "starter.yaml").write_text(
        f"recipe: 1\nextends: starter\nsource: {{use: folder, path: {pictures}}}\n"
        "index: {use: qdrant, path: ./index}\n"
    )


def _some_stamps(folder: Path, stamps: Path, step: int) -> Path:
    """Copy some of the pictures, without their texts in all languages, which the starter takes long for."""
    (folder / "stamps").mkdir()
    for number, picture in enumerate(sorted(stamps.rglob("*.png"))[::step]):
        shutil.copyfile(picture, folder / f"stamps/{number:04}.png")
    return folder / "stamps"


def throughput(folder: Path, stamps: Path) -> int:
    """Embed Debian's stamps bare and in an ingest, in turn."""
    _write_starter_recipe(folder, _some_stamps(folder, stamps, 1))
    bare_loop = _bare(folder)
    ratios, table = [], Table("round", "bare, items/s", "ingest, items/s", "ratio")
    for number in range(ROUNDS):
        bare = bare_loop()
        _clear(folder)
        with imagora.load(folder / "starter.yaml") as pipeline:
            report = pipeline.ingest()
        whole = report.embedded / report.seconds
        ratios.append(whole / bare)
        table.add_row(f"{number + 1}", f"{bare:.1f}", f"{whole:.1f}", f"{ratios[-1]:.3f}")
    Console().print(table)
    print(f"median {statistics.median(ratios):.3f}, bound {SHARE}; {threading.active_count()} threads")
    return int(statistics.median(ratios) < SHARE)


def _clear(folder: Path) -> None:
    shutil.rmtree(folder / "index", ignore_errors=True)
    for file in folder.glob("index.ledger.sqlite*"):
        file.unlink()


def _bare(folder: Path) -> Callable[[], float]:
    from imagora_ingestion.changes import Changes
    from imagora_ingestion.embedding import embed
    from imagora_ingestion.maker import BATCH, EntryMaker

    with imagora.load(folder / "starter.yaml") as pipeline:
        stages: Any = pipeline.stages
        maker = EntryMaker(pipeline.plan, stages)
        changes = Changes(stages.source, lambda _: {}, "bare")
        decoded = [(c.row.id, maker.prepare(c)) for group in changes.groups() for c in group]
        maker.close()
    items: Any = [(id_, one) for id_, one in decoded if not hasattr(one, "refusal")]
    embed(items[:BATCH], stages.embedders)  # loads the models

    def loop() -> float:
        started = time.perf_counter()
        for start in range(0, len(items), BATCH):
            embed(items[start : start + BATCH], stages.embedders)
        return len(items) / (time.perf_counter() - started)

    return loop


if __name__ == "__main__":
    sys.exit(main())
