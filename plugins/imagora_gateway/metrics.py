"""Metrics in Prometheus's form: by recipe, stage, leg, cache level and modality; no label grows with what is asked."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from imagora import Answer, Found, Passage, Query, StageRecord
from imagora.stages import LEGS
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from .errors import status_of

if TYPE_CHECKING:
    from .index_states import IndexState

MULTIPLE = "PROMETHEUS_MULTIPROC_DIR"
"""The environment variable with the folder in which several processes put their numbers together."""
MOST_VALUES = 200
"""Of one label; what comes beyond counts as `other`."""
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
LONGEST = _SECONDS[-1]
"""Seconds; what takes longer is known to take longer."""
MODALITIES = ("words", "picture", "both")
OUTCOMES = ("ok", "refused", "left", "overloaded", "wrong", "failed")
KINDS = ("answer", "search")
NOBODYS = "none"
"""The recipe and the modality of a query that was not read."""
_CLIENT_ERROR, _SERVER_ERROR = 400, 500


@dataclass
class Watched:
    """What is known of one query when it ends."""

    outcome: str = "failed"
    first_word: float | None = None
    started: float = field(default_factory=time.perf_counter)

    @property
    def seconds(self) -> float:
        """How long ago it began."""
        return time.perf_counter() - self.started


class Metrics:
    """The numbers of one gateway."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._seen: dict[str, set[str]] = {}
        of: dict[str, Any] = {"registry": self._registry}
        timed: dict[str, Any] = {**of, "buckets": _SECONDS}
        self._requests = Counter("imagora_requests", "Requests by route.", ["method", "route", "status"], **of)
        self._queries = Counter(
            "imagora_queries", "Queries by how they ended.", ["recipe", "modality", "outcome"], **of
        )
        self._turned_away = self._queries.labels(NOBODYS, NOBODYS, "overloaded")
        given = ["recipe", "kind"]
        self._answers = Counter("imagora_answers", "Answers and searches that were given.", given, **of)
        said = "Those of them that a fallback gave, or in which a stage did less than it should."
        self._degraded = Counter("imagora_degraded_answers", said, given, **of)
        said = "Queries that failed or were refused, by the code of their error."
        self._errors = Counter("imagora_errors", said, ["recipe", "code"], **of)
        self._caches = Counter("imagora_cache", "Queries by the cache level that answered.", ["recipe", "level"], **of)
        self._hits = Counter("imagora_leg_passages", "Passages that a leg has a score for.", ["recipe", "leg"], **of)
        self._took = Histogram("imagora_query_seconds", "From door to end.", ["recipe", "modality"], **timed)
        self._first = Histogram("imagora_first_word_seconds", "From door to the first word.", ["recipe"], **timed)
        stages = ["recipe", "stage", "component"]
        self._stages = Histogram("imagora_stage_seconds", "Within a stage.", stages, **timed)
        summed: dict[str, Any] = {**of, "multiprocess_mode": "livesum"}
        self._running = Gauge("imagora_running_queries", "Queries that have their turn.", **summed)
        self._waiting = Gauge("imagora_waiting_queries", "Queries that wait for their turn.", **summed)
        self._most_running = Gauge("imagora_most_running_queries", "How many may have their turn.", **summed)
        self._most_waiting = Gauge("imagora_most_waiting_queries", "How many may wait for it.", **summed)
        least: dict[str, Any] = {**of, "multiprocess_mode": "livemin"}
        most: dict[str, Any] = {**of, "multiprocess_mode": "livemax"}
        self._ready = Gauge("imagora_recipe_ready", "1 where a recipe can answer.", ["recipe"], **least)
        self._items = Gauge("imagora_index_items", "Items of the index.", ["recipe"], **most)
        self._generation = Gauge("imagora_index_generation", "The generation that answers.", ["recipe"], **most)
        said = "When an ingest last reached its source's end, in seconds of the epoch."
        self._ingested = Gauge("imagora_index_ingested_timestamp_seconds", said, ["recipe"], **most)

    def text(self) -> bytes:
        """Give all of it; of several processes, the sums."""
        if os.environ.get(MULTIPLE):
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # it has no types
            return generate_latest(registry)
        return generate_latest(self._registry)

    def request(self, method: str, route: str, status: int) -> None:
        """Count a request; route: as it was written, never as it was asked for."""
        self._requests.labels(self._bounded("method", method), route or "none", str(status)).inc()

    def turned_away(self) -> None:
        """Count a query that was refused before anybody read what it asks, and whom."""
        self._turned_away.inc()

    def load(self, running: int, waiting: int) -> None:
        """Say how many queries there are."""
        self._running.set(running)
        self._waiting.set(waiting)

    def bounds(self, running: int, waiting: int) -> None:
        """Say how many queries there may be."""
        self._most_running.set(running)
        self._most_waiting.set(waiting)

    def ready(self, recipe: str, *, can: bool) -> None:
        """Say whether a recipe can answer; what is counted of it begins with 0, so that the first is an increase."""
        self._ready.labels(recipe).set(int(can))
        for modality in MODALITIES:
            self._took.labels(recipe, modality)
            for outcome in OUTCOMES:
                self._queries.labels(recipe, modality, outcome)
        for kind in KINDS:
            self._answers.labels(recipe, kind)
            self._degraded.labels(recipe, kind)

    def index(self, recipe: str, state: IndexState) -> None:
        """Say what a recipe's index holds."""
        self._items.labels(recipe).set(state.items)
        self._generation.labels(recipe).set(state.generation)
        if state.finished is not None:
            self._ingested.labels(recipe).set(state.finished)

    @contextmanager
    def errors(self, recipe: str) -> Iterator[None]:
        """Count what is raised for a recipe, by its code."""
        try:
            yield
        except Exception as error:
            code = getattr(error, "code", None) or "internal"
            self._errors.labels(recipe, self._bounded("code", str(code))).inc()
            raise

    @contextmanager
    def query(self, recipe: str, query: Query) -> Iterator[Watched]:
        """Watch a query from its door to its end."""
        watched, modality = Watched(), modality_of(query)
        try:
            with self.errors(recipe):
                yield watched
        except GeneratorExit:
            watched.outcome = "left"
            raise
        except BaseException as error:
            watched.outcome = _outcome(error)
            raise
        finally:
            self._queries.labels(recipe, modality, watched.outcome).inc()
            self._took.labels(recipe, modality).observe(watched.seconds)
            if watched.first_word is not None:
                self._first.labels(recipe).observe(watched.first_word)

    def gave(self, recipe: str, watched: Watched, result: Answer | Found) -> None:
        """Count what a query gave."""
        watched.outcome = "refused" if isinstance(result, Answer) and result.refused else "ok"
        kind = "answer" if isinstance(result, Answer) else "search"
        self._answers.labels(recipe, kind).inc()
        if is_degraded(result):
            self._degraded.labels(recipe, kind).inc()
        for stage in result.stages:
            component = self._bounded("component", stage.component)
            self._stages.labels(recipe, self._bounded("stage", stage.stage), component).observe(stage.seconds)
        self._caches.labels(recipe, self._bounded("level", cache_level(result.stages))).inc()
        for leg, number in legs_of(result.passages).items():
            self._hits.labels(recipe, leg).inc(number)

    def _bounded(self, label: str, value: str) -> str:
        seen = self._seen.setdefault(label, set())
        if value in seen or len(seen) < MOST_VALUES:
            seen.add(value)
            return value
        return "other"


def is_degraded(result: Answer | Found) -> bool:
    """Say whether a fallback answered, or a stage crashed and its work is missing."""
    crashed = any("crashed" in stage.facts for stage in result.stages)
    return crashed or (isinstance(result, Answer) and result.degraded)


def modality_of(query: Query) -> str:
    """Say what a query has: words, pictures, or both."""
    if not query.pictures:
        return "words"
    return "both" if query.query_str.strip() else "picture"


def cache_level(stages: Sequence[StageRecord]) -> str:
    """Say which level of a cache answered, as a stage notes it under `cache`; `none` where none did."""
    return next((str(stage.facts["cache"])[:20] for stage in stages if stage.facts.get("cache")), "none")


def legs_of(passages: Sequence[Passage]) -> dict[str, int]:
    """Count the passages that have a score on each leg; a picture of a query is asked on the leg `image`."""
    found: dict[str, int] = {}
    for passage in passages:
        legs = {"image" if name.startswith("picture") else name for name in passage.scores}
        for leg in legs & {*LEGS}:
            found[leg] = found.get(leg, 0) + 1
    return found


def _outcome(error: BaseException) -> str:
    if not isinstance(error, Exception):
        return "left"
    status = status_of(error)
    if getattr(error, "code", "") == "overloaded":
        return "overloaded"
    return "wrong" if _CLIENT_ERROR <= status < _SERVER_ERROR else "failed"
