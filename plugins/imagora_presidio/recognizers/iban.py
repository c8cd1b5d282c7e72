"""International bank account numbers (ISO 13616)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .evidence import Span, SpanRecognizer

_LENGTHS = (
    "NO15 BE16 BI27 DK18 FI18 FO18 FK18 GL18 NL18 SD18 MK19 SI19 AT20 BA20 EE20 KZ20 LT20 LU20 MN20 XK20 CH21 CR22 "
    "HR21 LI21 LV21 BG22 BH22 DE22 GB22 GE22 IE22 ME22 RS22 VA22 AE23 GI23 IL23 IQ23 OM23 SO23 TL23 AD24 CZ24 ES24 "
    "MD24 PK24 RO24 SA24 SE24 SK24 TN24 VG24 YE30 LY25 PT25 ST25 IS26 TR26 DJ27 FR27 GR27 IT27 MC27 MR27 SM27 AL28 "
    "AZ28 BY28 CY28 DO28 GT28 HN28 HU28 LB28 NI28 PL28 SV28 BR29 EG29 PS29 QA29 UA29 JO30 KW30 MU30 MT31 SC31 LC32 "
    "RU33 DZ26 AO25 BF28 BJ28 CF27 CG27 CI28 CM27 CV25 GA27 GQ27 GW25 IR26 KM27 MA28 MG27 ML28 MZ25 NE28 SN28 TD27 "
    "TG28"
)
_LENGTH = {entry[:2]: int(entry[2:]) for entry in _LENGTHS.split()}
_START = re.compile(r"(?<![A-Za-z0-9])([A-Za-z]{2})(?:(?<=[A-Z])[ -])?\d{2}(?=[ \-\u00a0]?[A-Za-z0-9])")
_SEPARATORS = " -.\u00a0\u202f"


class AccountNumberRecognizer(SpanRecognizer):
    """Finds account numbers by country and length, in groups or not, in capitals or not, with a right checksum.

    With a wrong checksum it is still found where a word such as "IBAN" is near: a typing error hides nothing.
    """

    entity = "IBAN_CODE"
    words = re.compile(r"\b(?:iban|account|acct|bank|konto|transfer|wire|deposit)\b", re.IGNORECASE)

    def spans(self, text: str) -> Iterator[Span]:
        """Give account numbers; nothing of what stands behind them."""
        for found in _START.finditer(text):
            length = _LENGTH.get(found[1].upper())
            if not length:
                continue
            end, code = _take(text, found.start(), length)
            if len(code) == length and not text[end : end + 1].isalnum():
                if passes_mod97(code):
                    yield found.start(), end, 1.0
                else:
                    yield found.start(), end, 0.7 if self.near(text, found.start(), end) else 0.2


def _take(text: str, start: int, length: int) -> tuple[int, str]:
    """Take letters and digits, with at most one separator between two of them; give where that ends, and them."""
    code, place = "", start
    while len(code) < length and place < len(text):
        character = text[place]
        if character.isascii() and character.isalnum():
            code += character.upper()
        elif character not in _SEPARATORS or text[place - 1] in _SEPARATORS:
            break
        place += 1
    return place, code


def passes_mod97(code: str) -> bool:
    """Say whether an account number in capitals has the right check digits (ISO 7064, MOD 97-10)."""
    return int("".join(str(int(character, 36)) for character in code[4:] + code[:4])) % 97 == 1
