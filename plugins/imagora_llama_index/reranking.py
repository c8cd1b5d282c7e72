"""A reranker around one of LlamaIndex's postprocessors: passages stay the index's own, errors are in words."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from imagora import BuildContext, Options
from imagora.errors import ImagoraError, StageError
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import NodeWithScore, QueryBundle
from pydantic import PrivateAttr, SecretStr

from .known_rerankers import KNOWN_RERANKERS, KnownReranker

_LONGEST = 300


class Postprocessed(BaseNodePostprocessor):
    """Puts passages in the order that a postprocessor of LlamaIndex gives them, with its scores.

    What it cannot judge, such as a picture without words, is not given to it and comes behind what it kept. It gets
    copies, so that whatever it does to them, the passages that go on are those that came.
    """

    _known: KnownReranker = PrivateAttr()
    _options: Options = PrivateAttr()
    _make: Callable[[], BaseNodePostprocessor] = PrivateAttr()
    _made: BaseNodePostprocessor | None = PrivateAttr(default=None)

    def __init__(self, known: KnownReranker, options: Options, make: Callable[[], BaseNodePostprocessor]) -> None:
        super().__init__()
        self._known, self._options, self._make = known, options, make

    @classmethod
    def class_name(cls) -> str:
        """Give the name that LlamaIndex serialises."""
        return "Postprocessed"

    async def _apostprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        words = query_bundle.query_str.strip() if query_bundle else ""
        judged = [node for node in nodes if self._can_judge(node)]
        if not judged or (self._known.reads_words and not words):
            return list(nodes)
        copies = [NodeWithScore(node=node.node.model_copy(deep=True), score=node.score) for node in judged]
        try:
            async with asyncio.timeout(getattr(self._options, "timeout", None)):
                if self._made is None:
                    self._made = await asyncio.to_thread(self._make)
                given = await self._made.apostprocess_nodes(copies, QueryBundle(words))
        except TimeoutError:
            raise StageError(f"the reranker '{self._known.name}' has not answered in time") from None
        except ImagoraError:
            raise
        except Exception as error:  # a stranger's client may raise anything
            raise StageError(f"the reranker '{self._known.name}' failed: {self._said(error)}") from None
        kept = self._own(judged, given)
        if not kept and self._known.reads_words:
            raise StageError(f"the reranker '{self._known.name}' gave none of {len(judged)} passages back")
        return [*kept, *(node for node in nodes if not self._can_judge(node))]

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(asyncio.run, self._apostprocess_nodes(nodes, query_bundle)).result()

    def _can_judge(self, node: NodeWithScore) -> bool:
        known = self._known
        return not (
            (known.reads_scores and node.score is None) or (known.reads_words and not node.node.get_content().strip())
        )

    def _own(self, nodes: Sequence[NodeWithScore], given: Sequence[NodeWithScore]) -> list[NodeWithScore]:
        """Give the passages that came, each once, in the order and with the scores that were given."""
        came, kept = {node.node.node_id: node for node in nodes}, dict[str, NodeWithScore]()
        for one in given:
            if (own := came.get(one.node.node_id)) is None:
                continue
            changed: dict[str, Any] = {} if one.score is None else {"score": float(one.score)}
            if self._known.rewrites and getattr(self._options, "key", None) in own.node.metadata:
                changed["node"] = one.node
            kept.setdefault(one.node.node_id, own.model_copy(update=changed))
        return list(kept.values())

    def _said(self, error: Exception) -> str:
        said = (str(error).strip().splitlines() or [type(error).__name__])[0]
        for _, value in self._options:
            if isinstance(value, SecretStr):
                said = said.replace(value.get_secret_value(), "…")
        return said[:_LONGEST]


def reranker(name: str, options: Options, context: BuildContext) -> Postprocessed:
    """Make a reranker by its known name."""
    known = KNOWN_RERANKERS[name]
    built = {"generator": context.build(generator)} if (generator := getattr(options, "generator", None)) else {}
    return Postprocessed(known, options, lambda: known.made(options, lambda _: built["generator"]))
