"""Card numbers and US social security numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .evidence import Span, SpanRecognizer, labelled_otherwise

_RUN = re.compile(r"(?<![\w.+])\d+(?:[ .\-\u00a0\u202f\u2010-\u2013]\d+)*(?!\w)")
_BRANDS = re.compile(
    r"4\d{15}(?:\d{3})?|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|220[0-4]\d{12,15}|3[47]\d{13}|"
    r"(?:6011|64[4-9]\d|65\d\d|62\d\d|35\d\d|50\d\d|5[6-8]\d\d|6[37]\d\d|81\d\d|60\d\d)\d{12,15}|"
    r"3(?:0[0-59]|[689]\d)\d{11,16}"
)
_OLD_BRANDS = re.compile(r"4\d{12}|(?:5[06-8]|6\d|0604)\d{8,13}|(?:2131|1800)\d{11}|1\d{14}")
_VISA_IN_GROUPS = re.compile(r"4\d{3}(?:[ .\-]\d{3}){3}")
_SSN = re.compile(r"(?<![\w-])(\d{3})([- .\u2010-\u2013]?)(\d{2})\2(\d{4})(?![\w-])(?!\.\d)")
_SSN_TWO_PARTS = re.compile(r"(?<![\w-])(?:\d{5}-\d{4}|\d{3}-\d{6})(?![\w-])")


SHORTEST_GROUP, LONGEST_CARD = 3, 19  # digits
SURE = 0.5  # a score from which no word beside the number is needed


class CardNumberRecognizer(SpanRecognizer):
    """Finds numbers that have a card brand's first digits and length, and a right check digit.

    Lengths that barcodes have too (12 and 13 digits, and old 15-digit brands) need a word such as "card" near, or to be
    written in the groups of an old Visa card, as no barcode is.
    """

    entity = "CREDIT_CARD"
    words = re.compile(
        r"\b(?:cards?|credit|debit|visa|mastercard|amex|american express|maestro|discover|jcb|diners|cvv|cvc|expir\w*|"
        r"payment|paid|pay|charged?|billing)\b",
        re.IGNORECASE,
    )

    def spans(self, text: str) -> Iterator[Span]:
        """Give card numbers, whole or in groups."""
        for run in _RUN.finditer(text):
            groups = [(found.start() + run.start(), found.end() + run.start()) for found in re.finditer(r"\d+", run[0])]
            for first, (start, first_end) in enumerate(groups):
                if first_end - start >= 4:  # noqa: PLR2004 - cards start with a group of four or more
                    yield from self._longest(text, start, groups[first:])

    def _longest(self, text: str, start: int, groups: list[tuple[int, int]]) -> Iterator[Span]:
        digits, best = "", None
        for number, (low, end) in enumerate(groups):
            if number and groups[number - 1][1] - groups[number - 1][0] < SHORTEST_GROUP:
                break  # only the last group may be short
            digits += "".join(str(int(digit)) for digit in text[low:end])
            if len(digits) > LONGEST_CARD:
                break
            score = 0.9 if _BRANDS.fullmatch(digits) else 0.3 if _OLD_BRANDS.fullmatch(digits) else 0.0
            if score and passes_luhn(digits):
                if score < SURE and not labelled_otherwise(text, start):
                    in_groups = _VISA_IN_GROUPS.fullmatch(text[start:end])
                    score = 0.7 if in_groups or self.near(text, start, end) else score
                best = (start, end, score)
        if best:
            yield best


def passes_luhn(digits: str) -> bool:
    """Say whether the last digit is the check digit of the others (ISO/IEC 7812-1, annex B)."""
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits))]
    return sum(value // 10 + value % 10 for value in doubled) % 10 == 0


class SocialSecurityRecognizer(SpanRecognizer):
    """Finds US social security numbers: in groups of 3, 2 and 4 digits, or nine digits with a word near."""

    entity = "US_SSN"
    words = re.compile(r"\b(?:ssns?|social|soc(?:ial)? sec(?:urity)?|ss#|ss no|tax ?id|taxpayer|tin|itin)(?!\w)", re.I)

    def spans(self, text: str) -> Iterator[Span]:
        """Give numbers; areas 000 and 666, group 00 and serial 0000 were never issued."""
        for found in _SSN.finditer(text):
            area, separator, group, serial = found.groups()
            if area in ("000", "666") or group == "00" or serial == "0000":
                continue
            yield self._weighed(text, found, 0.5 if separator else 0.2)
        for found in _SSN_TWO_PARTS.finditer(text):
            yield self._weighed(text, found, 0.05)

    def _weighed(self, text: str, found: re.Match[str], score: float) -> Span:
        start, end = found.span()
        if self.near(text, start, end):
            return start, end, score + 0.4
        return start, end, 0.2 if labelled_otherwise(text, start) else score
