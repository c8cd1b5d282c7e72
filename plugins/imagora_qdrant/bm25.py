"""BM25's term weights, by Qdrant's own encoder; the index multiplies them with each term's rarity."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from imagora.stages import Identity, SparseVector

from .options import Bm25Options

if TYPE_CHECKING:
    import qdrant_edge


class Bm25Embedder:
    """Words to sparse vectors: a document's saturated term frequencies, or one for each distinct term of a query.

    A document's weight of a term that it has f times is f * (k + 1) / (f + k * (1 - b + b * length / avg_len)), as in
    Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009); an index is a term's hash.
    """

    parallel = True
    quick = True

    def __init__(self, options: Bm25Options) -> None:
        self._options = options

    def identity(self) -> Identity:
        """Say what made the vectors; all of the options are in it, for each changes the weights."""
        o = self._options
        words = ["words of any language" if o.language == "none" else f"{o.language} words"]
        words += ["stemmed" if o.stemmer and o.language != "none" else "as they are"]
        words += ["accents folded"] if o.fold_accents else []
        words += [f"k {o.k:g}", f"b {o.b:g}", f"average length {o.avg_len:g}"]
        return Identity("bm25", weights="none", preprocessing=", ".join(words), dimension=0, metric="bm25")

    def embed_texts(self, texts: Sequence[str]) -> list[SparseVector]:
        """Give each document's vector; a text without a term has an empty one."""
        return [_sparse(self._encoder.embed_document(text)) for text in texts]

    def embed_query(self, query: str) -> SparseVector:
        """Give a query's vector."""
        return _sparse(self._encoder.embed_query(query))

    @cached_property
    def _encoder(self) -> qdrant_edge.Bm25:
        import qdrant_edge as edge

        o = self._options
        neutral = o.language == "none"
        config = edge.Bm25Config(
            k=o.k,
            b=o.b,
            avg_len=o.avg_len,
            language=None if neutral else o.language,
            ascii_folding=o.fold_accents,
            stopwords=edge.StopwordsSet() if neutral else None,
            stemmer=None if o.stemmer and not neutral else edge.DisabledStemmer(),
        )
        return edge.Bm25(config)


def _sparse(vector: qdrant_edge.SparseVector) -> SparseVector:
    weights = dict(sorted(zip(vector.indices, vector.values, strict=True)))
    return SparseVector(tuple(weights), tuple(weights.values()))
