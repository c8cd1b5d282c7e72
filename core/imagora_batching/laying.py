"""Gathering laid beneath a built stage: its own methods stay what everybody calls, with their spans and their class.

LlamaIndex's `get_query_embedding` makes a span and calls `_get_query_embedding`; it is this one that is gathered, so
that each query keeps a span of its own. A stage that is no LlamaIndex one has no second method, and its first one is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextvars import ContextVar
from functools import partial
from typing import Any

from imagora.record import batch_size, note
from imagora.stages import PairScorer, QueryBatchEmbedder

from .gathering import Gathering
from .options import Batching, suited
from .turns import Turns

_inside: ContextVar[bool] = ContextVar("imagora_inside", default=False)
"""Whether a call of an embedder is under way here: what it calls within it needs no turn of its own."""
_LAID = "_imagora_laid"


def lay(stage: Any, name: str, options: Batching) -> Any:
    """Lay gathering beneath a built embedder or reranker, where it has a function of a list; give the stage.

    name: the component's, for the fact that says how many queries were together.
    """
    if _LAID in getattr(stage, "__dict__", {_LAID: True}):  # a build function may give the same one twice
        return stage
    object.__setattr__(stage, _LAID, True)
    heard = partial(_heard, f"batch of {name}")
    if isinstance(stage, PairScorer):
        _Laid(stage, options, heard, None).pairs()
    elif hasattr(stage, "get_text_embedding_batch"):
        _Laid(stage, options, heard, Turns(2 if getattr(stage, "parallel", False) else 1)).embedder()
    return stage


def _heard(fact: str, size: int) -> None:
    batch_size.set(size)
    if size > 1:
        note(**{fact: size})


class _Laid:
    """Puts gathered methods in the place of a stage's own."""

    def __init__(self, stage: Any, options: Batching, heard: Callable[[int], None], turns: Turns | None) -> None:
        self._stage, self._options, self._heard, self._turns = stage, options, heard, turns

    def pairs(self) -> None:
        score = self._stage.score_pairs
        gathering = Gathering[Any, float](score, suited(self._stage, "pairs", self._options), self._heard)
        self._put("score_pairs", lambda pairs: list(gathering.now(pairs, lambda: score(pairs))))

    def embedder(self) -> None:
        if isinstance(self._stage, QueryBatchEmbedder):
            self._single("words", "get_query_embedding", self._stage.get_query_embedding_batch)
        if (pictures := self._own("_get_image_embeddings")) is not None:
            self._single("pictures", "get_image_embedding", pictures)
        for name in ("_get_text_embeddings", "_get_image_embeddings"):
            if (batch := self._own(name)) is not None:
                self._put(name, partial(self._behind_queries, batch))

    def _single(self, what: str, name: str, batch: Callable[[list[Any]], Sequence[Any]]) -> None:
        beneath = f"_{name}" if hasattr(self._stage, f"_{name}") else name
        if not hasattr(self._stage, beneath):
            return
        several = partial(_within, batch)  # also for one: what is beneath makes a span of LlamaIndex's of its own
        gathering = Gathering[Any, Any](several, suited(self._stage, what, self._options), self._heard)

        def now(thing: Any) -> Any:
            assert self._turns is not None  # noqa: S101 - an embedder has them
            with self._turns.query():
                return gathering.now([thing], partial(several, [thing]))[0]

        async def later(thing: Any) -> Any:
            assert self._turns is not None  # noqa: S101 - as above
            with self._turns.query():
                return (await gathering.later([thing], partial(several, [thing])))[0]

        self._put(beneath, now)
        self._put(beneath.replace("get", "aget", 1), later)

    def _behind_queries(self, batch: Callable[[Any], Any], things: Any) -> Any:
        if self._turns is None or _inside.get():
            return batch(things)
        with self._turns.ingest():
            return _within(batch, things)

    def _own(self, name: str) -> Any:
        """Give a method, None where the stage only has LlamaIndex's own, which calls for each thing by itself."""
        method = getattr(self._stage, name, None)
        where = next((kind.__module__ for kind in type(self._stage).__mro__ if name in vars(kind)), "")
        return None if where.startswith("llama_index.core.") else method

    def _put(self, name: str, method: Callable[..., Any]) -> None:
        object.__setattr__(self._stage, name, method)


def _within(call: Callable[[Any], Any], argument: Any) -> Any:
    token = _inside.set(True)
    try:
        return call(argument)
    finally:
        _inside.reset(token)
