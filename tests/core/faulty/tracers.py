"""Faulty tracers: one fault each, and the test that must find it."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import Any

import pytest
from imagora import testing as t
from toy_tracer import ToySpan, ToyTracer

from faulty.making import stage


class FaultyWritingSpan(t.TracerContract):
    """It writes into the passages that it is told of."""

    fails = "test_a_query_goes_by_unchanged"

    class Span(ToySpan):
        def gave(self, result: Any) -> None:
            for one in result if isinstance(result, list) else []:
                if hasattr(one, "score"):
                    one.score = 0.0

    class Writing(ToyTracer):
        def span(self) -> ToySpan:
            return FaultyWritingSpan.Span(self)

    stage = stage(Writing)


class FaultyStrictTracer(t.TracerContract):
    """What it does not know is an error."""

    error = "TypeError"
    fails = "test_odd_things_do_not_break_it"

    class Strict(ToyTracer):
        def stage(self, stage: str, component: str, given: object) -> Any:
            if type(given) is object:
                raise TypeError(f"cannot serialise {given!r}")
            return super().stage(stage, component, given)

    stage = stage(Strict)


class FaultyQuietTracer(t.TracerContract):
    """Errors end in it."""

    fails = "test_an_error_leaves_as_it_is"

    class Quiet(ToyTracer):
        @contextmanager
        def stage(self, stage: str, component: str, given: object) -> Any:
            try:
                yield self.span()
            except Exception as error:
                self.sent.append(repr(error))

    stage = stage(Quiet)


class FaultyOneQuery(t.TracerContract):
    """It knows one query at a time."""

    error = "RuntimeError"
    fails = "test_queries_at_once_do_not_mix"

    class Single(ToyTracer):
        busy = False

        @contextmanager
        def query(self, traced: Any) -> Any:
            if self.busy:
                raise RuntimeError("there is a span already")
            self.busy = True
            try:
                yield self.span()
            finally:
                self.busy = False

    stage = stage(Single)


class FaultyLastTrace(t.TracerContract):
    """Closing it twice is an error."""

    error = "ValueError"
    fails = "test_closing_takes_a_short_time_and_can_be_done_twice"

    class Once(ToyTracer):
        closed = False

        def close(self) -> None:
            if self.closed:
                raise ValueError("I/O operation on closed file")
            self.closed = True

    stage = stage(Once)


class FaultyOpenContent(t.TracerContract):
    """Words leave it though a guardrail hides them."""

    real = "OPENINFERENCE_HIDE_* are false by default"
    fails = "test_what_is_hidden_does_not_leave"

    class Open(ToyTracer):
        @contextmanager
        def query(self, traced: Any) -> Any:
            self.sent.append(f"{time.time()} {traced.query.query_str}")
            yield self.span()

    stage = stage(Open)

    @pytest.fixture
    def told(self, stage: Any) -> Any:
        return lambda: "\n".join(stage.sent)
