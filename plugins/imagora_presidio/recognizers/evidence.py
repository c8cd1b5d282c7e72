"""What a recognizer of ours is: it gives spans with scores, and weighs the words around them itself.

Presidio's own weighing looks at five words before a find, none behind it, and takes parts of words ("tel" in "hotel").
"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Iterator
from typing import ClassVar

from presidio_analyzer import AnalysisExplanation, LocalRecognizer, RecognizerResult
from presidio_analyzer.nlp_engine import NlpArtifacts

Span = tuple[int, int, float]
"""Where a value starts and ends, and how sure that is, from 0 to 1."""

_BEFORE, _BEHIND = 60, 40
_OTHER_LABEL = re.compile(
    r"\b(?:isbn|issn|ean|gtin|upc|sku|asin|imei|barcode|model|item|order|part|ref|reference|article|serial|version|"
    r"firmware|release|catalogue|catalog|product|lot|batch)(?:[\s-]*(?:no|nr|number|code|id|\d\d?))?[\s:.#]*$",
    re.IGNORECASE,
)
# "Phone:\n0171 …" with the two characters of an escape, as in logs and JSON: no letter "n" stands before the number.
_ESCAPED = re.compile(r"\\[nrt]")


class SpanRecognizer(LocalRecognizer):
    """Finds the spans of one entity; without `context`, so that Presidio does not weigh the words again."""

    entity: ClassVar[str]
    words: ClassVar[re.Pattern[str]]

    def __init__(self, language: str) -> None:
        super().__init__(supported_entities=[self.entity], supported_language=language)

    def load(self) -> None:
        """Nothing to load."""

    @abstractmethod
    def spans(self, text: str) -> Iterator[Span]:
        """Give every span of the entity."""

    def analyze(
        self,
        text: str,
        entities: list[str],
        nlp_artifacts: NlpArtifacts | None = None,
    ) -> list[RecognizerResult]:
        """Give the spans as Presidio's results."""
        if self.entity not in entities:
            return []
        name = type(self).__name__
        seen: dict[str, object] = {
            RecognizerResult.RECOGNIZER_NAME_KEY: name,
            RecognizerResult.RECOGNIZER_IDENTIFIER_KEY: self.id,
        }
        return [
            RecognizerResult(self.entity, start, end, score, AnalysisExplanation(name, score), dict(seen))
            for start, end, score in self.spans(_ESCAPED.sub("\n\n", text))
        ]

    def near(self, text: str, start: int, end: int) -> bool:
        """Say whether one of the entity's words stands near the span, before or behind."""
        before, behind = text[max(0, start - _BEFORE) : start], text[end : end + _BEHIND]
        return bool(self.words.search(before) or self.words.search(behind))


def labelled_otherwise(text: str, start: int) -> bool:
    """Say whether the words right before say that this number is something else, e.g. "ISBN" or "order no."."""
    return bool(_OTHER_LABEL.search(text[max(0, start - 30) : start]))
