"""How wide a text is in a font that is not known, on the safe side, and how it is broken into lines."""

from __future__ import annotations

import unicodedata

_NARROW = set("iljtfrI.,:;'|!()[]{}/\\ -·")
_BREAKS = " /-_.,"
_WIDE = set("mwMW@%&—…")


def width(text: str, size: float, *, bold: bool = False) -> float:
    """Give the width of a text in pixels, for a usual sans-serif font of a size in pixels."""
    return sum(_em(sign) for sign in text) * size * (1.08 if bold else 1.0)


def lines(text: str, room: float, size: float, most: int, *, bold: bool = False) -> list[str]:
    """Break a text into at most so many lines of at most so many pixels; what is too much ends in '…'."""
    broken: list[str] = []
    rest = " ".join(shown(text).split())
    while rest and len(broken) < most:
        line, rest = _first(rest, room, size, bold=bold)
        broken.append(line)
    if rest:
        last = broken[-1]
        while last and width(f"{last}…", size, bold=bold) > room:
            last = last[:-1]
        broken[-1] = f"{last}…"
    return broken


def shown(text: str) -> str:
    """Give a text without what an XML file may not hold and what would turn its direction."""
    return "".join(sign if sign.isprintable() else " " for sign in text)


def _first(text: str, room: float, size: float, *, bold: bool) -> tuple[str, str]:
    used, fits = 0.0, 0
    for sign in text:
        used += width(sign, size, bold=bold)
        if used > room:
            break
        fits += 1
    if fits == len(text):
        return text, ""
    fits = max(fits, 1)
    good = max(text.rfind(sign, 0, fits) for sign in _BREAKS) + 1
    cut = fits if text[fits : fits + 1] == " " or good <= fits // 2 else good
    return text[:cut].rstrip(), text[cut:].lstrip()


def _em(sign: str) -> float:
    if unicodedata.combining(sign):
        return 0.0
    if unicodedata.east_asian_width(sign) in "WF":
        return 1.1
    if sign in _NARROW:
        return 0.41
    if sign in _WIDE:
        return 0.98
    if sign.isupper():
        return 0.76
    return 0.64 if sign.isascii() else 0.8
