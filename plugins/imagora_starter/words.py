"""The words of a text that carry meaning, as stems; for English, and harmless for other languages."""

from __future__ import annotations

import re

_WORD = re.compile(r"[^\W_]+")
_STOP = frozenset(
    """
    a about all an and any anything are as at be by can could did do does for from get got had has have how i in is it
    its look like me my of on or our picture pictures photo photos photograph image images print prints show shows
    shown see something tell that the their them there these this those to us was we were what when where which who
    whose why will with would you your
    """.split()  # noqa: SIM905 - a hundred quoted words read worse
)


def content_words(text: str) -> frozenset[str]:
    """Give the stems of the words that carry meaning."""
    return frozenset(_stem(word) for word in _WORD.findall(text.lower()) if word not in _STOP)


def _stem(word: str) -> str:
    # English endings, cut crudely: enough to see that "carries" and "carry", "coins" and "coin" are one word.
    for ending, instead in (("ies", "y"), ("ing", ""), ("ed", ""), ("es", ""), ("s", "")):
        if word.endswith(ending) and len(word) - len(ending) >= 3:  # noqa: PLR2004 - the shortest stem
            return (word[: -len(ending)] + instead).rstrip("e")
    return word.rstrip("e")
