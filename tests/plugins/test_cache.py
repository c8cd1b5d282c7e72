"""The wrapper `cache`: what is kept and what is not, who works it out, and what comes of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import imagora_cache
import imagora_ingestion
import pytest
import toys
from imagora import Answer, Picture, Pipeline, Principal, Query, Verdict
from imagora.answer import Passage
from imagora.catalog import Catalog
from imagora.errors import QueryError, StageError
from imagora.events import AnswerDone, PassagesFound, TextPart
from imagora.passages import passage_of
from imagora.stages import Hit
from imagora.testing import WrapperContract
from imagora_cache.memory import MemoryStore
from imagora_caching import keys
from imagora_caching.cache import Cache
from imagora_caching.store import Kept, StoreFailed, sealed, unsealed
from imagora_caching.values import PASSAGES
from llama_index.core.base.llms.types import ChatMessage, ChatResponse
from llama_index.core.schema import NodeWithScore, TextNode
from toy_recipes import built, recipe_of
from toy_stages import square

CATALOG = Catalog.of(toys, imagora_ingestion, imagora_cache)


class TestCacheContract(WrapperContract):
    component = "cache"


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[Pipeline]:
    with made(tmp_path) as pipeline:
        yield pipeline


def made(folder: Path, options: dict[str, Any] | None = None, **sections: Any) -> Pipeline:
    pipeline = built(folder, recipe_of(wrappers=[{"use": "cache", **(options or {})}], **sections), CATALOG)
    pipeline.ingest()
    return pipeline


def cache_of(pipeline: Pipeline) -> Cache:
    ((_, cache),) = pipeline.stages.wrappers
    assert isinstance(cache, Cache)
    return cache


def with_stages(pipeline: Pipeline, **stages: Any) -> Pipeline:
    return Pipeline(pipeline.plan, replace(pipeline.stages, **stages))


class Counting:
    """A generator that counts, waits at a gate if there is one, and streams."""

    def __init__(self, said: str = "A rose [1] is what there is, and a rose is a rose is a rose is a rose.") -> None:
        self.said, self.asked, self.gate, self.error = said, 0, asyncio.Event(), ""
        self.gate.set()

    async def achat(self, messages: Sequence[ChatMessage]) -> ChatResponse:
        self.asked += 1
        await self.gate.wait()
        if self.error:
            raise StageError(self.error)
        return ChatResponse(message=ChatMessage(role="assistant", content=self.said))

    async def astream_chat(self, messages: Sequence[ChatMessage]) -> AsyncIterator[ChatResponse]:
        async def stream() -> AsyncIterator[ChatResponse]:
            self.asked += 1
            for end in range(5, len(self.said) + 5, 5):
                await self.gate.wait()
                await asyncio.sleep(0)
                yield ChatResponse(message=ChatMessage(role="assistant", content=self.said[:end]))

        return stream()


def counted(pipeline: Pipeline, **stages: Any) -> tuple[Pipeline, Counting]:
    generator = Counting()
    return with_stages(pipeline, generator=("counting", generator), **stages), generator


def facts_of(answer: Any, stage: str) -> list[dict[str, Any]]:
    return [dict(record.facts) for record in answer.stages if record.stage == stage]


# What is kept.


def test_the_same_question_is_answered_from_the_cache_and_says_so(pipeline: Pipeline) -> None:
    asked, generator = counted(pipeline)
    first, second = asked.ask("a red rose"), asked.ask("a red rose")
    assert generator.asked == 1
    assert (first.cached, second.cached is not None) == (None, True)
    told = [(a.text, a.citations, a.passages, a.verdicts, a.recipe_hash) for a in (first, second)]
    assert told[0] == told[1]
    assert [record.stage for record in second.stages] == ["cache (answer)"]
    ((fact,), (miss,)) = (facts_of(answer, "cache (answer)") for answer in (second, first))
    assert (fact["outcome"], miss["outcome"]) == ("hit", "miss")
    assert fact["age"] >= 0
    assert json.loads(json.dumps(second.to_dict()))["cached"] == second.cached


def test_a_search_is_kept_too_and_an_answer_uses_its_passages(pipeline: Pipeline) -> None:
    first, second = pipeline.search("a red rose"), pipeline.search("a red rose")
    assert (first.cached, second.cached is not None) == (None, True)
    assert first.passages == second.passages
    answer = pipeline.ask("a red rose")
    assert answer.cached is None
    assert facts_of(answer, "cache (retrieval)")[0]["outcome"] == "hit"
    assert "retriever" not in [record.stage for record in answer.stages]


def test_nothing_that_an_ingest_changed_is_given(tmp_path: Path) -> None:
    before = [{"uri": "rose", "text": "A red rose."}]
    with made(tmp_path, source={"use": "toy_list", "items": before}, index={"use": "toy_memory"}) as pipeline:
        assert pipeline.ask("rose").text == "A red rose. [1]"
        after = [{"uri": "rose", "text": "A white rose."}]
        source: Any = pipeline.stages.source
        source.toys = toys.ToyListOptions(items=after).items
        pipeline.ingest()
        assert pipeline.ask("rose").text == "A white rose. [1]"
        source.toys = ()
        pipeline.ingest()
        assert pipeline.search("rose").passages == ()


def test_a_level_of_0_seconds_is_off_and_a_short_one_ends(tmp_path: Path) -> None:
    with made(tmp_path, {"answer": 0, "retrieval": 0.2}) as pipeline:
        asked, generator = counted(pipeline)
        assert [asked.ask("rose").cached for _ in range(2)] == [None, None]
        assert generator.asked == 2
        assert asked.search("rose").cached is not None
        asyncio.run(asyncio.sleep(0.25))
        assert asked.search("rose").cached is None


def test_fresh_looks_nothing_up_and_puts_the_new_in_place_of_the_old(pipeline: Pipeline) -> None:
    asked, generator = counted(pipeline)
    asked.ask("rose")
    generator.said = "Another one [1]."
    assert asked.ask("rose").text.startswith("A rose")
    assert asked.ask("rose", fresh=True).text == "Another one [1]."
    assert asked.ask("rose").text == "Another one [1]."


# What is not kept.


def test_an_answer_that_was_refused_or_only_stood_in_is_not_kept(tmp_path: Path) -> None:
    with made(tmp_path, answer={"fallback": "passages", "require_citations": True}) as pipeline:
        asked, generator = counted(pipeline)
        generator.said = "No citation."
        assert [asked.ask("rose").refused for _ in range(2)] == [True, True]
        generator.error = "the model is down"
        assert [asked.ask("rose").degraded for _ in range(2)] == [True, True]
        generator.error, generator.said = "", "A rose [1]."
        assert asked.ask("rose").text == "A rose [1]."
        assert generator.asked == 5


def test_what_failed_or_was_cut_is_not_kept(pipeline: Pipeline) -> None:
    asked, generator = counted(pipeline)
    generator.error = "the model is down"
    for _ in range(2):
        with pytest.raises(StageError, match="the model is down"):
            asked.ask("rose")
    generator.error = ""

    async def left() -> None:
        async for event in asked.stream(Query("rose")):
            if isinstance(event, TextPart):
                break

    asyncio.run(left())
    assert asked.ask("rose").cached is None
    assert generator.asked == 4


def test_where_the_index_does_not_say_when_it_changes_passages_are_not_kept(pipeline: Pipeline) -> None:
    class Silent:
        def __init__(self, index: Any) -> None:
            self.place, self.folder, self._index = index.place, index.folder, index

        def open(self, legs: Any, *, create: bool) -> None:
            self._index.open(legs, create=create)

        def close(self) -> None:
            self._index.close()

    index: Any = Silent(pipeline.stages.index)
    asked, _ = counted(pipeline, index=index)
    assert [asked.ask("rose").cached for _ in range(2)] == [None, None]
    (fact,) = facts_of(asked.ask("rose"), "cache (answer)")
    assert (fact["outcome"], "does not say when it changes" in fact["because"]) == ("off", True)


def test_what_cannot_be_told_in_a_key_is_not_kept(pipeline: Pipeline) -> None:
    class Odd:
        """A condition of a stranger's."""

    with pytest.raises(keys.Untold, match="a Odd cannot be told"):
        keys.plain({"filter": Odd()})


def test_a_node_that_would_not_come_back_as_it_is_is_not_kept() -> None:
    class Strange(TextNode):
        """A stranger's node."""

    plain = Passage(node=TextNode(text="a", metadata={"n": 1}), score=0.5, scores={"text": 0.1})
    assert PASSAGES.read(PASSAGES.written((plain,)) or b"") == (plain,)
    ours = passage_of(Hit("1", 0.5, {"image": 0.5}, {"_uri": "a", "_text": "a chair", "_picture": "chair.png"}))
    kept = PASSAGES.written((ours,)) or b""
    assert PASSAGES.read(kept) == (ours,)
    assert b"class_name" not in kept  # in a sixth of the bytes
    assert PASSAGES.written((Passage(node=Strange(text="a"), score=0.5),)) is None
    assert PASSAGES.written((Passage(node=TextNode(text="a", metadata={"n": (1, 2)}), score=0.5),)) is None
    assert PASSAGES.written((Passage(node=TextNode(text="a"), score=float("nan")),)) is None


# Streams.


def test_a_kept_answer_is_streamed_in_parts(pipeline: Pipeline) -> None:
    asked, generator = counted(pipeline)
    said = generator.said

    async def events() -> list[Any]:
        return [event async for event in asked.stream(Query("rose"))]

    first, second = asyncio.run(events()), asyncio.run(events())
    assert generator.asked == 1
    parts = [event.text for event in second if isinstance(event, TextPart)]
    assert ("".join(parts), len(parts) > 1) == (said, True)
    found = [[event for event in these if isinstance(event, PassagesFound)] for these in (first, second)]
    assert found[0] == found[1]
    assert isinstance(second[-1], AnswerDone)
    assert second[-1].answer.cached is not None


# One works it out.


def gathered(pipeline: Pipeline, generator: Counting, number: int, leave: int = 0) -> list[Any]:
    async def ask() -> list[Any]:
        await pipeline.retrieve(Query("rose"))  # so that the first task is the first to come
        generator.gate.clear()
        tasks = [asyncio.create_task(pipeline.answer(Query("rose"))) for _ in range(number)]
        while not generator.asked:
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.05)
        for task in tasks[:leave]:
            task.cancel()
        generator.gate.set()
        return await asyncio.gather(*tasks, return_exceptions=True)

    return asyncio.run(ask())


def test_the_same_question_at_once_is_worked_out_once(pipeline: Pipeline) -> None:
    asked, generator = counted(pipeline)
    answers = gathered(asked, generator, 32)
    assert generator.asked == 1
    assert {answer.text for answer in answers} == {generator.said}
    assert sum(answer.cached is None for answer in answers) == 1


def test_who_leaves_leaves_the_work_to_the_next(pipeline: Pipeline) -> None:
    asked, generator = counted(pipeline)
    left, *answers = gathered(asked, generator, 8, leave=1)
    assert isinstance(left, asyncio.CancelledError)
    assert {answer.text for answer in answers} == {generator.said}
    assert generator.asked == 2


def test_what_fails_fails_for_each_on_its_own(pipeline: Pipeline) -> None:
    asked, generator = counted(pipeline)
    generator.error = "the model is down"
    answers = gathered(asked, generator, 4)
    assert [str(answer) for answer in answers] == ["the model is down"] * 4
    assert generator.asked == 4


def test_who_waits_does_so_within_the_deadline(tmp_path: Path) -> None:
    with made(tmp_path, answer={"deadline": 0.3}) as pipeline:
        asked, generator = counted(pipeline)

        async def ask() -> list[Any]:
            generator.gate.clear()
            return await asyncio.gather(*(asked.answer(Query("rose")) for _ in range(3)), return_exceptions=True)

        assert {type(answer) for answer in asyncio.run(ask())} == {StageError}


# Guardrails.


class Changing:
    """A guardrail on what is asked and answered; what it says of answers changes while the program runs."""

    def __init__(self) -> None:
        self.action: Any = "pass"
        self.seen: list[str] = []

    async def acheck(self, texts: Sequence[str], place: str, scope: Any) -> list[Verdict]:
        self.seen.append(place)
        acts = place == "answer" and self.action != "pass"
        return [Verdict(self.action if acts else "pass", f"{text}!" if acts else text, ("changed",)) for text in texts]


def test_guardrails_on_the_query_come_first_and_those_on_the_answer_look_again(pipeline: Pipeline) -> None:
    guardrail = Changing()
    guarded: Any = dict.fromkeys(("query", "answer"), (("changing", guardrail),))
    asked, generator = counted(pipeline, guardrails=guarded)
    asked.ask("rose")
    guardrail.seen.clear()
    assert asked.ask("rose").cached is not None
    assert guardrail.seen == ["query", "answer"]
    guardrail.action = "refuse"
    assert asked.ask("rose").refused
    guardrail.action = "pass"
    assert asked.ask("rose").cached is not None
    assert generator.asked == 2


def test_a_query_that_is_refused_is_not_looked_up(tmp_path: Path) -> None:
    refusing = {"query": [{"use": "toy_emails", "action": "refuse"}]}
    with made(tmp_path, guardrails=refusing) as pipeline:
        assert pipeline.ask("mail ann@example.org").refused
        with pytest.raises(QueryError, match="refused by the guardrail"):
            pipeline.search("mail ann@example.org")
        assert cache_of(pipeline).counts() == {}


def test_verdicts_of_passages_are_given_with_a_kept_answer(tmp_path: Path) -> None:
    items = [{"uri": "card", "text": "Write to ann@example.org."}]
    source = {"use": "toy_list", "items": items}
    with made(tmp_path, source=source, guardrails={"passages": [{"use": "toy_emails"}]}) as pipeline:
        first, second = pipeline.ask("write"), pipeline.ask("write")
        assert second.cached is not None
        assert first.verdicts == second.verdicts != ()
        assert "ann@" not in second.text


# Whose.


def test_conversations_and_tenants_have_their_own_and_users_of_one_tenant_share(pipeline: Pipeline) -> None:
    asked, _ = counted(pipeline)
    ann, bob = (Principal("a", ("x", "y"), user=name) for name in ("ann", "bob"))
    others = [{"principal": Principal("b", ("x", "y"))}, {"principal": Principal("a", ("x",))}, {"session": "1"}, {}]
    assert asked.ask("rose", principal=ann).cached is None
    assert asked.ask("rose", principal=replace(bob, groups=("y", "x", "x"))).cached is not None
    assert [asked.ask("rose", **other).cached for other in others] == [None] * 4  # type: ignore[arg-type]  # all fit


def test_pictures_are_told_apart_by_all_their_bytes(pipeline: Pipeline) -> None:
    red, blue = (Picture(square(name), 32, 32, "0" * 64, "PNG 32x32") for name in ("red", "blue"))
    one, other = (pipeline.search(pictures=[picture]) for picture in (red, blue))
    assert (one.cached, other.cached) == (None, None)
    assert one.passages[0].uri != other.passages[0].uri
    assert keys.plain(red) != keys.plain(replace(red, width=16))


# The store in memory.


def test_memory_is_bounded_by_entries_and_by_bytes_and_the_longest_unused_go_first() -> None:
    store = MemoryStore(entries=3, size=10_000)
    for key in "abc":
        store.put(key, b"x", 60)
    assert store.get("a") == b"x"
    store.put("d", b"x", 60)
    assert [store.get(key) for key in "abcd"] == [b"x", None, b"x", b"x"]
    store.put("e", b"x" * 9_000, 60)
    assert store.used[1] <= 10_000
    assert store.get("e") == b"x" * 9_000
    with pytest.raises(StoreFailed, match="too large"):
        store.put("f", b"x" * 10_001, 60)


def test_what_was_not_put_there_counts_as_garbage() -> None:
    data = sealed("key", Kept(b"value", 1.5))
    assert unsealed("key", data) == Kept(b"value", 1.5)
    for wrong in (
        b"",
        b"garbage",
        data[:-1],
        data + b"x",
        data[:9] + b"\0" + data[10:],
        sealed("other", Kept(b"v", 1)),
    ):
        with pytest.raises(StoreFailed, match="garbage"):
            unsealed("key", wrong)


def test_two_caches_are_asked_one_after_the_other(tmp_path: Path) -> None:
    recipe = recipe_of(wrappers=[{"use": "cache", "entries": 1}, {"use": "cache"}])
    with built(tmp_path, recipe, CATALOG) as pipeline:
        pipeline.ingest()
        asked, generator = counted(pipeline)
        for words in ("rose", "lemon", "rose"):
            asked.ask(words)
        assert generator.asked == 2
        near: Any = pipeline.stages.wrappers[0][1]
        assert near.counts()["answer hit"] == 1


def test_nodes_that_come_from_a_cache_are_not_those_that_others_change(pipeline: Pipeline) -> None:
    first: NodeWithScore = pipeline.search("rose").passages[0]
    first.node.metadata["title"] = "changed"
    assert pipeline.search("rose").passages[0].title == "a rose"


def test_an_answer_of_python_has_its_age(pipeline: Pipeline) -> None:
    pipeline.ask("rose")
    answer: Answer = pipeline.ask("rose")
    assert answer.cached is not None
    assert 0 <= answer.cached < 60
