"""What language the words of a query are in."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from typing import Any

from imagora.errors import MissingExtra

SURE_ENOUGH = 0.5
"""How probable a language must be; below, as for a single letter or a number, words count as of none."""


def need_languages() -> None:
    """Raise MissingExtra, with what to type, where languages cannot be told."""
    if find_spec("py3langid") is None:
        raise MissingExtra("rules with 'language' need the package 'py3langid'; type: pip install 'imagora[router]'")


def language_of(words: str) -> str | None:
    """Give the ISO 639-1 code of the language, such as "de"; None where it cannot be told from so few words."""
    language, probability = _identifier().classify(words)
    return str(language) if probability >= SURE_ENOUGH else None


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # type: ignore[import-untyped]  # it has no types

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
