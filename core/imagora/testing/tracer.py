"""The contract of tracers: nothing in them raises, blocks or changes what goes by, and what is hidden stays hidden."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from imagora.answer import Answer
from imagora.errors import StageError
from imagora.query import Query
from imagora.stages import Verdict
from imagora.tracing import Traced, Tracer

from .built import Built
from .generator import prompt
from .golden import passages, picture_of

SECONDS = 20
"""How long closing may take."""
_HIDDEN = "Zaphod Beeblebrox"


def traced(words: str = "red", *, hidden: bool = False) -> Traced:
    """Give what a trace says of its query at first."""
    query = Query(words, pictures=(picture_of("red circle"),))
    return Traced("answer", "contract", "0" * 12, {"toys": "1"}, query, hidden)


class TracerContract(Built):
    """Name the `component`, or give the fixture `stage`: a tracer.

    Give the fixture `told`, too: a function that gives all that has left the tracer, as one text; without it nobody
    looks whether what is hidden stays hidden.
    """

    kind = "tracer"

    @pytest.fixture
    def told(self) -> Callable[[], str]:
        return pytest.skip("give the fixture `told`: a function that gives all that has left the tracer, as text")

    def query(self, stage: Tracer, folder: Path, words: str = "red", *, hidden: bool = False) -> Answer:
        """Tell a tracer of a query with a retriever, a guardrail and a generator."""
        told, found = traced(words, hidden=hidden), passages(folder)
        answer = Answer(f"It is {words} [1].", (), tuple(found), ())
        with stage.query(told) as root:
            with stage.stage("retriever", "toys", told.query) as span:
                span.gave(found)
                span.facts({"passages": 8, "odd": {"a": [None, float("inf"), b"\0"]}})
            with stage.stage("guardrail (passages)", "toys", [words, "\0\ud800"]) as span:
                span.gave([Verdict("redact", "a", ("NAME",))])
            with stage.stage("generator", "toys", prompt(words, found)) as span:
                span.gave(answer.text)
            root.gave(answer)
        return answer

    def test_a_query_goes_by_unchanged(self, stage: Tracer, tmp_path: Path) -> None:
        found = passages(tmp_path)
        before = [one.model_dump() for one in found]
        with stage.query(traced()) as root, stage.stage("retriever", "toys", traced().query) as span:
            span.gave(found)
            root.facts({})
        assert [one.model_dump() for one in found] == before
        self.query(stage, tmp_path)

    def test_odd_things_do_not_break_it(self, stage: Tracer, tmp_path: Path) -> None:
        with stage.query(traced("\0\ud800 {{ 7*7 }}" * 5_000)) as root:
            for given in (None, [], object(), "words", {"a": 1}, passages(tmp_path)):
                with stage.stage("reranker", "no such name \0", given) as span:
                    span.gave(given)
                    span.gave(given)
                    span.facts({"": given, "key": [given]})
            root.gave(None)

    def test_an_error_leaves_as_it_is(self, stage: Tracer) -> None:
        error = StageError("the generator failed")
        with pytest.raises(StageError) as raised, stage.query(traced()), stage.stage("generator", "toys", []):
            raise error
        assert raised.value is error

    def test_queries_at_once_do_not_mix(self, stage: Tracer, tmp_path: Path) -> None:
        async def ask(number: int) -> str:
            with stage.query(traced(f"query {number}")) as root:
                for _ in range(3):
                    with stage.stage("retriever", "toys", traced(f"query {number}").query) as span:
                        await asyncio.sleep(0)
                        span.gave(passages(tmp_path))
                root.gave(None)
            return f"query {number}"

        async def together() -> list[str]:
            return await asyncio.gather(*(ask(number) for number in range(9)))

        assert asyncio.run(together()) == [f"query {number}" for number in range(9)]

    def test_closing_takes_a_short_time_and_can_be_done_twice(self, stage: Tracer, tmp_path: Path) -> None:
        self.query(stage, tmp_path)
        began = time.monotonic()
        stage.close()
        stage.close()
        assert time.monotonic() - began < SECONDS
        self.query(stage, tmp_path)  # a query that is still under way harms nothing

    def test_what_is_hidden_does_not_leave(self, stage: Tracer, told: Callable[[], str], tmp_path: Path) -> None:
        self.query(stage, tmp_path, _HIDDEN, hidden=True)
        stage.close()
        left: Any = told()
        assert left and _HIDDEN not in left and "a drawing of a" not in left
