"""What the built component of each kind must be able to do: one protocol a kind.

Retrievers, rerankers, generators and dense embedders are LlamaIndex's own types, so any integration of theirs fits;
the protocols name the part of them that the pipeline calls. Nothing here imports LlamaIndex when the program runs.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, runtime_checkable

from .filters import Filter
from .item import Deleted, Item, JSONValue, Picture, Unreadable

if TYPE_CHECKING:
    from llama_index.core.base.llms.types import ChatMessage, ChatResponse
    from llama_index.core.schema import NodeWithScore, QueryBundle

    from .answer import Answer, Found, Passage
    from .query import Query

Place = Literal["query", "passages", "answer"]
LegName = Literal["image", "text", "sparse"]
LEGS: tuple[LegName, ...] = ("image", "text", "sparse")


@dataclass(frozen=True)
class Identity:
    """What made a vector; vectors are comparable only where the whole identity is equal.

    embedder: the model's name. weights: a hash of its weights. preprocessing: in words, e.g. "pad 224 bicubic".
    dimension: numbers in a vector, 0 for sparse ones. metric: "cosine", "dot" or, for sparse vectors, "bm25".
    """

    embedder: str
    weights: str
    preprocessing: str
    dimension: int
    metric: Literal["cosine", "dot", "bm25"]

    def __str__(self) -> str:
        size = f"{self.dimension} dimensions, {self.metric}"
        return f"{self.embedder} ({size}, weights {self.weights[:12]}, {self.preprocessing})"


@dataclass(frozen=True)
class SparseVector:
    """The non-zero places of a vector: indices (sorted, unique) and their values, of equal length."""

    indices: tuple[int, ...]
    values: tuple[float, ...]


Vector: TypeAlias = Sequence[float] | SparseVector


@runtime_checkable
class TextEmbedder(Protocol):
    """Words to vectors: a LlamaIndex BaseEmbedding that knows its identity."""

    def identity(self) -> Identity: ...
    def get_text_embedding_batch(self, texts: list[str]) -> list[list[float]]: ...
    async def aget_query_embedding(self, query: str) -> list[float]: ...


@runtime_checkable
class QueryBatchEmbedder(TextEmbedder, Protocol):
    """An embedder that embeds the words of several queries in one call: the host gathers those that come together."""

    def get_query_embedding_batch(self, queries: list[str]) -> list[list[float]]:
        """Give in order what `get_query_embedding` gives for each, within rounding."""


@runtime_checkable
class CuttingEmbedder(TextEmbedder, Protocol):
    """An embedder that drops the end of a text that is longer than it reads, and counts such texts."""

    @property
    def texts_cut(self) -> int:
        """How many texts lost their end so far."""


@runtime_checkable
class PictureEmbedder(TextEmbedder, Protocol):
    """Pictures and words to vectors of one space: a LlamaIndex MultiModalEmbedding that knows its identity."""

    def get_image_embedding_batch(self, img_file_paths: list[Any]) -> list[list[float]]: ...
    async def aget_image_embedding(self, img_file_path: str | BytesIO) -> list[float]: ...


@runtime_checkable
class SparseEmbedder(Protocol):
    """Words to sparse vectors, such as BM25's term weights."""

    def identity(self) -> Identity: ...
    def embed_texts(self, texts: Sequence[str]) -> list[SparseVector]: ...
    def embed_query(self, query: str) -> SparseVector: ...


@runtime_checkable
class ItemEmbedder(TextEmbedder, Protocol):
    """Whole items to vectors, such as one vector of picture and words together; used instead of one for pictures."""

    def embed_items(self, items: Sequence[Prepared]) -> list[Sequence[float] | None]:
        """Give one vector for each item, None for an item that it has nothing to embed of."""


Embedder: TypeAlias = TextEmbedder | PictureEmbedder | SparseEmbedder


@dataclass(frozen=True)
class Entry:
    """An item as it is written to an index: its id (a UUID), its vectors by leg, and its payload (flat, JSON)."""

    id: str
    vectors: Mapping[str, Vector]
    payload: Mapping[str, JSONValue]


@dataclass(frozen=True)
class LegQuery:
    """One vector to search one leg with; `name` tells apart two of them on the same leg, and keys the scores.

    weight: its part in the fusion; below 0 it puts down what it finds.
    """

    name: str
    leg: str
    vector: Vector
    weight: float = 1.0


@dataclass(frozen=True)
class SearchRequest:
    """One search over the legs of an index, fused there.

    fusion: "rrf" (sum of weight / (rrf_k + rank), ranks from 0), "dbsf" (scores normalised by mean and
    three standard deviations of each leg, then summed with weights) or "weighted" (weighted sum of raw scores).
    limit: hits to return. candidates: hits taken from each leg before fusion.
    """

    legs: tuple[LegQuery, ...]
    limit: int
    candidates: int
    fusion: Literal["rrf", "dbsf", "weighted"] = "rrf"
    rrf_k: int = 60
    filter: Filter | None = None


@dataclass(frozen=True)
class Hit:
    """An entry that was found: the fused score, and the raw score on each leg query where the entry has that vector."""

    id: str
    score: float
    scores: Mapping[str, float]
    payload: Mapping[str, JSONValue]


class Index(Protocol):
    """Vectors and payloads, kept and searched. Filters are applied by the index itself, never afterwards."""

    @property
    def place(self) -> str:
        """Where it is, in words for errors and records: a folder or an address without credentials."""

    @property
    def folder(self) -> Path | None:
        """The local folder that it lives in, None for a server; the ledger lies beside it."""

    def open(self, legs: Mapping[str, Identity], *, create: bool) -> None:
        """Open for these legs; raise IdentityMismatch for another's vectors, IndexMissing if not there."""

    def upsert(self, entries: Sequence[Entry]) -> None:
        """Write entries, replacing those of equal id; durable when it returns."""

    def set_payloads(self, payloads: Mapping[str, Mapping[str, JSONValue]]) -> None:
        """Replace the payloads of entries by id and leave their vectors; durable when it returns."""

    def delete(self, ids: Sequence[str]) -> None:
        """Remove entries by id; unknown ids are ignored; durable when it returns."""

    def count(self) -> int:
        """Say how many entries there are."""

    def ids(self) -> Iterator[str]:
        """Give the ids of all entries, each once, in any order, without holding them all."""

    async def asearch(self, request: SearchRequest) -> list[Hit]:
        """Find the best entries, best first, at most `request.limit` of them."""

    def close(self) -> None:
        """Let go of files and connections; a closed index can be opened again."""


@runtime_checkable
class LocalIndex(Index, Protocol):
    """An index inside this process: a thread that embeds a query can search in it, too, without a further switch."""

    def search(self, request: SearchRequest) -> list[Hit]:
        """Do what `asearch` does, in the calling thread."""


@runtime_checkable
class VectorIndex(Index, Protocol):
    """An index that also gives vectors back, at full precision whatever it searches with."""

    def vectors(self, ids: Sequence[str], leg: str) -> Mapping[str, Vector]:
        """Give by id what is stored on a leg (cosine legs: the direction); an entry without it is missing."""


@runtime_checkable
class VersionedIndex(Index, Protocol):
    """An index that can say whether it is as it was, so that what was found in it can be kept."""

    async def aversion(self) -> str | None:
        """Name the state of what is open: another name after every write, whoever wrote, and never one of before.

        The name changes after a write is seen by searches and before it is called done. None where it cannot be told,
        as while another process writes.
        """


@dataclass(frozen=True)
class Generation:
    """One of the generations of an index: its number, counted from 1, and whose vectors it holds, by leg."""

    number: int
    legs: Mapping[str, Identity]


@runtime_checkable
class GenerationalIndex(Index, Protocol):
    """An index that can hold vectors of several makers side by side, of which one generation answers.

    `open` opens the generation that answers; where its vectors are another's and those of a generation beside it fit,
    the IdentityMismatch says how to switch.
    """

    def generations(self) -> list[Generation]:
        """Give what is there, in the order of numbers; works on a closed index, and is empty where none was made."""

    def generation(self, number: int) -> Index:
        """Give the index of one generation, closed; `open(…, create=True)` makes it where it is not there."""

    @property
    def answering(self) -> int:
        """The number of the generation that answers; 1 where none was made."""

    @property
    def before(self) -> int | None:
        """The number of the generation that answered before the last switch, None where there is none."""

    def switch(self, number: int) -> None:
        """Let another generation answer, at once and for good; who has the old one open keeps it until it closes."""

    def drop(self, number: int) -> None:
        """Remove a generation that does not answer; IndexInUse where another process has it open."""


class Source(Protocol):
    """Where items come from."""

    @property
    def uri(self) -> str:
        """What tells this source from others; items that vanish from a source are deleted from the index."""

    def count(self) -> int | None:
        """Say how many items there will be, None where that is not known."""

    def items(self) -> Iterator[Item | Unreadable | Deleted]:
        """Give every item, in a stable order; what cannot be read comes as Unreadable with the reason."""


@runtime_checkable
class Feed(Source, Protocol):
    """A source that gives changes only, such as a queue: what it does not give is not taken for deleted."""

    def restart(self) -> None:
        """Hear, before `items`, that the index has nothing of this source: give all from the start where possible."""

    def acknowledge(self, given: int) -> None:
        """Hear, after every batch, that the first `given` of all that `items` gave are durable or refused for good."""


@runtime_checkable
class WatchedSource(Source, Protocol):
    """A source that can say when something in it changed."""

    def wait(self, stop: Event) -> bool:
        """Block until something changed and has been quiet for a moment; False once `stop` is set.

        What changes from the last call of `items` on counts, so that nothing falls between the two. A first call with
        `stop` set only begins to listen; before it, `items` need not know what came when.
        """


@dataclass(frozen=True)
class Prepared:
    """An item on its way to the embedders, with its picture decoded: upright, RGB, of bounded size."""

    item: Item
    picture: Picture | None


class Preparer(Protocol):
    """What changes items after their pictures are decoded and before they are embedded, such as OCR.

    Called from several threads. An ImagoraError refuses the item: it goes into quarantine with that reason. One with an
    attribute `ordered` that is true is called with the items one after the other, in the source's order. One with an
    attribute `reads` that is true says what is in a picture (`caption`, `ocr_text`), and is called with the pictures of
    queries, too.
    """

    def prepare(self, prepared: Sequence[Prepared]) -> Sequence[Prepared]:
        """Give one for each one, names and order kept."""


class Retriever(Protocol):
    """A LlamaIndex BaseRetriever; the query it gets is an imagora.Query, a QueryBundle with pictures and filters."""

    async def aretrieve(self, str_or_query_bundle: Query) -> list[NodeWithScore]: ...


class Reranker(Protocol):
    """A LlamaIndex BaseNodePostprocessor."""

    async def apostprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]: ...


@runtime_checkable
class PairScorer(Reranker, Protocol):
    """A reranker that scores by this function of a list: the host gathers the pairs of queries that come together."""

    def score_pairs(self, pairs: list[tuple[str, str]]) -> list[float]:
        """Give the score of each pair of a question and a text; it depends on no other pair."""


class Generator(Protocol):
    """A LlamaIndex chat LLM; its last message is an imagora.prompt.PromptMessage, which knows its passages."""

    async def achat(self, messages: Sequence[ChatMessage]) -> ChatResponse: ...


@runtime_checkable
class Weighted(Protocol):
    """A stage, no embedder, that runs a model of its own in this process and can say which."""

    def weights_hash(self) -> str:
        """Give a sha256 of the weights, in hex; may load the model."""


@dataclass(frozen=True)
class Verdict:
    """What a guardrail says of one text: pass it, redact it (then `text` is what goes on) or refuse, and why.

    reasons: in the guardrail's words and without the offending text, e.g. ("EMAIL_ADDRESS",).
    """

    action: Literal["pass", "redact", "refuse"]
    text: str = field(repr=False)
    reasons: tuple[str, ...] = ()


@dataclass
class Scope:
    """What lives as long as one query: a guardrail keeps a mapping here, under its own name.

    passages: those that the prompt shows, in the order of their numbers and after their guardrails; set before the
    answer is generated. withheld: pictures in which a guardrail found something to change or refuse, by their passage's
    id or, in a query, by their hash; no generator is shown them.
    """

    notes: dict[str, Any] = field(default_factory=dict, repr=False)
    passages: tuple[Passage, ...] = field(default=(), repr=False)
    withheld: set[str] = field(default_factory=set)


class Guardrail(Protocol):
    """What passes, redacts or refuses texts at one of the three places of a query."""

    async def acheck(self, texts: Sequence[str], place: Place, scope: Scope) -> list[Verdict]:
        """Give one verdict for each text, in order."""


class Wrapper(Protocol):
    """What stands around a whole query: calls `inner` or answers itself; the recipe's first wrapper is outermost."""

    async def answer(self, query: Query, inner: Callable[[Query], Awaitable[Answer]]) -> Answer: ...


@runtime_checkable
class SearchWrapper(Wrapper, Protocol):
    """A wrapper that stands around searches, too, which have no answer."""

    async def search(self, query: Query, inner: Callable[[Query], Awaitable[Found]]) -> Found: ...
