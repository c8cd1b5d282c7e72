"""A cross-encoder as a LlamaIndex postprocessor that copes with pictures."""

from __future__ import annotations

import logging
import math
from threading import Lock
from typing import TYPE_CHECKING, Any

from imagora import Passage, Query
from imagora.errors import StageError
from imagora.threads import in_thread
from llama_index.core import instrumentation
from llama_index.core.instrumentation.events.rerank import ReRankEndEvent, ReRankStartEvent
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import NodeWithScore, QueryBundle
from pydantic import PrivateAttr

from .options import CrossEncoderOptions
from .words import blended, by_score, words_of

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

NAME = "cross_encoder"
log = logging.getLogger(__name__)
dispatcher = instrumentation.get_dispatcher(__name__)  # type: ignore[attr-defined]  # is re-exported with a star


class CrossEncoderReranker(BaseNodePostprocessor):
    """Reorders passages by what a cross-encoder says of the query and each passage's words.

    A passage's words are its title, text, caption and OCR text. Passages with words are reordered among the places that
    they held; a picture without words keeps its place and its own score. A query's pictures are not looked at: where it
    has no words, what a caption or OCR says of its pictures is asked with, and without that nothing changes but the
    number of passages. Negative words are scored as a query of their own, and
    what they get above 0 is taken off in part. What comes in is not changed: passages with a new score are new objects
    on the same nodes.
    """

    _options: CrossEncoderOptions = PrivateAttr()
    _model: Any = PrivateAttr(default=None)
    _lock: Any = PrivateAttr(default_factory=Lock)  # fast tokenizers must not run in two threads at once

    def __init__(self, options: CrossEncoderOptions) -> None:
        super().__init__()
        self._options = options

    @classmethod
    def class_name(cls) -> str:
        """Give the name that LlamaIndex's events carry."""
        return "CrossEncoderReranker"

    def weights_hash(self) -> str:
        """Give the hash of the model's weights; loads it."""
        from .models import weights_hash

        with self._lock:
            return weights_hash(self._options.model, self._loaded())

    async def _apostprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        return await in_thread(self._postprocess_nodes, nodes, query_bundle)

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        keep = self._options.keep or len(nodes)
        words = query_bundle.query_str.strip() if query_bundle else ""
        if not words and isinstance(query_bundle, Query):
            words = "\n".join(query_bundle.picture_words).strip()
        if not words:
            log.info("the query has no words, so cross_encoder keeps the order of the passages")
            return nodes[:keep]
        dispatcher.event(
            ReRankStartEvent(query=words, nodes=nodes, top_n=keep, model_name=self._options.model),
        )
        negative = query_bundle.negative.strip() if isinstance(query_bundle, Query) else ""
        scores = self._scores(words, negative, [words_of(node) for node in nodes])
        new = blended(scores, {place: node.score for place, node in enumerate(nodes)}, self._options.weight)
        scored = [_with_score(node, new[at], scores[at]) if at in scores else node for at, node in enumerate(nodes)]
        kept = by_score(scored, new)[:keep]
        dispatcher.event(ReRankEndEvent(nodes=kept))
        return kept

    def _scores(self, query: str, negative: str, texts: list[str]) -> dict[int, float]:
        """Give the score of each text that has words, by its place; one batched run, and each text in it once."""
        share = self._options.negative_weight if negative else 0.0
        distinct = list(dict.fromkeys(text for text in texts if text))
        if not distinct:
            return {}
        pairs = [(asked, text) for asked in ([query, negative] if share else [query]) for text in distinct]
        values = self.score_pairs(pairs)
        if not all(math.isfinite(value) for value in values):
            raise StageError(f"'{NAME}' got a score from '{self._options.model}' that is not a finite number")
        if share:
            wanted, unwanted = values[: len(distinct)], values[len(distinct) :]
            values = [score - share * max(0.0, other) for score, other in zip(wanted, unwanted, strict=True)]
        of_text = dict(zip(distinct, values, strict=True))
        return {place: of_text[text] for place, text in enumerate(texts) if text}

    def score_pairs(self, pairs: list[tuple[str, str]]) -> list[float]:
        """Score pairs of a question and a text, of one query or of several; see `imagora.stages.PairScorer`."""
        with self._lock:
            scores = self._loaded().predict(pairs, batch_size=self._options.batch_size, show_progress_bar=False)
        return [float(score) for score in scores]

    def _loaded(self) -> CrossEncoder:
        """Give the model, loading it at the first call; the caller holds the lock."""
        if self._model is None:
            from .models import load

            model = load(NAME, self._options, self._make)
            if model.num_labels != 1:
                raise StageError(
                    f"'{NAME}' needs a model that gives one score, and '{self._options.model}' gives {model.num_labels}"
                )
            self._model = model
        loaded: CrossEncoder = self._model
        return loaded

    def _make(self, name: str, device: str, is_local: bool) -> CrossEncoder:
        from sentence_transformers import CrossEncoder

        length = self._options.max_length
        model: CrossEncoder = CrossEncoder(
            name, device=device, max_length=length, trust_remote_code=False, local_files_only=is_local
        )
        model.eval()  # returns Any, so not in the line below
        return model


def _with_score(passage: NodeWithScore, score: float, models: float) -> NodeWithScore:
    changes: dict[str, Any] = {"score": score}
    if isinstance(passage, Passage):
        changes["scores"] = {**passage.scores, NAME: models}
    return passage.model_copy(update=changes)
