"""Whether gates find drops and leave luck alone: `python -m imagora_benchmarks.gate_power`.

Runs are drawn with known differences and judged by `imagora_evals.gating.judge`, as `imagora eval --gate` does. What is
assumed of a query's scores before and after a change of a recipe:

- A score is 0 for 20 % of the queries, 1 for 30 %, and spread in between (beta 2, 2) for the rest, as nDCG@10 is:
  its standard deviation is 0.38.
- A change of a recipe moves only some of the queries, some up and some down; the others keep their score to the last
  digit. `KINDS` are drawn: tuning, after which scores correlate at 0.94 to 0.97 with those before and differences have
  a standard deviation of 0.09 to 0.13, and another model, with 0.8 and 0.23.
- A drop of 0.02 takes the same share from the scores of 30 % of the queries, so that the true difference is -0.02
  exactly.

Bounds: a drop of 0.02 is found in at least 90 of 100 runs with `drop: 0` on 600 queries and with `drop: 0.01` on 2,000,
whatever kind of tuning it was, and after another model with `drop: 0` on 2,000; a gate fails in at most 5 of 100 runs
where nothing fell, and where the drop is just the 0.01 that is allowed. By `queries_needed`, wider differences take
more queries by the square; `imagora eval --gate` says of every drop what its own queries would have shown.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from imagora_evals.gating import judge
from imagora_evals.results import EvalRun, QueryResult
from imagora_recipe.gate import Limits

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Scores = npt.NDArray[np.float64]

KINDS = {"all a little": (1.0, 0.1), "some": (0.4, 0.25), "few a lot": (0.15, 0.4), "another model": (1.0, 0.3)}
"""Kinds of change: the share of queries that it moves, and by how much (a standard deviation)."""
TUNING, ANOTHER = ("all a little", "some", "few a lot"), ("another model",)
DROP, POWER, ALARMS = 0.02, 0.90, 0.05
POPULATION = 40_000


@dataclass(frozen=True)
class Case:
    """A gate's `drop`, the true drop, how many queries, and whether the gate should fail."""

    allowed: float
    true: float
    queries: int
    fails: bool
    kinds: tuple[str, ...] = TUNING


CASES = (
    Case(0.0, DROP, 600, fails=True),
    Case(0.01, DROP, 2_000, fails=True),
    Case(0.0, DROP, 2_000, fails=True, kinds=ANOTHER),
    Case(0.0, 0.0, 600, fails=False, kinds=(*TUNING, *ANOTHER)),
    Case(0.0, 0.0, 100, fails=False),
    Case(0.01, 0.0, 2_000, fails=False),
    Case(0.01, 0.01, 2_000, fails=False),
)


@dataclass(frozen=True)
class Found:
    """How often a gate failed. spread: the differences' standard deviation. correlation: of scores before and after."""

    kind: str
    allowed: float
    true: float
    queries: int
    fails: bool
    runs: int
    share: float
    spread: float
    correlation: float

    @property
    def within(self) -> bool:
        """Whether the share is within its bound."""
        return self.share >= POWER if self.fails else self.share <= ALARMS


def population(kind: str, drop: float, seed: int) -> tuple[Scores, Scores]:
    """Draw scores before and after of all queries that there could be; the mean difference is -drop exactly."""
    import numpy as np

    lots = np.random.default_rng(seed)
    share, spread = KINDS[kind]
    which = lots.random(POPULATION)
    before = np.where(which < 0.2, 0.0, np.where(which < 0.5, 1.0, lots.beta(2, 2, POPULATION)))  # noqa: PLR2004 - see above
    moved = np.clip(before + lots.normal(0, spread, POPULATION), 0, 1)
    after = np.where(lots.random(POPULATION) < share, moved, before)
    # Each pair once more the other way round: then nothing differs on average, whatever the clipping did.
    before, after = np.concatenate([before, after]), np.concatenate([after, before])
    hit = lots.random(2 * POPULATION) < 0.3  # noqa: PLR2004 - see above
    return before, after * (1 - hit * drop / float((after * hit).mean()))


def simulated(runs: int, resamples: int, cases: tuple[Case, ...] = CASES, seed: int = 6) -> Iterator[Found]:
    """Judge so many runs of every case and kind of change."""
    import numpy as np

    for case in cases:
        for kind in case.kinds:
            before, after = population(kind, case.true, seed)
            lots = np.random.default_rng([seed, case.queries, int(1000 * case.allowed), int(1000 * case.true)])
            failed = 0
            for _ in range(runs):
                drawn = lots.integers(0, len(before), case.queries)
                gate = judge(
                    _run(after[drawn]), {"map": Limits(drop=case.allowed)}, _run(before[drawn]), resamples=resamples
                )
                failed += not gate.passed
            spread, correlation = float((after - before).std()), float(np.corrcoef(before, after)[0, 1])
            about = (case.allowed, case.true, case.queries, case.fails)
            yield Found(kind, *about, runs, failed / runs, spread, correlation)


def _run(scores: Scores) -> EvalRun:
    results = [QueryResult(str(place), metrics={"AP": value}) for place, value in enumerate(scores.tolist())]
    return EvalRun("drawn", "", "drawn", "", 0.0, results)


def main() -> None:
    """Print a line for every case, and end with 1 where one is beyond its bound."""
    parser = argparse.ArgumentParser(description="Count how often gates find drops, and how often they fail by luck.")
    parser.add_argument("--runs", type=int, default=400, help="How many runs of each case.")
    parser.add_argument("--resamples", type=int, default=1_999, help="Resamples of each test; a gate takes 9,999.")
    parser.add_argument("--json", action="store_true", help="Print everything as JSON.")
    given = parser.parse_args()
    found = []
    for one in simulated(given.runs, given.resamples):
        found.append(one)
        what = f"drop: {one.allowed:<5g} true drop {one.true:<5g} {one.queries:>5} queries, {one.kind:<13}"
        bound = f"at least {POWER:.0%}" if one.fails else f"at most {ALARMS:.0%}"
        said = f"spread {one.spread:.3f}, correlation {one.correlation:.2f}: fails {one.share:6.1%} of runs ({bound})"
        line = f"{what} {said}{'' if one.within else '  BEYOND'}"
        print(line, file=sys.stderr if given.json else sys.stdout, flush=True)
    if given.json:
        print(json.dumps([asdict(one) for one in found], indent=1))
    sys.exit(0 if all(one.within for one in found) else 1)


if __name__ == "__main__":
    main()
