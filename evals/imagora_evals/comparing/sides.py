"""The two sides of a comparison: a recipe, which is run, or a run that was saved."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from imagora.cli.ingesting import progress_bar
from imagora.errors import ImagoraError, QueryError
from pydantic import ValidationError

from imagora_evals.laying import How
from imagora_evals.progress import asking_bar
from imagora_evals.results import EvalRun
from imagora_evals.running import run_suite
from imagora_evals.suite import Suite

from .comparison import NotComparable


@dataclass(frozen=True)
class Side:
    """What was given for a side, and its run."""

    said: str
    run: EvalRun

    @property
    def is_saved(self) -> bool:
        """Whether it is a file of a run, and no recipe that could be opened."""
        return is_saved(self.said)


def is_saved(said: str) -> bool:
    """Say whether a side is a saved run: a file that ends in .json."""
    return said.endswith(".json")


def saved_run(file: str | Path) -> EvalRun:
    """Read a run that was saved; raises ImagoraError for what is none."""
    try:
        return EvalRun.from_json(Path(file).read_bytes())
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        what = f"'{file}' is not a run: {where}{': ' if where else ''}{first['msg'].lower()}"
        what += "; make one with: imagora eval RECIPE SUITE --json > run.json"
        raise ImagoraError(what, code="IMG-142") from None


def sides(said: Sequence[str], suite: Suite | None, how: How) -> list[Side]:
    """Run what are recipes on the suite, and read what are runs; saved ones first, for they may be of another suite."""
    if suite is None and not all(map(is_saved, said)):
        recipe = next(one for one in said if not is_saved(one))
        raise QueryError(f"say the suite that '{recipe}' is to be asked: imagora compare A B SUITE", code="IMG-103")
    read = {one: saved_run(one) for one in said if is_saved(one)}
    for one, run in read.items():
        if suite is not None and run.suite_digest != suite.digest:
            was, now = f"'{run.suite}' ({run.suite_digest[:12]})", f"'{suite.name}' is {suite.digest[:12]} now"
            what = f"'{one}' is a run on {was}, and {now}"
            raise NotComparable(f"{what}; run its recipe again, or leave the suite out to compare two saved runs")
    return [Side(one, read[one] if one in read else _run(one, suite, how)) for one in said]


def _run(recipe: str, suite: Suite | None, how: How) -> EvalRun:
    assert suite is not None  # noqa: S101 - sides looked
    print(f"{recipe}:", file=sys.stderr)
    with progress_bar("ingesting the corpus") as on_ingest, asking_bar() as on_query:
        return run_suite(recipe, suite, how, on_ingest, on_query)
