"""All metrics of one query, from what its pipeline gave."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from imagora import Passage, Pipeline
from imagora.errors import PictureError
from imagora.stages import Embedder, Guardrail, PictureEmbedder, TextEmbedder

from .answers import of_citations, of_refusals, withholds, without_markers
from .asking import Outcome
from .grounded import groundedness, judge_of
from .ranking import measured
from .suite import EvalQuery, Suite

CLIP_FACTOR = 2.5


@dataclass
class Scorer:
    """Scores the outcomes of one pipeline on one suite; pictures are embedded once."""

    pipeline: Pipeline
    suite: Suite

    def __post_init__(self) -> None:
        embedders = self.pipeline.stages.embedders
        self._text = _first(TextEmbedder, embedders.get("text"), embedders.get("image"))
        self._image = _first(PictureEmbedder, embedders.get("image"))
        self._judge: Guardrail | None = None if self.pipeline.stages.generator is None else judge_of(self.pipeline)
        self._pictures: dict[str, Any] = {}

    async def metrics(self, query: EvalQuery, outcome: Outcome) -> dict[str, float]:
        """Give every metric that is defined for this query and outcome."""
        grades = self.suite.qrels.get(query.id, {})
        ranking = [passage.uri for passage in outcome.passages]
        found = measured(self.suite.metrics, grades, ranking)
        if outcome.error:
            return found
        found |= await self._clipscore(query.text, outcome.passages)
        return found if outcome.answer is None else found | await self._of_answer(query, outcome)

    def refused(self, outcome: Outcome) -> bool:
        """Say whether a query was refused, by a guardrail or by an answer that says nothing."""
        if outcome.answer is None or outcome.refused:
            return outcome.refused
        return withholds(outcome.answer.text, outcome.cited, self.suite.refusals)

    async def _of_answer(self, query: EvalQuery, outcome: Outcome) -> dict[str, float]:
        assert outcome.answer is not None  # noqa: S101 - the caller looked
        refused = self.refused(outcome)
        found = of_refusals(refused, asked=query.refuse)
        shown = outcome.passages[: self.pipeline.plan.prompt.passages]
        text = without_markers(outcome.answer.text)
        if not query.refuse:
            found |= of_citations(outcome.cited, self.suite.qrels.get(query.id, {}), self.pipeline.plan.prompt.passages)
        if query.answer and text and self._text is not None:
            found["answer_similarity"] = await self._similarity(query.answer, text)
        if not refused and self._judge is not None:
            share = await groundedness(self._judge, outcome.answer.text, shown)
            found |= {} if share is None else {"groundedness": share}
        return found

    async def _similarity(self, one: str, other: str) -> float:
        """Give the cosine of two texts by the recipe's text embedder."""
        assert self._text is not None  # noqa: S101 - the caller looked
        vectors = self._text.get_text_embedding_batch([one, other])
        return _cosine(*vectors)

    async def _clipscore(self, words: str, passages: tuple[Passage, ...]) -> dict[str, float]:
        """Give max(0, 2.5 cos) of the words and the first picture that was found (CLIPScore, Hessel et al. 2021).

        The cosine is of the recipe's own picture embedder, so that scores of two embedders do not compare.
        """
        files = (getattr(passage.node, "image_resource", None) for passage in passages)
        file = next((Path(one.path) for one in files if one is not None and one.path), None)
        if not words.strip() or self._image is None or file is None:
            return {}
        vector = await self._picture(self._image, file)
        if vector is None:
            return {}
        cosine = _cosine(await self._image.aget_query_embedding(words), vector)
        return {"clipscore": max(0.0, CLIP_FACTOR * cosine)}

    async def _picture(self, embedder: PictureEmbedder, file: Path) -> Any:
        if str(file) not in self._pictures:
            try:
                query = await self.pipeline.query(pictures=[file])
                png = BytesIO(query.pictures[0].png)
                self._pictures[str(file)] = await embedder.aget_image_embedding(png)
            except PictureError:  # it was there when it was ingested, and has changed or gone
                self._pictures[str(file)] = None
        return self._pictures[str(file)]


def _first(kind: type[Any], *embedders: Embedder | None) -> Any:
    return next((one for one in embedders if isinstance(one, kind)), None)


def _cosine(one: Any, other: Any) -> float:
    product = sum(a * b for a, b in zip(one, other, strict=True))
    lengths = (sum(a * a for a in one) * sum(b * b for b in other)) ** 0.5
    return float(product / lengths) if lengths else 0.0
