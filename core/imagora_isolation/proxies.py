"""What stands in a pipeline for a component in another process: one class for what each kind must be able to do."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

from imagora.answer import Passage
from imagora.query import Query
from imagora.stages import Identity, Place, Prepared, Scope, SparseVector, Verdict
from llama_index.core.base.llms.types import ChatMessage, ChatResponse
from llama_index.core.schema import NodeWithScore, QueryBundle

from .process import Process


class Isolated:
    """A stage whose component is in another process; `close` ends it, and the next call starts it again."""

    def __init__(self, process: Process) -> None:
        self.process = process

    def close(self) -> None:
        """End the process."""
        self.process.close()


class IsolatedText(Isolated):
    """An `imagora.stages.TextEmbedder`."""

    _identity: Identity | None = None

    def identity(self) -> Identity:
        """Say what makes the vectors; asked once, for it does not change."""
        if self._identity is None:
            self._identity = self.process.call("identity")
        return self._identity

    def get_text_embedding_batch(self, texts: list[str], **_: Any) -> list[list[float]]:
        """Embed texts."""
        return _vectors(self.process.call("get_text_embedding_batch", list(texts)))

    def get_query_embedding(self, query: str) -> list[float]:
        """Embed the words of a query."""
        return list(self.process.call("get_query_embedding", query))

    async def aget_query_embedding(self, query: str) -> list[float]:
        """Embed the words of a query."""
        return list(await self.process.acall("aget_query_embedding", query))


class IsolatedPicture(IsolatedText):
    """An `imagora.stages.PictureEmbedder`."""

    def get_image_embedding_batch(self, img_file_paths: list[Any], **_: Any) -> list[list[float]]:
        """Embed pictures: files, or their bytes."""
        return _vectors(self.process.call("get_image_embedding_batch", [_bytes(file) for file in img_file_paths]))

    def get_image_embedding(self, img_file_path: Any) -> list[float]:
        """Embed the picture of a query."""
        return list(self.process.call("get_image_embedding", _bytes(img_file_path)))

    async def aget_image_embedding(self, img_file_path: Any) -> list[float]:
        """Embed the picture of a query."""
        return list(await self.process.acall("aget_image_embedding", _bytes(img_file_path)))


class IsolatedSparse(Isolated):
    """An `imagora.stages.SparseEmbedder`."""

    def identity(self) -> Identity:
        """Say what makes the vectors."""
        identity: Identity = self.process.call("identity")
        return identity

    def embed_texts(self, texts: Sequence[str]) -> list[SparseVector]:
        """Embed texts."""
        return list(self.process.call("embed_texts", list(texts)))

    def embed_query(self, query: str) -> SparseVector:
        """Embed the words of a query."""
        vector: SparseVector = self.process.call("embed_query", query)
        return vector


class IsolatedReranker(Isolated):
    """An `imagora.stages.Reranker`: nodes that come back are the caller's own, in the new order with the new scores."""

    async def apostprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        """Give the nodes in a new order."""
        own = {node.node_id: node for node in nodes}
        back: list[NodeWithScore] = await self.process.acall("apostprocess_nodes", list(nodes), _query(query_bundle))
        return [_rescored(own[node.node_id], node) if node.node_id in own else node for node in back]


class IsolatedRetriever(Isolated):
    """An `imagora.stages.Retriever`, for one that needs none of the recipe's embedders and not its index."""

    async def aretrieve(self, str_or_query_bundle: Any) -> list[NodeWithScore]:
        """Find passages."""
        return list(await self.process.acall("aretrieve", _query(str_or_query_bundle)))


class IsolatedGenerator(Isolated):
    """An `imagora.stages.Generator` that does not stream."""

    def __init__(self, process: Process, facts: Mapping[str, Any]) -> None:
        super().__init__(process)
        self.images = int(facts.get("images", 0))

    async def achat(self, messages: Sequence[ChatMessage], **_: Any) -> ChatResponse:
        """Answer."""
        response: ChatResponse = await self.process.acall("achat", list(messages))
        return response


class IsolatedStream(IsolatedGenerator):
    """An `imagora.stages.Generator` that streams."""

    async def astream_chat(self, messages: Sequence[ChatMessage], **_: Any) -> AsyncIterator[ChatResponse]:
        """Answer in parts."""
        return self.process.stream("astream_chat", list(messages))


class IsolatedGuardrail(Isolated):
    """An `imagora.stages.Guardrail`; what it keeps for a query, it keeps in its own process."""

    async def acheck(self, texts: Sequence[str], place: Place, scope: Scope) -> list[Verdict]:
        """Give one verdict for each text, in order."""
        name = scope.notes.setdefault(f"isolated:{id(self)}", uuid.uuid4().hex)
        return list(await self.process.acall("acheck", list(texts), place, scope=name))


class IsolatedPreparer(Isolated):
    """An `imagora.stages.Preparer`; it may change all but where a picture's bytes come from."""

    def __init__(self, process: Process, facts: Mapping[str, Any]) -> None:
        super().__init__(process)
        self.ordered = bool(facts.get("ordered", False))

    def prepare(self, prepared: Sequence[Prepared]) -> Sequence[Prepared]:
        """Give one for each one."""
        sent = [replace(one, item=replace(one.item, picture=None)) for one in prepared]
        back: list[Prepared] = self.process.call("prepare", sent)
        return [
            replace(new, item=replace(new.item, picture=old.item.picture))
            for new, old in zip(back, prepared, strict=True)
        ]


def _bytes(file: Any) -> Any:
    if isinstance(file, str | Path):
        return str(file)
    return file.getvalue() if isinstance(file, BytesIO) else file.read()


def _vectors(given: Any) -> list[list[float]]:
    return [list(vector) for vector in given]


def _query(bundle: Any) -> Query | None:
    if bundle is None or isinstance(bundle, Query):
        return bundle
    return Query(query_str=bundle if isinstance(bundle, str) else bundle.query_str)


def _rescored(own: NodeWithScore, back: NodeWithScore) -> NodeWithScore:
    if isinstance(own, Passage):
        scores = {**own.scores, **(back.scores if isinstance(back, Passage) else {})}
        made = Passage(node=own.node, score=back.score, scores=scores)
        made._uri = own._uri
        return made
    return NodeWithScore(node=own.node, score=back.score)
