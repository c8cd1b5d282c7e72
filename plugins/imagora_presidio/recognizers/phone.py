"""Phone numbers of many countries, by phonenumbers' rules and by their looks."""

from __future__ import annotations

import re
from collections.abc import Iterator

from phonenumbers import Leniency, PhoneNumberMatcher

from .evidence import Span, SpanRecognizer, labelled_otherwise

_MAYBE = re.compile(r"\d(?:[^\w\n]{0,3}\d){6}")
_NORTH_AMERICA = re.compile(
    r"(?<![\w.+-])(?:(?:\+|00)?1[-. ]?|\d{1,3}[-. ])?(?:\([2-9]\d\d\) ?|[2-9]\d\d([-. ]))[1-9]\d\d(?(1)\1|[-. ])\d{4}"
    r"(?: ?(?:x|ext\.?|#) ?\d{1,6})?(?!\w|[-.]\d)",
    re.IGNORECASE,
)
_WITH_PLUS = re.compile(r"(?<![\w+])\+\d(?:[ ().\-/]{0,3}\d){6,14}(?!\w)")
_BARE = re.compile(r"(?<![\w.+-])\(?\d(?:[ ().\-/]{0,2}\d){6,14}(?!\w|[-.]\d)")
_LABEL_BEHIND = re.compile(r" ?[-(]?(?:office|desk|work|home)\b", re.IGNORECASE)
_SSN_SHAPE = re.compile(r"\d{3}([-. ])\d\d\1\d{4}")
_TRIES = 1000
# "[1]" behind a number would be read as its last group, and the whole then thrown away.
_NO_CITATIONS = str.maketrans("[]", "\n\n")
_SURE, _LIKELY, _WEAK, _NEAR = 0.8, 0.6, 0.25, 0.4


class PhoneNumberRecognizer(SpanRecognizer):
    """Finds numbers with a country code anywhere, and national ones of `regions`.

    Numbers in groups with a trunk 0 or an area code in brackets count by themselves; bare digits need a word near.
    """

    entity = "PHONE_NUMBER"
    words = re.compile(
        r"\b(?:phones?|telephone|tel|telefon|téléphone|telefono|teléfono|cell|cellphone|mobile|mob|handy|call(?:s|ed|ing)?|"
        r"dial|fax|sms|messages?|answer(?:s|ed|ing)?|whatsapp|signal|hotline|helpline|landline|callback|voicemail|reach|contact|"
        r"(?:office|desk|work|home)(?=:)|"
        r"(?:ring|text|phone) (?:me|us|him|her|them)|(?:my|his|her|our|their|your) (?:registered|(?:\w+ )?number))\b",
        re.IGNORECASE,
    )
    regions: tuple[str, ...] = ()

    def spans(self, text: str) -> Iterator[Span]:
        """Give numbers, with a country code first."""
        if not _MAYBE.search(text):
            return
        text = text.translate(_NO_CITATIONS)
        certain = [(match.start, match.end) for match in _matches(text, None, Leniency.POSSIBLE)]
        certain += [shape.span() for shape in _WITH_PLUS.finditer(text)]  # also +49 (0)30 …, which the rules refuse
        yield from ((start, end, _SURE) for start, end in certain)
        likely = [shape.span() for shape in _NORTH_AMERICA.finditer(text)]
        yield from (self._weighed(text, start, end, _LIKELY) for start, end in likely)
        rest = _blanked(text, certain + likely)
        for shape in _BARE.finditer(rest):
            yield self._weighed(text, *shape.span(), _WEAK)
        if _MAYBE.search(rest):  # the countries' rules are slow: a millisecond each
            for region in self.regions:
                for match in _matches(rest, region, Leniency.VALID):
                    by_itself = match.raw_string[0] in "0(" and not match.raw_string.isdigit()
                    sure = by_itself and not _SSN_SHAPE.fullmatch(match.raw_string)
                    yield self._weighed(text, match.start, match.end, _LIKELY if sure else _WEAK)

    def near(self, text: str, start: int, end: int) -> bool:
        """Say whether a word near says that this is a phone number, or the word right behind whose, e.g. "office"."""
        return super().near(text, start, end) or bool(_LABEL_BEHIND.match(text, end))

    def _weighed(self, text: str, start: int, end: int, score: float) -> Span:
        if labelled_otherwise(text, start):
            return start, end, _WEAK
        return start, end, score if score > _WEAK or not self.near(text, start, end) else score + _NEAR


def _matches(text: str, region: str | None, leniency: int) -> PhoneNumberMatcher:
    return PhoneNumberMatcher(text, region, leniency=leniency, max_tries=_TRIES)


def _blanked(text: str, spans: list[tuple[int, int]]) -> str:
    for start, end in spans:
        text = text[:start] + "\n" * (end - start) + text[end:]
    return text
