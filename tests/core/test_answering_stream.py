"""Streams of answers, deadlines and fallbacks, with generators that speak word by word, stall or fail."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from imagora import Pipeline, Query
from imagora.calls import Passing, Time, tried
from imagora.errors import GeneratorError, RecipeError, StageError
from imagora.events import AnswerDone, Event, PassagesFound, StageDone, TextPart
from imagora_recipe.plan import AnswerOptions
from llama_index.core.base.llms.types import ChatMessage, ChatResponse
from toy_recipes import CATALOG, assemble, check, recipe_of, write

EMAILS = {"answer": [{"use": "toy_emails", "action": "redact"}]}


class Voice:
    """Says some words, a few letters at a time, and then goes on, stalls or fails."""

    def __init__(self, text: str, *, piece: int = 3, end: Any = None, pause: float = 0.0) -> None:
        self.text, self.piece, self.end, self.pause = text, piece, end, pause
        self.said = 0
        self.closed = False

    async def achat(self, messages: Sequence[ChatMessage]) -> ChatResponse:
        async with aclosing(await self.astream_chat(messages)) as parts:
            return [part async for part in parts][-1]

    async def astream_chat(self, messages: Sequence[ChatMessage]) -> AsyncGenerator[ChatResponse, None]:
        async def parts() -> AsyncGenerator[ChatResponse, None]:
            try:
                for start in range(0, len(self.text), self.piece):
                    await asyncio.sleep(self.pause)
                    self.said = start + self.piece
                    yield ChatResponse(message=ChatMessage(role="assistant", content=self.text[: self.said]))
                if isinstance(self.end, Exception):
                    raise self.end
                if self.end:
                    await asyncio.sleep(self.end)
            finally:
                self.closed = True

        return parts()


def pipeline_of(folder: Path, voice: Any, other: Any = None, answer: Any = None, **sections: Any) -> Pipeline:
    plan = check(write(folder, recipe_of(**sections)), CATALOG)
    if answer:
        plan = replace(plan, answer=AnswerOptions(**answer))
    stages = replace(assemble(plan), generator=("voice", voice), fallback=("other", other) if other else None)
    pipeline = Pipeline(plan, stages)
    pipeline.ingest()
    return pipeline


async def heard(pipeline: Pipeline, words: str = "a red rose") -> list[Event]:
    return [event async for event in pipeline.stream(Query(words))]


def answer_of(events: list[Event]) -> Any:
    assert isinstance(events[-1], AnswerDone)
    return events[-1].answer


def text_of(events: list[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextPart))


def test_stages_and_passages_come_first_then_the_text_as_it_grows_then_the_checked_answer(tmp_path: Path) -> None:
    with pipeline_of(tmp_path, Voice("It is a red rose [1] and a ship [9].")) as pipeline:
        events = asyncio.run(heard(pipeline))
        kinds = [type(event) for event in events if not isinstance(event, StageDone)]
        assert kinds[0] is PassagesFound
        assert kinds[-1] is AnswerDone
        assert kinds.count(TextPart) > 5, "word by word"
        assert text_of(events) == answer_of(events).text == "It is a red rose [1] and a ship."
        assert (answer_of(events).unknown_markers, len(answer_of(events).citations)) == ((9,), 1)
        stages = [event.stage.stage for event in events if isinstance(event, StageDone)]
        assert stages == [stage.stage for stage in answer_of(events).stages] == ["retriever", "prompt", "generator"]
        assert pipeline.ask("a red rose").text == answer_of(events).text


@pytest.mark.parametrize("piece", [1, 2, 7, 50])
@pytest.mark.parametrize("before", [0, 60, 79, 119, 121, 240, 400])
def test_nothing_personal_slips_out_between_two_parts(tmp_path: Path, piece: int, before: int) -> None:
    words = ("word " * 100)[:before] + "write to ann.secret@example.org now " + "and then some more words " * 12
    with pipeline_of(tmp_path, Voice(words, piece=piece), guardrails=EMAILS) as pipeline:
        events = asyncio.run(heard(pipeline))
    for event in events:
        assert not isinstance(event, TextPart) or "secret" not in event.text
    assert text_of(events) == answer_of(events).text
    assert "secret" not in text_of(events)
    assert "now and then some" in text_of(events)


def test_an_answer_that_is_refused_on_its_way_ends_as_refused(tmp_path: Path) -> None:
    refusing = {"answer": [{"use": "toy_emails", "action": "refuse"}]}
    voice = Voice("some words " * 30 + "ann.secret@example.org " + "more words " * 50)
    with pipeline_of(tmp_path, voice, guardrails=refusing) as pipeline:
        events = asyncio.run(heard(pipeline))
    assert answer_of(events).refused
    assert "secret" not in text_of(events) + answer_of(events).text
    assert voice.said < len(voice.text), "it was not listened to for longer than needed"
    assert voice.closed


def test_leaving_a_stream_ends_the_generators_work(tmp_path: Path) -> None:
    voice = Voice("word " * 1000, pause=0.001)

    async def leave() -> None:
        async with aclosing(pipeline.stream(Query("a rose"))) as events:
            async for event in events:
                if isinstance(event, TextPart):
                    break

    with pipeline_of(tmp_path, voice) as pipeline:
        asyncio.run(leave())
    assert voice.closed
    assert voice.said < len(voice.text)


def test_without_a_fallback_a_failure_is_an_error_and_with_passages_they_are_all_there_is(tmp_path: Path) -> None:
    down = Voice("half an ans", end=GeneratorError("it is down"))
    with pipeline_of(tmp_path, down) as pipeline, pytest.raises(GeneratorError, match="it is down"):
        pipeline.ask("a rose")
    down = Voice("half an ans", end=GeneratorError("it is down"))
    with pipeline_of(tmp_path, down, answer={"fallback": "passages"}) as pipeline:
        answer = pipeline.ask("a rose")
        assert (answer.text, answer.degraded, answer.degraded_because) == ("", True, "it is down")
        assert answer.passages
        assert answer.to_dict()["degraded"] is True
        events = asyncio.run(heard(pipeline))
    assert answer_of(events).text == "", "the answer counts, not the parts before"


def test_another_generator_answers_when_the_first_fails(tmp_path: Path) -> None:
    broken = Voice("", end=ConnectionError("reset"))
    answer = {"fallback": "passages"}  # any, for the generators are put in below
    with pipeline_of(tmp_path, broken, Voice("a rose [1]"), answer=answer) as pipeline:
        found = pipeline.ask("a rose")
        assert (found.text, found.degraded, len(found.citations)) == ("a rose [1]", True, 1)
        assert [stage.component for stage in found.stages if stage.stage == "generator"] == ["voice", "other"]
    with pipeline_of(tmp_path, broken, broken, answer=answer) as pipeline, pytest.raises(StageError, match="'other'"):
        pipeline.ask("a rose")


def test_a_generator_that_hangs_is_given_up_at_the_deadline(tmp_path: Path) -> None:
    hangs = Voice("well, ", end=60)
    late = pytest.raises(StageError, match="the generator 'voice' did not answer within the deadline of 1 s")
    with pipeline_of(tmp_path, hangs, answer={"deadline": 1.0}) as pipeline, late:
        pipeline.ask("a rose")
    assert hangs.closed
    with pipeline_of(tmp_path, Voice("well, ", end=60), answer={"deadline": 1.0, "fallback": "passages"}) as pipeline:
        assert pipeline.ask("a rose").degraded


def test_all_generators_together_get_three_tries(tmp_path: Path) -> None:
    calls = []

    class Tries(Voice):
        async def achat(self, messages: Sequence[ChatMessage]) -> ChatResponse:
            async def call() -> ChatResponse:
                calls.append(self.text)
                raise Passing("busy", after=0.01)

            return await tried(call, Time(5, 5), retries=5)

    pipeline = pipeline_of(tmp_path, Tries("first"), Tries("second"), answer={"fallback": "passages"})
    with pipeline, pytest.raises(GeneratorError, match="busy"):
        pipeline.ask("a rose")
    assert calls == ["first", "first", "second"]


def test_an_answer_without_a_citation_is_refused_where_the_recipe_wants_one(tmp_path: Path) -> None:
    wanted = {"require_citations": True}
    with pipeline_of(tmp_path, Voice("It is a rose, I think."), answer=wanted) as pipeline:
        answer = pipeline.ask("a rose")
        assert (answer.refused, answer.text) == (True, "the answer was refused: it cites no passage")
    with pipeline_of(tmp_path, Voice("It is a rose [1]."), answer=wanted) as pipeline:
        assert not pipeline.ask("a rose").refused


def test_a_recipe_says_the_fallback_as_a_component_or_as_the_word_passages(tmp_path: Path) -> None:
    said = recipe_of(answer={"fallback": {"use": "toy_quote"}, "deadline": 5})
    stages = assemble(check(write(tmp_path, said), CATALOG))
    assert stages.fallback is not None
    assert stages.fallback[0] == "toy_quote"
    assert check(write(tmp_path, recipe_of(answer={"fallback": "passages"})), CATALOG).answer.fallback == "passages"
    with pytest.raises(RecipeError, match=r"answer.fallback: there is no generator called 'toy_quot'"):
        check(write(tmp_path, recipe_of(answer={"fallback": {"use": "toy_quot"}})), CATALOG)
    with pytest.raises(RecipeError, match="answer.fallback"):
        check(write(tmp_path, recipe_of(answer={"fallback": "pasages"})), CATALOG)
