"""Faulty rerankers: one fault each, and the test that must find it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any, ClassVar

from imagora import testing as t
from toy_stages import ToyReverse

from faulty.making import later, method, stage


def _reverse(change: Any) -> Any:
    return stage(method(ToyReverse, "_postprocess_nodes", change))


class FaultyDoubling(t.RerankerContract):
    """The first passage comes twice."""

    fails = "test_it_gives_what_it_got_each_once"
    stage = _reverse(lambda ranked, nodes, query: ranked[:1] + ranked)


class FaultyInPlace(t.RerankerContract):
    """It changes the scores of the passages that it was given."""

    fails = "test_it_gives_what_it_got_each_once"
    stage = _reverse(lambda ranked, nodes, query: [setattr(n, "score", 0.5) or n for n in nodes])


class FaultyBatchingOfNone(t.RerankerContract):
    """It says that no pairs at all together suit it."""

    error = "imagora.errors.PluginError"
    fails = "test_what_it_says_of_batching_can_be"

    class Nothing(ToyReverse):
        usual_batching: ClassVar[Any] = {"pairs": {"most": 0}}

    stage = stage(Nothing)


class FaultyRanking(t.RerankerContract):
    """Scores and order disagree."""

    fails = "test_its_scores_are_best_first"
    stage = _reverse(lambda ranked, nodes, query: ranked[::-1])


class FaultyShiftedScores(t.RerankerContract):
    """Scores are moved to other passages: they stay in the order of what came in."""

    real = "LlamaIndex #20597"
    fails = "test_a_score_is_its_own_passages"
    stage = _reverse(
        lambda ranked, nodes, query: [n.model_copy(update={"score": 1 - i / 9}) for i, n in enumerate(nodes)]
    )


class FaultyPictureless(t.RerankerContract):
    """Pictures without words are dropped."""

    fails = "test_it_copes_with_few_passages"
    stage = _reverse(lambda ranked, nodes, query: [node for node in ranked if node.get_content()])


class FaultyChoking(t.RerankerContract):
    """A passage without words is an error."""

    real = "LlamaIndex #20742"
    error = "ValueError"
    fails = "test_it_copes_with_few_passages"

    class Wordy(ToyReverse):
        def _postprocess_nodes(self, nodes: Any, query_bundle: Any = None) -> Any:
            if any(not node.get_content() for node in nodes):
                raise ValueError("Node must be a TextNode to get text.")
            return super()._postprocess_nodes(nodes, query_bundle)

    stage = stage(Wordy)


class FaultyNoneScore(t.RerankerContract):
    """A passage without a score is an error."""

    real = "LlamaIndex #12497"
    error = "TypeError"
    fails = "test_passages_without_scores_are_ranked"

    class Counting(ToyReverse):
        def _postprocess_nodes(self, nodes: Any, query_bundle: Any = None) -> Any:
            turned = [node.model_copy(update={"score": -node.score}) for node in nodes]
            return sorted(turned, key=lambda node: -node.score)

    stage = stage(Counting)


class FaultyLostBytes(t.RerankerContract):
    """Passages go through JSON, in which the bytes of a picture are not as they were."""

    real = "LlamaIndex's MediaResource.data"
    fails = "test_pictures_stay_whether_they_can_be_read_or_not"
    stage = _reverse(lambda ranked, nodes, query: [_without_bytes(node) for node in ranked])


def _without_bytes(node: Any) -> Any:
    other = node.model_copy(deep=True)
    if other.node.image_resource is not None:
        other.node.image_resource.data = None
    return other


class FaultyLongPassage(t.RerankerContract):
    """An over-long passage is an error."""

    error = "ValueError"
    fails = "test_over_long_words_are_ranked"

    class Short(ToyReverse):
        def _postprocess_nodes(self, nodes: Any, query_bundle: Any = None) -> Any:
            if any(len(node.get_content()) > 50_000 for node in nodes):
                raise ValueError("token indices sequence length is longer than the maximum")
            return super()._postprocess_nodes(nodes, query_bundle)

    stage = stage(Short)


class FaultyAsync(t.RerankerContract):
    """In a loop it does nothing."""

    fails = "test_it_ranks_the_same_in_a_loop_or_not"
    stage = stage(later(ToyReverse, "apostprocess_nodes", lambda ranked, nodes, query: list(nodes)))


class FaultyCancelledRanking(t.RerankerContract):
    """A call that is cancelled goes on all the same."""

    fails = "test_a_call_that_is_cancelled_ends_and_harms_no_other"

    class Stubborn(ToyReverse):
        async def apostprocess_nodes(self, nodes: Any, query_bundle: Any = None, query_str: Any = None) -> Any:
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(0.01)
            return await super().apostprocess_nodes(nodes, query_bundle, query_str)

    stage = stage(Stubborn)
