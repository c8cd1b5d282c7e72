"""One recipe of a router: the pipeline that answers now, who uses it, and whether it is well."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from imagora.pipeline import Pipeline

from .file import Health


@dataclass
class Held:
    """A pipeline and how many queries are under way in it; a retired one is closed after the last of them."""

    pipeline: Pipeline
    users: int = 0
    retired: bool = False


@dataclass(frozen=True)
class RouteHealth:
    """How a recipe does. failing: its fallback is asked. because: its last failure; seconds: how long ago that was."""

    recipe: str
    recipe_hash: str
    failing: bool
    failures: int
    because: str = ""
    seconds: float | None = None


class Route:
    """The place of one recipe: its pipeline can be exchanged while queries are under way in the one before."""

    def __init__(self, name: str, file: str | Path, pipeline: Pipeline, health: Health) -> None:
        self.name, self.file = name, file
        self._health = health
        self._held = Held(pipeline)
        self._lock = threading.Lock()
        self._failures, self._because, self._failed_at = 0, "", 0.0
        self._closing: list[threading.Thread] = []
        self.exchange = threading.Lock()
        """Held while a new pipeline is built, so that one exchange follows the other."""

    @property
    def pipeline(self) -> Pipeline:
        """The pipeline that answers the next query."""
        return self._held.pipeline

    @contextmanager
    def lease(self) -> Iterator[Pipeline]:
        """Give the pipeline for one whole query; whatever is exchanged meanwhile, it stays open until then."""
        with self._lock:
            held = self._held
            held.users += 1
        try:
            yield held.pipeline
        finally:
            with self._lock:
                held.users -= 1
            self._close_if_done(held)

    def put(self, file: str | Path, pipeline: Pipeline) -> None:
        """Let another pipeline answer from the next query on; the old one is closed when its last query has ended."""
        with self._lock:
            old, self._held = self._held, Held(pipeline)
            self.file = file
            old.retired = True
            self._failures, self._because = 0, ""
        self._close_if_done(old)

    def close(self) -> None:
        """Close the pipeline once nobody uses it, and wait for those that are being closed."""
        with self._lock:
            self._held.retired = True
        self._close_if_done(self._held)
        for thread in self._closing:
            thread.join()

    def _close_if_done(self, held: Held) -> None:
        with self._lock:
            if not held.retired or held.users:
                return
            # In a thread: the last query of the old pipeline need not wait for its files to be written.
            thread = threading.Thread(target=held.pipeline.close, name=f"closing {self.name}")
            self._closing = [*(t for t in self._closing if t.is_alive()), thread]
            held.retired = False  # once
        thread.start()

    # Whether it is well.

    def may_try(self) -> bool:
        """Say whether it is asked: not while it fails, except for one query after every `retry_after` seconds."""
        with self._lock:
            if self._failures < self._health.failures:
                return True
            if time.monotonic() - self._failed_at < self._health.retry_after:
                return False
            self._failed_at = time.monotonic()  # the next one waits for what this one finds
            return True

    def went_well(self) -> None:
        """Hear that it answered."""
        with self._lock:
            self._failures = 0

    def failed(self, error: BaseException) -> None:
        """Hear that it failed, and why."""
        with self._lock:
            self._failures += 1
            self._because, self._failed_at = str(error), time.monotonic()

    def health(self) -> RouteHealth:
        """Say how it does."""
        with self._lock:
            failing = self._failures >= self._health.failures
            ago = time.monotonic() - self._failed_at if self._because else None
            plan = self._held.pipeline.plan
            return RouteHealth(plan.name, plan.hash, failing, self._failures, self._because, ago)
