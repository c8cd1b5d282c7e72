"""A sweep of an index: each point is filled with the same vectors, asked, and compared with exact search.

What is done is written down after every point, so that the same command goes on after Ctrl-C.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from imagora.errors import QueryError, StageError
from imagora_recipe.check import check

from .corpus import Corpus
from .grid import Point, online, settings
from .results import Result

OnPoint = Callable[[int, int, Point], None]
"""Called before a point, with how many are done, how many there are, and the point."""
INDEX = "index"


@dataclass(frozen=True)
class Of:
    """The recipe whose index is swept, as the command line named it; folder: for what is kept. k: of recall@k."""

    recipe: str
    profile: str | None
    assigned: Sequence[str]
    folder: Path
    k: int


def sweep(of: Of, corpus: Corpus, points: Sequence[Point], on_point: OnPoint) -> list[Result]:
    """Measure every point; those that differ only in how they are searched share an index."""
    plans = [check(of.recipe, profile=of.profile, said=[*of.assigned, *settings(point)]) for point in points]
    _refuse_servers(plans)
    exact = of.folder / "exact.json"
    if not exact.exists():
        exact.write_text(json.dumps({leg: corpus.least(leg, of.k) for leg in corpus.legs}), "utf-8")
    done = _Done(of.folder / "points.jsonl")
    order = sorted(range(len(points)), key=lambda n: _key(_made(points[n], plans[n])))
    built = of.folder / "built"
    for count, number in enumerate(order):
        point, plan = points[number], plans[number]
        on_point(count, len(points), point)
        if point in done:
            continue
        making = _key(_made(point, plan))
        if not built.exists() or built.read_text("utf-8") != making:
            built.unlink(missing_ok=True)
            shutil.rmtree(of.folder / INDEX, ignore_errors=True)
            _child("build", of, point)
            built.write_text(making, "utf-8")
        done.add(point, _child("measure", of, point))
    built.unlink(missing_ok=True)
    shutil.rmtree(of.folder / INDEX, ignore_errors=True)
    on_point(len(points), len(points), {})
    return [done[point] for point in points]


def _made(point: Point, plan: Any) -> Point:
    """Give the part of a point that an index has from its making."""
    searched = online(point, plan)
    return {path: value for path, value in point.items() if path not in searched}


def _refuse_servers(plans: Sequence[Any]) -> None:
    for plan in plans:
        options = plan.index.options
        if "path" not in type(options).model_fields or getattr(options, "url", None):
            what = f"the index '{plan.index.name}' is on a server, and a sweep makes indexes in folders"
            raise QueryError(
                f"{what}; sweep it in one, with --set index.path=./swept, and without its url", code="IMG-105"
            )


def _child(action: str, of: Of, point: Point) -> dict[str, Any]:
    here = [*settings(point), f"index.path={(of.folder / INDEX).absolute()}"]
    said = {"recipe": of.recipe, "profile": of.profile, "assigned": list(of.assigned), "set": here, "k": of.k}
    said |= {"corpus": str(of.folder), "exact": str(of.folder / "exact.json")}
    command = [sys.executable, "-m", "imagora_evals.sweeping.point", action]
    done = subprocess.run(command, input=json.dumps(said), capture_output=True, text=True)
    if done.returncode:
        told = done.stderr.strip().splitlines() or [f"its process ended with {done.returncode}"]
        where = ", ".join(settings(point))
        what = {"build": "built", "measure": "measured"}[action]
        raise StageError(f"the index with {where} could not be {what}: {told[-1]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _key(point: Point) -> str:
    return sha256(json.dumps(point, sort_keys=True).encode()).hexdigest()[:16]


class _Done:
    """Results by point, a line each in a file."""

    def __init__(self, file: Path) -> None:
        self._file, self._found = file, dict[str, Result]()
        for line in file.read_text("utf-8").splitlines() if file.exists() else ():
            try:
                result = Result(**json.loads(line))
            except (ValueError, TypeError):  # the line that was under way
                continue
            self._found[_key(result.point)] = result

    def __contains__(self, point: Point) -> bool:
        return _key(point) in self._found

    def __getitem__(self, point: Point) -> Result:
        return self._found[_key(point)]

    def add(self, point: Point, said: dict[str, Any]) -> None:
        result = Result(
            point, said["recall"], said["p50"], said["p99"], said["memory"], recall_by_leg=said["recall_by_leg"]
        )
        with self._file.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(asdict(result)) + "\n")
        self._found[_key(point)] = result


def remarks(corpus: Corpus, results: Sequence[Result], few: int) -> list[str]:
    """Say why the figures may say little."""
    found = []
    if len(corpus.ids) < few and all(one.value > 0.999 for one in results):  # noqa: PLR2004 - as good as exact
        found.append(
            f"with {len(corpus.ids):,} items the index finds everything however it is asked, for it looks at every "
            f"vector of so few; sweep with some {few:,} at least, such as synthetic:items={few}"
        )
    asked = min(len(corpus.queries(leg)) for leg in corpus.legs)
    if asked < 50:  # noqa: PLR2004 - 500 neighbours in all
        found.append(f"with {asked} queries a recall is known to some percent only")
    return found
