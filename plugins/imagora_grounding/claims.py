"""The sentences of an answer, and what each of them claims: words, names, quantities, yes or no."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cached_property

from .quantities import UNITS, Quantity, quantities

_END = re.compile(
    r"(?:(?<=[.!?])|(?<=[.!?][\"')\]]))(?:\s*\[\d{1,4}\])*\s+(?=[^\W_a-z]|[\"'(\[*-])|(?<=[\u3002\uff01\uff1f])|\n+"
)
_MARKER = re.compile(r"[ \t]?\[(\d{1,4})\]")
_WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)?")
_NUMBERED = re.compile(r"^\s*(?:[-*\u2022]|\d{1,2}[.)])\s+")
_NAME = re.compile(
    r"(?<![.!?:\n\"(] )(?<!^)(?<=[\s(\"'])(?:[A-Z][^\W\d_]*[a-z][^\W_]*|[A-Z]{2,}[\w-]*|[A-Za-z]+-?\d[\w-]*)"
)
_NO = frozenset(
    [
        "not",
        "no",
        "never",
        "none",
        "neither",
        "nor",
        "without",
        "cannot",
        "kein",
        "keine",
        "keinen",
        "nicht",
        "ohne",
        "pas",
        "sans",
        "sin",
    ]
)
_STOP = frozenset(
    """
    a about above all also an and any are as at be been but by can come comes could do does for from had has have he her
    here his how i if in into is it its itself just may more most my of on one only or our out over own shown shows she
    so some such than that the their them then there these they this those to too under up us was we were what when
    where which who will with would you your very picture passage source sources according said says der die das ein
    eine und ist
    """.split()  # noqa: SIM905 - a hundred quoted words read worse
)
_EMPTY = _STOP | _NO | UNITS
_WITHHOLDS = re.compile(
    r"\b(?:nothing in the index|(?:i|we) (?:do not|don't|cannot|can't|could not) (?:know|find|tell|say|answer)|"
    r"(?:no|none of the) (?:passages?|sources?|information)|(?:passages?|sources?|context) "
    r"(?:do not|does not|don't|doesn't) (?:say|mention|tell|contain|answer)|not (?:mentioned|stated|given) in the)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Claim:
    """A sentence of an answer: its place there, its words without citation markers, and the passages it cites."""

    start: int
    end: int
    text: str
    cited: tuple[int, ...]

    @cached_property
    def names(self) -> frozenset[str]:
        """Names and codes: capitalised words that do not begin the sentence, words with digits."""
        return frozenset(folded(match[0]) for match in _NAME.finditer(self.text))

    @cached_property
    def quantities(self) -> list[Quantity]:
        """Its numbers."""
        return quantities(self.text)

    @property
    def needs_support(self) -> bool:
        """Whether it states something: a question, a heading's single word or a plain 'I do not know' does not."""
        if self.text.rstrip().endswith(("?", ":")) or _WITHHOLDS.search(self.text):
            return False
        return len(content(self.text)) > 1 or bool(self.quantities)


def claims(answer: str) -> list[Claim]:
    """Cut an answer into its sentences."""
    made, start = [], 0
    for end in [*(match.end() for match in _END.finditer(answer)), len(answer)]:
        written = answer[start:end]
        if written.strip():
            text = _NUMBERED.sub("", _MARKER.sub("", written)).strip()
            made.append(Claim(start, end, text, tuple(int(number) for number in _MARKER.findall(written))))
        start = end
    return made


def content(text: str) -> frozenset[str]:
    """Give the stems of the words that carry meaning; numbers and units are not among them."""
    words = (folded(word) for word in _WORD.findall(text))
    return frozenset(_stem(word) for word in words if word not in _EMPTY and not word.isdigit())


def denies(text: str) -> bool:
    """Say whether a sentence denies something."""
    words = [folded(word) for word in _WORD.findall(text)]
    return sum(word in _NO or word.endswith(("n't", "n\u2019t")) for word in words) % 2 == 1


def folded(word: str) -> str:
    """Give a word in lower case and without accents."""
    apart = unicodedata.normalize("NFKD", word.lower())
    return "".join(character for character in apart if not unicodedata.combining(character))


def _stem(word: str) -> str:
    for ending, instead in (("'s", ""), ("ies", "y"), ("ing", ""), ("ed", ""), ("es", ""), ("s", "")):
        if word.endswith(ending) and len(word) - len(ending) >= 3:  # noqa: PLR2004 - the shortest stem
            return (word[: -len(ending)] + instead).rstrip("e")
    return word.rstrip("e")
