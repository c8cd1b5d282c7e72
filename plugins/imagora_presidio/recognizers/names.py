"""Names of people and places, as the spaCy model sees them, with doubt where it is mostly wrong."""

from __future__ import annotations

import re

from presidio_analyzer import RecognizerResult
from presidio_analyzer.nlp_engine import NlpArtifacts
from presidio_analyzer.predefined_recognizers import SpacyRecognizer

_PERSON_NEAR = re.compile(
    r"\b(?:name(?:d|s)?|called|i am|i'm|this is|mr|mrs|ms|miss|dr|prof|sir|dear|hi|hello|regards|sincerely|signed|"
    r"customer|client|patient|employee|colleague|friend|wife|husband|son|daughter|brother|sister|mother|father|boss|"
    r"contact|asked|met)\W{0,3}$",
    re.IGNORECASE,
)
_DOUBTFUL = 0.3
_WINDOW = 20


class NameRecognizer(SpacyRecognizer):
    """Presidio's, but a person's name of one word (mostly a brand), without capitals or with digits scores 0.3.

    Unless the word before says that a person follows, e.g. "Mr" or "my name is".
    """

    def __init__(self, language: str) -> None:
        super().__init__(supported_language=language)

    def analyze(
        self,
        text: str,
        entities: list[str],
        nlp_artifacts: NlpArtifacts | None = None,
    ) -> list[RecognizerResult]:
        """Give the model's finds, the doubtful ones with a low score."""
        results: list[RecognizerResult] = super().analyze(text, entities, nlp_artifacts)
        for result in results:
            if result.entity_type == "PERSON" and _is_doubtful(text, result.start, result.end):
                result.score = _DOUBTFUL
        return results


def _is_doubtful(text: str, start: int, end: int) -> bool:
    name = text[start:end]
    if any(character.isdigit() for character in name):
        return True
    if len(name.split()) > 1 and not name.islower():
        return False
    return not _PERSON_NEAR.search(text[max(0, start - _WINDOW) : start])
