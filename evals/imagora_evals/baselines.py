"""What a run is compared with at a gate: the last run of the history, or one that was saved."""

from __future__ import annotations

from .comparing.sides import saved_run
from .history import History
from .results import EvalRun

LAST = "last"


def baseline_of(run: EvalRun, said: str | None, past: History) -> EvalRun | None:
    """Give the run that is meant, None where nothing is said or recorded; called before the run itself is recorded.

    `last` is the newest run on record of the recipe's name, on the same queries and judgements, and the same part of
    them.
    """
    if said is None:
        return None
    if said != LAST:
        return saved_run(said)
    alike = (run.suite_digest, run.part)
    found = [one.id for one in past.runs(run.recipe, run.suite) if (one.suite_digest, one.part) == alike]
    return past.run(found[-1]) if found else None
