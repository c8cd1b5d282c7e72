"""The toy plugin's other parts: a list, a shout, a search, a reversal, a quotation, e-mails and a count."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from io import BytesIO
from typing import TYPE_CHECKING, Literal

from imagora import Answer, Item, Query, Unreadable, Verdict
from imagora.passages import passage_of
from imagora.stages import (
    Embedder,
    Index,
    LegQuery,
    PictureEmbedder,
    Place,
    Prepared,
    Scope,
    SearchRequest,
    SparseEmbedder,
)
from imagora.testing.toy_embedders import PALETTE
from imagora.testing.toy_generator import NOTHING, ToyQuote
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.retrievers import BaseRetriever
from llama_index.core.schema import NodeWithScore, QueryBundle
from PIL import Image

__all__ = ["NOTHING", "ToyQuote"]  # which ship with the contracts

if TYPE_CHECKING:
    from toys import ToyItem

EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")


class ToyList:
    def __init__(self, name: str, toys: Sequence[ToyItem]) -> None:
        self.uri, self.toys = f"toy_list:{name}", toys

    def count(self) -> int:
        return len(self.toys)

    def items(self) -> Iterator[Item | Unreadable]:
        for toy in self.toys:
            if toy.broken:
                yield Unreadable(toy.uri, "the list says that it is broken")
            else:
                title = {"title": toy.title} if toy.title else {}
                yield Item(toy.uri, toy.text, square(toy.colour) if toy.colour else None, {**title, **toy.metadata})


def square(colour: str) -> bytes:
    file = BytesIO()
    Image.new("RGB", (32, 32), PALETTE[colour]).save(file, "PNG")
    return file.getvalue()


class ToyShout:
    def __init__(self, mark: str) -> None:
        self.mark = mark

    def prepare(self, prepared: Sequence[Prepared]) -> Sequence[Prepared]:
        return [replace(one, item=self._shouted(one.item)) for one in prepared]

    def _shouted(self, item: Item) -> Item:
        return replace(item, text=item.text.upper() + self.mark if item.text else "")


class ToyRetriever(BaseRetriever):
    def __init__(
        self,
        top_k: int,
        weights: Mapping[str, float],
        fusion: Literal["rrf", "dbsf", "weighted"],
        embedders: Mapping[str, Embedder],
        index: Index | None,
    ) -> None:
        super().__init__()
        self.top_k, self.weights, self.fusion = top_k, weights or dict.fromkeys(embedders, 1.0), fusion
        self.embedders, self.index = embedders, index

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return asyncio.run(self._aretrieve(query_bundle))

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        assert self.index is not None, "the toy retriever needs an index"
        query = query_bundle if isinstance(query_bundle, Query) else Query(query_bundle.query_str)
        limit = query.top_k or self.top_k
        legs = [leg for name in self.weights for leg in await self._legs(name, query)]
        hits = await self.index.asearch(SearchRequest(tuple(legs), limit, 4 * limit, self.fusion, filter=query.filter))
        return [passage_of(hit) for hit in hits]

    async def _legs(self, leg: str, query: Query) -> list[LegQuery]:
        embedder, weight, words = self.embedders[leg], self.weights[leg], query.query_str.strip()
        if isinstance(embedder, SparseEmbedder):
            return [LegQuery(leg, leg, embedder.embed_query(words), weight)] if words else []
        found = [LegQuery(leg, leg, await embedder.aget_query_embedding(words), weight)] if words else []
        if leg == "image" and isinstance(embedder, PictureEmbedder):
            for number, picture in enumerate(query.pictures, start=1):
                vector = await embedder.aget_image_embedding(BytesIO(picture.png))
                found.append(LegQuery(f"picture {number}", leg, vector, weight))
        return found


class ToyReverse(BaseNodePostprocessor):
    """Turns every score round, so that what came best first comes out worst first."""

    keep: int | None = None

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        turned = [node.model_copy(update={"score": -(node.score or 0.0)}) for node in nodes]
        return sorted(turned, key=lambda node: -(node.score or 0.0))[: self.keep]


class ToyEmails:
    """Puts `<EMAIL_1>` for an address; the same address has the same number within one query."""

    def __init__(self, action: Literal["redact", "refuse"]) -> None:
        self.action = action

    async def acheck(self, texts: Sequence[str], place: Place, scope: Scope) -> list[Verdict]:
        known = scope.notes.setdefault("toy_emails", {})
        return [self._verdict(text, known) for text in texts]

    def _verdict(self, text: str, known: dict[str, str]) -> Verdict:
        if not EMAIL.search(text):
            return Verdict("pass", text)
        redacted = EMAIL.sub(lambda found: known.setdefault(found[0], f"<EMAIL_{len(known) + 1}>"), text)
        return Verdict(self.action, redacted, ("EMAIL_ADDRESS",))


class ToyCounter:
    def __init__(self, label: str) -> None:
        self.label, self.queries, self.failures = label, 0, 0

    async def answer(self, query: Query, inner: Callable[[Query], Awaitable[Answer]]) -> Answer:
        self.queries += 1
        try:
            return await inner(query)
        except Exception:
            self.failures += 1
            raise
