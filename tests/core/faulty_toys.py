"""Toys with one fault each, and the test that must find it; test_contracts.py runs them in a pytest of their own."""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import toy_feed
import toy_index
from imagora import Component, Item, Options, Verdict, hookimpl
from imagora import testing as t
from imagora.errors import IdentityMismatch, PictureError
from imagora.stages import SparseVector
from imagora.testing.golden import fill
from llama_index.core.base.llms.types import ChatMessage, ChatResponse
from PIL import Image
from pydantic import ConfigDict, Field
from toy_embedders import ToyColour, ToyWords
from toy_feed import ToyFeed
from toy_index import ToyGenerations, ToyMemory, holds, named
from toy_ledger import ToyLedger
from toy_stages import ToyCounter, ToyEmails, ToyList, ToyQuote, ToyRetriever, ToyReverse, ToyShout
from toys import ToyItem


def stage(make: Any) -> Any:
    return pytest.fixture(lambda self: make())


def method(kind: type, name: str, change: Any) -> Any:
    """Make a stage of a kind whose method gives `change(what it should give, *what it was called with)`."""
    right = getattr(kind, name)
    return type(f"Other{kind.__name__}", (kind,), {name: lambda self, *a, **k: change(right(self, *a, **k), *a)})


def later(kind: type, name: str, change: Any) -> Any:
    """Do the same for an async method."""
    right = getattr(kind, name)

    async def other(self: Any, *args: Any, **kwargs: Any) -> Any:
        return change(await right(self, *args, **kwargs), *args)

    return type(f"Other{kind.__name__}", (kind,), {name: other})


# Offers ------------------------------------------------------------------------------------------------------------


class Bare(Options):
    size: int = 3


class Loose(Options):
    model_config = ConfigDict(extra="ignore")
    size: int = Field(3, description="a number")


def _reads_weights(options: Any, context: Any) -> Any:
    Path(__file__).with_suffix(".safetensors").open("a").close()
    Path(__file__).with_suffix(".safetensors").unlink()
    return ToyCounter("")


def _plugin(name: str, *components: Component[Any]) -> str:
    plugin: Any = SimpleNamespace(__name__=name, offer_wrappers=hookimpl(lambda: list(components)))
    plugin.offer_wrappers.__name__ = "offer_wrappers"
    sys.modules[name] = plugin
    return name


class FaultyName(t.ComponentContract):
    fails = "test_names_and_summaries_are_fit_to_print"
    plugin = _plugin("faulty_name", Component("Toy-Counter", "counts", Options, lambda o, c: ToyCounter("")))


class FaultyBareOption(t.ComponentContract):
    fails = "test_options_are_described_and_unknown_ones_refused"
    plugin = _plugin("faulty_bare", Component("toy", "counts", Bare, lambda o, c: ToyCounter("")))


class FaultyLooseOptions(t.ComponentContract):
    fails = "test_options_are_described_and_unknown_ones_refused"
    plugin = _plugin("faulty_loose", Component("toy", "counts", Loose, lambda o, c: ToyCounter("")))


class FaultyHeavy(t.ComponentContract):
    fails = "test_importing_and_offering_is_light"
    plugin = "toy_embedders"


class FaultyEager(t.ComponentContract):
    fails = "test_building_reads_no_weights_and_opens_no_connection"
    plugin = _plugin("faulty_eager", Component("toy", "counts", Options, _reads_weights))


class FaultyKind(t.ComponentContract):
    fails = "test_building_reads_no_weights_and_opens_no_connection"
    plugin = _plugin("faulty_kind", Component("toy", "counts", Options, lambda o, c: ToyShout("")))


# Sources and preparers ---------------------------------------------------------------------------------------------

ROWS = [ToyItem(uri=f"{number}", text="words") for number in range(20)]


def _list(name: str, change: Any) -> Any:
    return stage(lambda: method(ToyList, name, change)("toys", ROWS))


class FaultyOrder(t.SourceContract):
    fails = "test_items_are_the_same_each_time_and_no_name_comes_twice"
    stage = _list("items", lambda items: iter(random.sample(list(items), 20)))


class FaultyCount(t.SourceContract):
    fails = "test_items_are_the_same_each_time_and_no_name_comes_twice"
    stage = _list("count", lambda count: count + 1)


class FaultyTwice(t.SourceContract):
    fails = "test_items_are_the_same_each_time_and_no_name_comes_twice"
    stage = _list("items", lambda items: iter([Item("same", "words")] * 20))


class FaultyEmptyItem(t.SourceContract):
    fails = "test_everything_is_an_item_or_unreadable"
    stage = _list("items", lambda items: iter([Item("a", "words"), Item("b")]))


class FaultyMetadata(t.SourceContract):
    error = "TypeError"
    fails = "test_everything_is_an_item_or_unreadable"
    stage = _list("items", lambda items: iter([Item("a", "words", metadata={"path": Path()}), Item("b", "words")]))  # type: ignore[dict-item] # the fault


class FaultyDropping(t.PreparerContract):
    fails = "test_every_item_comes_out_in_its_place"
    stage = stage(lambda: method(ToyShout, "prepare", lambda out, given: [one for one in out if one.item.text])("!"))


class FaultyChanging(t.PreparerContract):
    fails = "test_every_item_comes_out_in_its_place"
    stage = stage(
        lambda: method(ToyShout, "prepare", lambda out, given: [one.item.metadata.update(x=1) or one for one in given])(
            "!"
        )
    )


def _shout(change: Any) -> Any:
    return stage(lambda: method(ToyShout, "prepare", change)("!"))


class FaultyPath(t.PreparerContract):
    error = "TypeError"
    fails = "test_what_it_gives_can_be_indexed"
    stage = _shout(lambda out, given: [replace(o, item=replace(o.item, metadata={"read": Path()})) for o in out])


def _few_colours(one: Any) -> Any:
    if one.picture is None:
        return one
    with Image.open(BytesIO(one.picture.png)) as picture:
        picture.convert("P").save(file := BytesIO(), "PNG")
    return replace(one, picture=replace(one.picture, png=file.getvalue()))


class FaultyPalette(t.PreparerContract):
    fails = "test_pictures_stay_upright_and_of_three_colours"
    stage = _shout(lambda out, given: [_few_colours(one) for one in out])


class FaultyPictureLoss(t.PreparerContract):
    fails = "test_pictures_stay_upright_and_of_three_colours"
    stage = _shout(lambda out, given: [replace(one, picture=None) for one in out])


class FaultyTrustInTags(t.PreparerContract):
    fails = "test_odd_items_are_prepared_or_refused_in_words"
    stage = _shout(lambda out, given: [o for o in out if [tag.upper() for tag in o.item.metadata.get("tags", "")] or o])


class FaultyPermit(t.PreparerContract):
    fails = "test_odd_items_are_prepared_or_refused_in_words"
    stage = stage(lambda: ToyShout("!"))

    @pytest.fixture
    def refused(self) -> list[Item]:
        return [Item("not to be indexed", "words")]


class FaultyGrudge(t.PreparerContract):
    fails = "test_odd_items_are_prepared_or_refused_in_words"

    class Grudge(ToyShout):
        def prepare(self, prepared: Any) -> Any:
            if any(not (one.picture or one.item.words) for one in prepared):
                self.mark = "?"
                raise PictureError("has nothing")
            return super().prepare(prepared)

    stage = stage(lambda: FaultyGrudge.Grudge("!"))


class Held(ToyShout):
    """Holds what it is at for a moment where all threads can see it."""

    def prepare(self, prepared: Any) -> Any:
        self.held = prepared
        time.sleep(0.002)
        return super().prepare(self.held)


class FaultyHeldItem(t.PreparerContract):
    fails = "test_threads_at_once_change_nothing"
    stage = stage(lambda: Held("!"))


class FaultyOrdered(t.PreparerContract):
    fails = "test_threads_at_once_change_nothing"

    class Wordy(ToyShout):
        ordered = "yes"

    stage = stage(lambda: FaultyOrdered.Wordy("!"))


# Feeds -------------------------------------------------------------------------------------------------------------


class Feeds(t.FeedContract):
    kind: Any = ToyFeed

    @pytest.fixture
    def reopen(self, tmp_path: Path) -> Any:
        return lambda: self.kind(tmp_path / "changes")

    @pytest.fixture
    def tell(self, tmp_path: Path) -> Any:
        return lambda things: toy_feed.tell(tmp_path / "changes", things)


def feed(**methods: Any) -> Any:
    """Make a toy feed with these methods in place of the right ones."""
    return type("OtherToyFeed", (ToyFeed,), methods)


class FaultyRepeatingFeed(Feeds):
    fails = "test_what_was_acknowledged_does_not_come_again"
    kind = feed(acknowledge=lambda self, given: None)


class FaultyBackwards(Feeds):
    fails = "test_what_was_acknowledged_does_not_come_again"
    kind = feed(items=lambda self: iter(list(ToyFeed.items(self))[::-1]))


class FaultyAdding(Feeds):
    fails = "test_what_was_acknowledged_does_not_come_again"

    def acknowledge(self: Any, given: int) -> None:
        self.kept.write_text(str(self.done() + given))  # as if it were told what came since the last time

    kind = feed(acknowledge=acknowledge)


class FaultyFarBack(Feeds):
    repeats = True
    fails = "test_what_was_acknowledged_does_not_come_again"
    kind = feed(done=lambda self: 0)


class FaultyHurriedFeed(Feeds):
    fails = "test_what_was_not_acknowledged_comes_again"

    class Eager(ToyFeed):
        def items(self) -> Any:
            for number, thing in enumerate(super().items(), start=1):
                ToyFeed.acknowledge(self, number)
                yield thing

    kind = Eager


class FaultyGenerous(Feeds):
    fails = "test_what_was_not_acknowledged_comes_again"
    kind = feed(acknowledge=lambda self, given: self.kept.write_text(str(len(self.lines()))))


class FaultyUnsaid(Feeds):
    fails = "test_deletions_come_as_such_and_the_last_word_counts"
    kind = feed(items=lambda self: (thing for thing in ToyFeed.items(self) if isinstance(thing, Item)))


class FaultyFirstWord(Feeds):
    fails = "test_deletions_come_as_such_and_the_last_word_counts"
    kind = feed(items=lambda self: iter({thing.uri: thing for thing in list(ToyFeed.items(self))[::-1]}.values()))


class FaultyRestart(Feeds):
    fails = "test_a_restart_loses_nothing_and_gives_all_where_it_can"
    kind = feed(restart=lambda self: None)


class FaultyFreshStart(Feeds):
    restarts = False
    fails = "test_a_restart_loses_nothing_and_gives_all_where_it_can"
    kind = feed(restart=lambda self: self.kept.write_text(str(len(self.lines()))))


# Embedders ---------------------------------------------------------------------------------------------------------


def _noisy(vector: list[float], *_: Any) -> list[float]:
    return [value + random.uniform(-0.01, 0.01) for value in vector]


def _colour(name: str, change: Any) -> Any:
    return stage(method(ToyColour, name, change))


class FaultyIdentity(t.EmbedderContract):
    fails = "test_it_knows_its_identity"
    stage = _colour("identity", lambda identity: replace(identity, weights=str(random.random())))


class FaultyDimension(t.EmbedderContract):
    fails = "test_a_batch_gives_in_order_what_single_texts_give"
    stage = _colour("identity", lambda identity: replace(identity, dimension=5))


class FaultyLength(t.EmbedderContract):
    fails = "test_a_batch_gives_in_order_what_single_texts_give"
    stage = _colour("_get_text_embedding", lambda vector, text: [2 * value for value in vector])


class FaultyBatch(t.EmbedderContract):
    fails = "test_a_batch_gives_in_order_what_single_texts_give"
    stage = _colour("get_text_embedding_batch", lambda vectors, texts: vectors[::-1])


class FaultyQuery(t.EmbedderContract):
    fails = "test_a_query_is_nearest_to_the_text_with_its_words"
    stage = stage(later(ToyColour, "_aget_query_embedding", _noisy))


class FaultyLongText(t.EmbedderContract):
    fails = "test_odd_texts_are_embedded"
    stage = _colour("_get_text_embedding", lambda vector, text: vector if len(text) < 40_000 else vector[:5])


class FaultyEmptyText(t.EmbedderContract):
    fails = "test_odd_texts_are_embedded"
    stage = _colour("_get_text_embedding", lambda vector, text: vector if text else [float("nan")] * len(vector))


class Shared(ToyColour):
    """Keeps the text of the call in the object, where other threads change it."""

    held: str = ""

    def _get_text_embedding(self, text: str) -> list[float]:
        self.held = text
        time.sleep(0.001)
        return super()._get_text_embedding(self.held)


class FaultyThreads(t.EmbedderContract):
    fails = "test_threads_get_what_one_caller_gets"
    stage = stage(Shared)


class FaultyMeaning(t.EmbedderContract):
    meaning = True
    fails = "test_texts_that_mean_alike_are_near"
    stage = stage(ToyColour)


class FaultyPictureBatch(t.EmbedderContract):
    pictures = True
    fails = "test_pictures_give_the_same_vectors_by_every_way"
    stage = _colour("get_image_embedding_batch", lambda vectors, files: sorted(vectors))


class FaultyOddPicture(t.EmbedderContract):
    pictures = True
    fails = "test_odd_pictures_are_embedded"
    stage = _colour("_get_image_embedding", lambda vector, file: vector if _width(file) < 1000 else [0.0] * len(vector))


def _width(file: Any) -> int:
    with Image.open(file) as picture:
        return picture.width


class FaultyCopies(t.EmbedderContract):
    pictures = True
    fails = "test_a_picture_is_nearest_to_its_own_copy"
    stage = _colour("_get_image_embedding", lambda vector, file: vector if _width(file) > 150 else vector[::-1])


class FaultyMeeting(t.EmbedderContract):
    pictures = meets = True
    fails = "test_words_and_their_picture_meet"
    stage = _colour("_get_image_embedding", lambda vector, file: vector[::-1])


def _turned(vectors: list[SparseVector], texts: list[str]) -> list[SparseVector]:
    return [SparseVector(vector.indices[::-1], vector.values[::-1]) for vector in vectors]


class FaultySparse(t.EmbedderContract):
    sparse = True
    fails = "test_a_batch_gives_in_order_what_single_texts_give"
    stage = stage(method(ToyWords, "embed_texts", _turned))


# Indexes -----------------------------------------------------------------------------------------------------------


def make(kind: Any) -> Any:
    return pytest.fixture(lambda self: kind)


class Twice(ToyMemory):
    def upsert(self, entries: Any) -> None:
        super().upsert([replace(e, id=e.id + "x" * (e.id in self.entries)) for e in entries])


class FaultyReplace(t.IndexContract):
    fails = "test_what_was_written_last_is_there_once_until_deleted"
    make = make(Twice)


class Merging(ToyMemory):
    def upsert(self, entries: Any) -> None:
        old = {e.id: self.entries[e.id].vectors for e in entries if e.id in self.entries}
        super().upsert([replace(e, vectors={**old.get(e.id, {}), **e.vectors}) for e in entries])


class FaultyMerge(t.IndexContract):
    fails = "test_what_was_written_last_is_there_once_until_deleted"
    make = make(Merging)


class Strict(ToyMemory):
    def delete(self, ids: Sequence[str]) -> None:
        for name in ids:
            del self.entries[name]


class FaultyDelete(t.IndexContract):
    error = "KeyError"
    fails = "test_what_was_written_last_is_there_once_until_deleted"
    make = make(Strict)


class Adding(ToyMemory):
    def set_payloads(self, payloads: Any) -> None:
        super().set_payloads({id_: {**self.entries[id_].payload, **payload} for id_, payload in payloads.items()})


class FaultyRelabelling(t.IndexContract):
    fails = "test_new_payloads_leave_the_vectors"
    make = make(Adding)


class Cutting(ToyMemory):
    def upsert(self, entries: Any) -> None:
        short = {e.id: {k: v[:65535] if isinstance(v, str) else v for k, v in e.payload.items()} for e in entries}
        super().upsert([replace(e, payload=short[e.id]) for e in entries])


class FaultyPayload(t.IndexContract):
    fails = "test_payloads_come_back_as_they_were"
    make = make(Cutting)


class Afterwards(ToyMemory):
    """Filters what it found, instead of what it searches."""

    async def asearch(self, request: Any) -> Any:
        hits = await super().asearch(replace(request, filter=None))
        return [hit for hit in hits if holds(request.filter, hit.payload)]


class FaultyFilterRoom(t.IndexContract):
    fails = "test_a_filter_leaves_room_for_all_that_fit"
    make = make(Afterwards)


class LooseMissing(ToyMemory):
    async def asearch(self, request: Any) -> Any:
        hits = await super().asearch(request)
        strict = type(request.filter).__name__ == "Ne"
        return [hit for hit in hits if not strict or request.filter.field in hit.payload]


class FaultyNe(t.IndexContract):
    fails = "test_filters_keep_exactly_what_fits"
    make = make(LooseMissing)


class FaultyOrderOfHits(t.IndexContract):
    fails = "test_hits_are_best_first_within_the_limit"
    make = make(later(ToyMemory, "asearch", lambda hits, request: hits[::-1]))


class FaultyLimit(t.IndexContract):
    fails = "test_hits_are_best_first_within_the_limit"

    class Endless(ToyMemory):
        async def asearch(self, request: Any) -> Any:
            return await super().asearch(replace(request, limit=request.limit + 1))

    make = make(Endless)


class FaultyScores(t.IndexContract):
    fails = "test_scores_are_raw_on_every_leg_that_the_entry_has"
    make = make(
        later(ToyMemory, "asearch", lambda hits, request: [replace(h, scores={"image": h.score}) for h in hits])
    )


class FaultyFormula(t.IndexContract):
    fails = "test_fusion_follows_its_formula"

    class FromOne(ToyMemory):
        async def asearch(self, request: Any) -> Any:
            return await super().asearch(replace(request, rrf_k=request.rrf_k + 1))

    make = make(FromOne)


class FaultyWeights(t.IndexContract):
    fails = "test_fusion_follows_its_formula"

    class Unweighted(ToyMemory):
        async def asearch(self, request: Any) -> Any:
            legs = tuple(replace(leg, weight=1.0) for leg in request.legs)
            return await super().asearch(replace(request, legs=legs))

    make = make(Unweighted)


class FaultyNegativeWeight(t.IndexContract):
    fails = "test_a_leg_query_of_negative_weight_puts_down_what_it_finds"

    class Upward(ToyMemory):
        async def asearch(self, request: Any) -> Any:
            legs = tuple(replace(leg, weight=abs(leg.weight)) for leg in request.legs)
            return await super().asearch(replace(request, legs=legs))

    make = make(Upward)


class FaultyStoredVectors(t.IndexContract):
    fails = "test_stored_vectors_come_back"
    make = make(method(ToyMemory, "vectors", lambda found, ids, leg: {key: [0.0, 3.0] for key in ids}))


class FaultyAtOnce(t.IndexContract):
    fails = "test_searches_at_once_do_not_mix"

    class Held(ToyMemory):
        async def asearch(self, request: Any) -> Any:
            self.held = request
            await asyncio.sleep(0)
            return await super().asearch(self.held)

    make = make(Held)


class FaultyForgetting(t.IndexContract):
    fails = "test_what_was_written_is_there_when_opened_again"

    class Forgetting(ToyMemory):
        def delete(self, ids: Sequence[str]) -> None:
            for name in ids:
                self.entries.pop(name, None)

    make = make(Forgetting)


class FaultyMissing(t.IndexContract):
    fails = "test_an_index_that_is_not_there_is_missing"

    class Making(ToyMemory):
        def open(self, legs: Any, *, create: bool) -> None:
            super().open(legs, create=True)

    make = make(Making)


class FaultyTrust(t.IndexContract):
    fails = "test_vectors_of_another_embedder_are_refused"

    class Trusting(ToyMemory):
        def open(self, legs: Any, *, create: bool) -> None:
            try:
                super().open(legs, create=create)
            except IdentityMismatch:
                self.identities, self.entries = toy_index.ToyMemory._read(self) or ({}, {})

    make = make(Trusting)


class FaultyBeside(t.IndexContract):
    fails = "test_a_generation_answers_while_another_one_is_built"

    class AtOnce(ToyGenerations):
        """Lets a new generation answer as soon as it is there."""

        @property
        def answering(self) -> int:
            return max(each.number for each in self.generations()) if self.generations() else 1

    make = make(AtOnce)


class FaultySwitch(t.IndexContract):
    fails = "test_a_switch_lets_another_generation_answer_and_can_be_taken_back"

    class Stuck(ToyGenerations):
        """Opens the first generation, whichever one answers."""

        def open(self, legs: Any, *, create: bool) -> None:
            self.number = self.number or 1
            self.path = named(self.first, self.number)
            super().open(legs, create=create)

    make = make(Stuck)


class FaultyRollback(t.IndexContract):
    fails = "test_a_switch_lets_another_generation_answer_and_can_be_taken_back"

    class OneWay(ToyGenerations):
        before = None

    make = make(OneWay)


class FaultyDrop(t.IndexContract):
    fails = "test_a_generation_that_does_not_answer_can_be_dropped"

    class Loose(ToyGenerations):
        """Drops the generation that answers, too."""

        def drop(self, number: int) -> None:
            named(self.first, self._there(number)).unlink()

    make = make(Loose)


class FaultyRemoval(t.IndexContract):
    fails = "test_a_generation_that_does_not_answer_can_be_dropped"

    class Keeping(ToyGenerations):
        """Forgets a dropped generation and leaves what was in it for the next one of its number."""

        def drop(self, number: int) -> None:
            kept = named(self.first, self._there(number)).read_bytes()
            super().drop(number)
            self.first.with_suffix(f".dropped{number}").write_bytes(kept)

        def open(self, legs: Any, *, create: bool) -> None:
            dropped = self.first.with_suffix(f".dropped{self.number}")
            if dropped.exists():
                dropped.rename(named(self.first, self.number or 1))
            super().open(legs, create=create)

    make = make(Keeping)


# Retrievers and rerankers ------------------------------------------------------------------------------------------


def _retriever(kind: Any) -> Any:
    def build() -> Any:
        embedders = {"image": ToyColour(), "text": ToyColour()}
        fill(index := ToyMemory(), embedders)
        return kind(8, {}, "rrf", embedders, index)

    return stage(build)


class FaultyWorstFirst(t.RetrieverContract):
    fails = "test_passages_come_best_first_and_once"
    stage = _retriever(later(ToyRetriever, "aretrieve", lambda found, query: found[::-1]))


class FaultyTopK(t.RetrieverContract):
    fails = "test_no_more_come_than_asked_for"

    class Fixed(ToyRetriever):
        async def aretrieve(self, query: Any) -> Any:
            return await super().aretrieve(replace(query, top_k=4))

    stage = _retriever(Fixed)


class FaultyUnfiltered(t.RetrieverContract):
    fails = "test_the_filter_reaches_the_index"

    class Unfiltered(ToyRetriever):
        async def aretrieve(self, query: Any) -> Any:
            return await super().aretrieve(replace(query, filter=None))

    stage = _retriever(Unfiltered)


class FaultyWordless(t.RetrieverContract):
    fails = "test_words_find_what_they_name"

    class Wordless(ToyRetriever):
        async def aretrieve(self, query: Any) -> Any:
            return await super().aretrieve(replace(query, query_str="drawing"))

    stage = _retriever(Wordless)


class FaultyBlind(t.RetrieverContract):
    fails = "test_a_picture_finds_itself_first"

    class Blind(ToyRetriever):
        async def aretrieve(self, query: Any) -> Any:
            return await super().aretrieve(replace(query, query_str="drawing", pictures=()))

    stage = _retriever(Blind)


class FaultyRetrieverAtOnce(t.RetrieverContract):
    fails = "test_queries_at_once_do_not_mix"

    class Held(ToyRetriever):
        async def aretrieve(self, query: Any) -> Any:
            self.held = query
            await asyncio.sleep(0)
            return await super().aretrieve(self.held)

    stage = _retriever(Held)


def _reverse(change: Any) -> Any:
    return stage(method(ToyReverse, "_postprocess_nodes", change))


class FaultyDoubling(t.RerankerContract):
    fails = "test_it_gives_what_it_got_each_once"
    stage = _reverse(lambda ranked, nodes, query: ranked[:1] + ranked)


class FaultyInPlace(t.RerankerContract):
    fails = "test_it_gives_what_it_got_each_once"
    stage = _reverse(lambda ranked, nodes, query: [setattr(n, "score", 0.5) or n for n in nodes])


class FaultyRanking(t.RerankerContract):
    fails = "test_its_scores_are_best_first"
    stage = _reverse(lambda ranked, nodes, query: ranked[::-1])


class FaultyShiftedScores(t.RerankerContract):
    fails = "test_a_score_is_its_own_passages"
    stage = _reverse(
        lambda ranked, nodes, query: [n.model_copy(update={"score": 1 - i / 9}) for i, n in enumerate(nodes)]
    )


class FaultyPictureless(t.RerankerContract):
    fails = "test_it_copes_with_few_passages"
    stage = _reverse(lambda ranked, nodes, query: [node for node in ranked if node.get_content()])


# Generators, guardrails, wrappers ----------------------------------------------------------------------------------


class FaultySilence(t.GeneratorContract):
    fails = "test_it_answers_in_words"
    stage = stage(later(ToyQuote, "achat", lambda said, messages: ChatResponse(message=ChatMessage(content=""))))


class FaultyCitation(t.GeneratorContract):
    cites_only_passages = True
    fails = "test_it_answers_in_words"
    stage = stage(method(ToyQuote, "_quote", lambda said, message: said.replace("[1]", "[9]")))


class FaultyEcho(t.GeneratorContract):
    cites_only_passages = True
    fails = "test_hostile_text_is_only_text"
    stage = stage(method(ToyQuote, "_quote", lambda said, message: said + (message.content or "")[-9_000:]))


class FaultyStream(t.GeneratorContract):
    fails = "test_the_stream_says_what_the_whole_says"
    stage = stage(method(ToyQuote, "stream_chat", lambda parts, messages: list(parts)[1:]))


class Emails(t.GuardrailContract):
    @pytest.fixture
    def dirty(self) -> list[tuple[str, str]]:
        return [(f"Write to {name}@example.org.", f"{name}@example.org") for name in ("ada", "bob", "cyd")]


def _emails(change: Any) -> Any:
    return stage(lambda: later(ToyEmails, "acheck", change)("redact"))


class FaultyTrimming(Emails):
    fails = "test_clean_texts_pass_as_they_are"
    stage = _emails(lambda verdicts, texts, *_: [replace(v, text=" ".join(v.text.split())) for v in verdicts])


class FaultyLeak(Emails):
    fails = "test_dirty_texts_do_not_pass"
    stage = _emails(
        lambda verdicts, texts, *_: [replace(v, text=text) for v, text in zip(verdicts, texts, strict=True)]
    )


class FaultyReason(Emails):
    fails = "test_dirty_texts_do_not_pass"
    stage = _emails(
        lambda verdicts, texts, *_: [replace(v, reasons=(text,)) for v, text in zip(verdicts, texts, strict=True)]
    )


class FaultyVerdictOrder(Emails):
    fails = "test_dirty_texts_do_not_pass"
    stage = _emails(lambda verdicts, texts, *_: sorted(verdicts, key=lambda verdict: verdict.action))


class FaultySharedMapping(Emails):
    fails = "test_queries_at_once_do_not_mix"
    known: dict[str, str] = {}  # noqa: RUF012 - that it is shared is the fault

    class Sharing(ToyEmails):
        async def acheck(self, texts: Any, place: Any, scope: Any) -> list[Verdict]:
            scope.notes["toy_emails"] = FaultySharedMapping.known
            return await super().acheck(texts, place, scope)

    stage = stage(lambda: FaultySharedMapping.Sharing("redact"))


class FaultyRetry(t.WrapperContract):
    fails = "test_an_answer_passes_through_and_is_worked_out_once"

    class Again(ToyCounter):
        async def answer(self, query: Any, inner: Any) -> Any:
            await inner(query)
            return await inner(query)

    stage = stage(lambda: FaultyRetry.Again(""))


class FaultyCache(t.WrapperContract):
    fails = "test_each_query_gets_its_own_answer"

    class Cache(ToyCounter):
        def __init__(self) -> None:
            self.kept: dict[str, Any] = {}

        async def answer(self, query: Any, inner: Any) -> Any:
            if query.query_str not in self.kept:
                self.kept[query.query_str] = await inner(query)
            return self.kept[query.query_str]

    stage = stage(Cache)


class FaultySwallowing(t.WrapperContract):
    error = "RuntimeError"
    fails = "test_a_failure_comes_out_as_it_is"

    class Swallowing(ToyCounter):
        async def answer(self, query: Any, inner: Any) -> Any:
            try:
                return await inner(query)
            except Exception as failure:
                raise RuntimeError("something failed") from failure

    stage = stage(lambda: FaultySwallowing.Swallowing(""))


# Ledgers -----------------------------------------------------------------------------------------------------------


def ledger(**methods: Any) -> Any:
    """Make the fixture `make` of a ledger with these methods in place of the right ones."""
    kind = type("OtherToyLedger", (ToyLedger,), methods)
    return pytest.fixture(lambda self: kind)


def _commits_at_mark(self: Any, rows: Any, state: Any) -> None:
    ToyLedger.commit(self, rows)


def _replaces_at_mark(self: Any, rows: Any, state: Any) -> None:
    ToyLedger.delete(self, [row.id for row in rows])
    ToyLedger.mark(self, rows, state)


class FaultyHasty(t.LedgerContract):
    fails = "test_an_item_has_empty_hashes_until_its_first_version_is_committed"
    make = ledger(mark=_commits_at_mark)


class FaultySuccessor(t.LedgerContract):
    fails = "test_hashes_stay_while_a_successor_is_under_way"
    make = ledger(mark=_replaces_at_mark)


class FaultyTwins(t.LedgerContract):
    fails = "test_an_item_that_comes_twice_in_one_call_has_the_last_version"
    make = ledger(commit=lambda self, rows: ToyLedger.commit(self, rows[::-1]))


class FaultyUndead(t.LedgerContract):
    fails = "test_what_is_deleted_is_gone"
    make = ledger(delete=lambda self, ids: ToyLedger.delete(self, ids[:1]))


class FaultySources(t.LedgerContract):
    fails = "test_ids_are_those_of_the_source_that_is_asked_for"
    make = ledger(ids=lambda self, source=None, committed=False: ToyLedger.ids(self, committed=committed))


class FaultyPages(t.LedgerContract):
    fails = "test_rows_may_be_deleted_while_ids_are_given"

    class ByNumber(ToyLedger):
        def ids(self, source: str | None = None, *, committed: bool = False) -> Any:
            start = 0  # pages by number miss what moves up when earlier rows are deleted
            while page := self.page(source, "", committed=committed)[start : start + 1000]:
                yield from page
                start += 1000

    make = ledger(ids=ByNumber.ids)


class FaultyFew(t.LedgerContract):
    fails = "test_one_call_takes_thousands_of_rows"
    make = ledger(rows=lambda self, ids: ToyLedger.rows(self, ids[:1000]))


class FaultyMercy(t.LedgerContract):
    fails = "test_a_commit_takes_its_names_out_of_quarantine"

    def commit(self: Any, rows: Any) -> None:
        with self.writing() as here:
            refused = dict(here["refused"])
            ToyLedger.commit(self, rows)
            here["refused"].update(refused)

    make = ledger(commit=commit)


class FaultyRelease(t.LedgerContract):
    fails = "test_the_end_of_an_ingest_releases_what_other_runs_refused"
    make = ledger(finish=lambda self, source, run, release: ToyLedger.finish(self, source, run, release=False))


class FaultyBeginning(t.LedgerContract):
    fails = "test_an_ingest_begins_once_and_stays_finished"

    def begin(self: Any, source: str) -> bool:
        with self.writing() as here:
            before = source in here["sources"]
            here["sources"][source] = False
            return before

    make = ledger(begin=begin)


class FaultyGenerations(t.LedgerContract):
    fails = "test_generations_know_nothing_of_each_other"
    make = ledger(open=lambda self, generation, create=True: ToyLedger.open(self, 1, create=create))


class FaultyMemory(t.LedgerContract):
    fails = "test_what_is_forgotten_was_never_there"

    def forget(self: Any) -> None:
        with self.writing() as here:
            here["rows"].clear()

    make = ledger(forget=forget)


class FaultyReopening(t.LedgerContract):
    fails = "test_what_was_written_is_there_when_opened_again"

    def reopen(self: Any, generation: int, *, create: bool = True) -> bool:
        there = ToyLedger.open(self, generation, create=create)
        with self.writing() as here:  # takes what was under way for lost
            here["rows"] = {id_: kept for id_, kept in here["rows"].items() if kept[1] == "committed"}
        return there

    make = ledger(open=reopen)


class FaultyMaking(t.LedgerContract):
    fails = "test_without_create_nothing_is_made"
    make = ledger(open=lambda self, generation, create=True: ToyLedger.open(self, generation))


class FaultyReader(t.LedgerContract):
    fails = "test_a_reader_sees_what_is_written_meanwhile"

    def reading(self: Any) -> Any:
        self.read = self.read and (self.path.stat().st_ino, self.path.stat().st_mtime_ns)
        return ToyLedger.reading(self)

    make = ledger(reading=reading)


class FaultyNames(t.LedgerContract):
    fails = "test_odd_names_come_back_as_they_were"
    make = ledger(
        commit=lambda self, rows: ToyLedger.commit(self, [replace(row, uri=row.uri.replace("\0", "")) for row in rows])
    )


class FaultyHalf(t.LedgerContract):
    fails = "test_a_write_that_fails_writes_nothing"

    def quarantine(self: Any, source: str, run: str, refused: Any) -> None:
        for one in refused:
            ToyLedger.quarantine(self, source, run, [one])

    make = ledger(quarantine=quarantine)


class FaultyLosing(t.LedgerContract):
    fails = "test_several_threads_may_use_it_at_once"

    def commit(self: Any, rows: Any) -> None:
        with self.reading() as here:
            before = json.loads(json.dumps(here))
        time.sleep(0.01)  # what others write meanwhile is lost
        with self.writing() as here:
            here.update(before)
            ToyLedger.commit(self, rows)

    make = ledger(commit=commit)


class FaultyDurable(t.LedgerContract):
    fails = "test_what_was_committed_survives_a_kill_and_nothing_is_half_written"

    class AtTheEnd(ToyLedger):
        def write(self, text: str) -> None:
            self.text = text

        def close(self) -> None:
            ToyLedger.write(self, self.text)

        def open(self, generation: int, *, create: bool = True) -> bool:
            super().write("{}") if create else None
            return super().open(generation, create=create)

    make = pytest.fixture(lambda self: FaultyDurable.AtTheEnd)
