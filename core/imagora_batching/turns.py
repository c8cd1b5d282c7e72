"""Queries before ingestion, on one embedder."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

PATIENCE = 1.0
"""How long a batch of an ingest waits for a moment without queries, in seconds; then it goes on beside them."""


class Turns:
    """Knows who is at an embedder: a batch of an ingest begins where no query is; no query waits for an ingest.

    at_once: how many batches of an ingest may run at once.
    """

    def __init__(self, at_once: int) -> None:
        self._at_once, self._queries, self._batches = at_once, 0, 0
        self._moved = threading.Condition()

    @contextmanager
    def query(self) -> Iterator[None]:
        """Be there as a query."""
        with self._moved:
            self._queries += 1
        try:
            yield
        finally:
            with self._moved:
                self._queries -= 1
                if not self._queries:
                    self._moved.notify_all()

    @contextmanager
    def ingest(self) -> Iterator[None]:
        """Be there as a batch of an ingest, when its turn has come."""
        with self._moved:
            until = time.monotonic() + PATIENCE
            self._moved.wait_for(lambda: self._batches < self._at_once)
            self._moved.wait_for(
                lambda: self._batches < self._at_once and not self._queries, max(0.0, until - time.monotonic())
            )
            self._moved.wait_for(lambda: self._batches < self._at_once)  # another one may have come in between
            self._batches += 1
        try:
            yield
        finally:
            with self._moved:
                self._batches -= 1
                self._moved.notify_all()
