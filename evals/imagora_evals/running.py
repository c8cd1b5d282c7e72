"""A run: every query of a suite asked of a recipe, one after the other, and scored."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from imagora import IngestReport, Pipeline, Progress, __version__
from imagora.door import Door
from imagora.errors import QueryError, did_you_mean
from imagora.stages import GenerationalIndex
from imagora_recipe.plan import Plan

from .asking import Outcome, ask
from .keeping import Kept
from .laying import How, Opened, opened
from .results import EvalRun, QueryResult
from .scoring import Scorer
from .spending import cost_of
from .suite import EvalQuery, Suite

OnQuery = Callable[[int, int], None]
"""Called with how many queries are done, and how many there are."""


def run_suite(
    recipe: str | Path,
    suite: Suite,
    how: How | None = None,
    on_ingest: Callable[[Progress], None] | None = None,
    on_query: OnQuery | None = None,
) -> EvalRun:
    """Ask a recipe all queries of a suite, and score what comes back.

    The suite's corpus goes into an index of its own, which stays in the cache for the next time. What is done is kept
    when it is interrupted, and the same call goes on from there.
    """
    chosen = how or How()
    with opened(recipe, suite, chosen, on_ingest) as there:
        return run_on(there, suite, chosen, on_query)


def run_on(there: Opened, suite: Suite, how: How, on_query: OnQuery | None = None) -> EvalRun:
    """Ask an open pipeline all queries of a suite, and score what comes back."""
    queries = asked_of(suite, how)
    answers = not how.search_only and there.pipeline.stages.generator is not None
    generation = generation_of(there.pipeline)
    of = (there.plan.hash, suite.digest, answers, how.ingest, generation, repr(how.principal), __version__)
    kept = Kept(*of)
    if _changed(there.report):
        kept.forget()
    done = kept.results()
    running = _Running(there, suite, answers, how)
    results: list[QueryResult] = []
    if any(query.id not in done for query in queries):
        running.warm_up(queries[0])
    for number, query in enumerate(queries, start=1):
        result = done.get(query.id)
        if result is None:
            result = running.result(query)
            kept.add(result)
        results.append(result)
        if on_query is not None:
            on_query(number, len(queries))
    running.close()
    kept.forget()
    run = _run(there.plan, suite, results, generation)
    return replace(run, part=_part(suite, how, len(queries)), answered=answers)


def asked_of(suite: Suite, how: How) -> list[EvalQuery]:
    """Give the queries that are to be asked; raise QueryError where a slice has none."""
    queries = suite.where(how.slices)[: how.limit]
    if not queries:
        there = sorted({f"{key}={value}" for one in suite.queries for key, value in one.slices.items()})
        said = ", ".join(f"{key}={value}" for key, value in how.slices.items())
        raise QueryError(
            f"the suite '{suite.name}' has no queries of {said}{did_you_mean(said, there)}", code="IMG-724"
        )
    return queries


class _Running:
    """What asks and scores one query after the other."""

    def __init__(self, there: Opened, suite: Suite, answers: bool, how: How) -> None:
        self._there, self._answers, self._how = there, answers, how
        self._suite, self._scorer, self._door = suite, Scorer(there.pipeline, suite), Door()

    def warm_up(self, query: EvalQuery) -> None:
        """Ask a query without looking at the answer: it loads the models, which no later one has to wait for.

        Raises UnusableIndex where there is none, or another embedder's.
        """
        self._door.run(self._there.pipeline.ready())
        self._ask(query)

    def result(self, query: EvalQuery) -> QueryResult:
        self._there.meter.taken()
        outcome = self._ask(query)
        prices, counts = self._there.plan.prices, self._there.meter.taken()
        cost = None if prices is None else cost_of(prices, counts, outcome.seconds)
        return QueryResult(
            id=query.id,
            text=query.text,
            slices=dict(query.slices),
            metrics=self._door.run(self._scorer.metrics(query, outcome)),
            ranking=[(passage.uri, float(passage.score or 0.0)) for passage in outcome.passages],
            answer=outcome.answer.text if outcome.answer else "",
            cited=outcome.cited,
            seconds=outcome.by_stage(),
            error=outcome.error,
            pictures=[str(file) for file in query.pictures],
            refused=self._scorer.refused(outcome),
            cost=cost,
        )

    def close(self) -> None:
        self._door.close()

    def _ask(self, query: EvalQuery) -> Outcome:
        return ask(self._there.pipeline, query, answer=self._answers, principal=self._how.principal)


def generation_of(pipeline: Pipeline) -> int:
    """Give the number of the index's generation that answers; 1 where an index has none."""
    index = pipeline.stages.index
    return index.answering if isinstance(index, GenerationalIndex) else 1


def versions_of(plan: Plan) -> dict[str, str]:
    """Give the versions of Python, of Imagora, and of the plugins that a recipe uses."""
    plugins = {planned.offer.plugin.distribution: planned.offer.plugin.version for planned in plan.components()}
    return {"python": sys.version.split()[0], "imagora": __version__, **plugins}


def _run(plan: Plan, suite: Suite, results: list[QueryResult], generation: int) -> EvalRun:
    costs = [one.cost for one in results if one.cost is not None]
    return EvalRun(
        recipe=plan.name,
        recipe_hash=plan.hash,
        suite=suite.name,
        suite_digest=suite.digest,
        at=time.time(),
        results=results,
        generation=generation,
        seconds=sum(one.seconds.get("total", 0.0) for one in results),
        cost=1000 * sum(costs) / len(costs) if costs else None,
        currency=plan.prices.currency if plan.prices else "",
        versions=versions_of(plan),
    )


def _changed(report: IngestReport | None) -> bool:
    return report is not None and bool(report.added or report.changed or report.relabelled or report.deleted)


def _part(suite: Suite, how: How, asked: int) -> str:
    said = [f"{key}={value}" for key, value in sorted(how.slices.items())]
    said += [f"the first {asked}"] if asked < len(suite.where(how.slices)) else []
    return ", ".join(said)
