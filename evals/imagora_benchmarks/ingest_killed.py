"""Kills an ingest (SIGKILL) at every commit point and at seeded moments, goes on, and looks at what is in the index.

    python -m imagora_benchmarks.ingest_killed [--kills 50] [--items 2000] [--seed 7]

There is a round before and one after every commit point, and `--kills` at moments. Each begins with an index of an
earlier state of the corpus: a tenth of the pictures in an older version, and as many that have left since. Its ingest
is killed, and begun again. Then nothing may be missing, twice, stale (of the older version, in words or vector) or
orphaned (left, or unknown to the ledger), and at most 5 % may have been embedded twice.
Exit code 1 where that does not hold.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track
from rich.table import Table

from .squares import COUNTED, catalog, ingest_squares, write_recipe, write_squares

POINTS = (
    *("ledger.begin", "ledger.mark seen", "ledger.mark decoded", "ledger.mark embedded", "ledger.mark written"),
    *("index.upsert", "ledger.commit", "index.delete", "ledger.delete", "ledger.finish"),
)
REPEATED = 0.05


@dataclass(frozen=True)
class Round:
    """What a kill did: where it was, and what was wrong after the ingest that followed it, in items.

    missing: those in quarantine among them, which are sound here, and were given up by the clock.
    """

    where: str
    killed: bool
    missing: int
    duplicate: int
    stale: int
    orphan: int
    repeated: int
    quarantined: int


def main() -> int:
    """Run all rounds, print the table, and give the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--items", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=7)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        rounds = list(killed(Path(name), chosen.kills, chosen.items, chosen.seed))
    return show(rounds, chosen.items)


def show(rounds: list[Round], items: int) -> int:
    """Print the rounds and their sums, and give the exit code."""
    table = Table("killed", "missing", "in quarantine", "duplicate", "stale", "orphan", "embedded twice")
    for one in rounds:
        numbers = (one.missing, one.quarantined, one.duplicate, one.stale, one.orphan, one.repeated)
        table.add_row(one.where + ("" if one.killed else " (came too late)"), *map(str, numbers))
    wrong = sum(one.missing + one.duplicate + one.stale + one.orphan for one in rounds)
    most = max(one.repeated for one in rounds)
    Console().print(table)
    print(
        f"{sum(one.killed for one in rounds)} of {len(rounds)} were killed before the end; wrong {wrong}; "
        f"embedded twice at most {most} of {items} ({most / items:.1%}, bound {REPEATED:.0%})"
    )
    return int(wrong > 0 or most > REPEATED * items)


def killed(folder: Path, kills: int, items: int, seed: int, points: Sequence[str] = POINTS) -> Iterator[Round]:
    """Give a round for each kill: first before and after every commit point, then at moments."""
    start, here, tenth = folder / "start", folder / "here", items // 10
    old, new, left = range(tenth), range(items), range(items, items + tenth)
    write_squares(here / "pictures", [*old, *left], version=0)
    write_recipe(here)
    ingest_squares(here)
    shutil.rmtree(here / "pictures")
    write_squares(here / "pictures", new)
    here.rename(start)  # every round is in the same place, which is the source's name
    whole = _whole_time(start, here)
    chance = random.Random(seed)  # noqa: S311 - seeded on purpose
    for number in track(range(2 * len(points) + kills), "killing", console=Console(stderr=True)):
        shutil.copytree(start, here)
        if number < 2 * len(points):
            point, before = points[number // 2], number % 2 == 0
            once = point.split(".")[1] in {"begin", "delete", "finish"}
            count = 1 if once else chance.randint(1, 3)
            where = f"{'before' if before else 'after'} {point}, time {count}"
            was_killed = _run(here, {"point": point, "before": before, "count": count})
        else:
            seconds = chance.random() * whole
            where = f"after {seconds:.2f} s"
            was_killed = _run(here, {"seconds": seconds})
        _run(here, {})
        yield Round(where, was_killed, *_looked_at(here, items))
        shutil.rmtree(here)


def _whole_time(start: Path, here: Path) -> float:
    shutil.copytree(start, here)
    _run(here, {})
    shutil.rmtree(here)
    return float((here.parent / "seconds").read_text())


def _run(folder: Path, kill: dict[str, Any]) -> bool:
    command = [sys.executable, "-c", "from imagora_benchmarks.ingest_killed import child; child()", str(folder)]
    environment = {**os.environ, COUNTED: str(folder / "embedded")}
    done = subprocess.run([*command, json.dumps(kill)], env=environment, capture_output=True, text=True)
    if done.returncode not in (0, -signal.SIGKILL):
        raise RuntimeError(done.stderr[-3000:])
    return done.returncode != 0


def child() -> None:
    """Ingest the folder in the arguments, and die where they say."""
    folder, kill = Path(sys.argv[1]), json.loads(sys.argv[2])
    if "point" in kill:
        _die_at(kill["point"], kill["count"], before=kill["before"])
    elif "seconds" in kill:
        import threading

        threading.Timer(kill["seconds"], _die).start()
    started = time.monotonic()
    ingest_squares(folder)
    if not kill:
        (folder.parent / "seconds").write_text(str(time.monotonic() - started))
    os._exit(0)  # the timer is not waited for


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _die_at(point: str, count: int, *, before: bool) -> None:
    from imagora_ingestion.sqlite import SqliteLedger
    from imagora_qdrant.index import QdrantIndex

    name, _, state = point.partition(" ")
    owner: Any = {"ledger": SqliteLedger, "index": QdrantIndex}[name.split(".")[0]]
    method: Callable[..., Any] = getattr(owner, name.split(".")[1])
    calls = Counter[str]()

    def dying(self: Any, *arguments: Any, **named: Any) -> Any:
        calls[point] += not state or state in arguments
        if before and calls[point] == count:
            _die()
        result = method(self, *arguments, **named)
        if calls[point] == count:
            _die()
        return result

    setattr(owner, name.split(".")[1], dying)


def _looked_at(folder: Path, items: int) -> tuple[int, int, int, int, int, int]:
    import imagora
    from imagora.assembly import assemble
    from imagora.stages import LegQuery, SearchRequest
    from imagora_ingestion.verify import compare, quarantined
    from imagora_recipe.check import check

    plan = check(folder / "squares.yaml", catalog())
    with imagora.Pipeline(plan, assemble(plan)) as pipeline:
        compared = compare(plan, pipeline.stages)
        given_up = len(quarantined(plan, pipeline.stages))
        index: Any = pipeline.stages.index
        embedder: Any = pipeline.stages.embedders["image"]
        ids = list(index.ids())
        everything = SearchRequest((LegQuery("all", "image", [1.0] * 48),), limit=len(ids) + 1, candidates=len(ids) + 1)
        uris = Counter(str(hit.payload["_uri"]) for hit in index.search(everything))
        expected = {f"{number:06}.png" for number in range(items)}
        stale = 0
        for number in range(0, items, 20):  # its own picture finds each with a cosine of 1 only if its vector is new
            vector = embedder._vector(folder / f"pictures/{number:06}.png")
            found = index.search(SearchRequest((LegQuery("own", "image", vector),), limit=20, candidates=20))
            own = [hit for hit in found if hit.payload["_uri"] == f"{number:06}.png" and hit.scores["own"] > 0.9999]  # noqa: PLR2004 - one, but for rounding
            stale += not own or "version 1" not in str(own[0].payload["_text"])
    missing = len(expected - set(uris)) + len(compared.missing)
    orphan = len(set(uris) - expected) + len(compared.orphans)
    repeated = (folder / "embedded").stat().st_size - items
    return missing, sum(uris.values()) - len(uris), stale, orphan, repeated, given_up


if __name__ == "__main__":
    sys.exit(main())
