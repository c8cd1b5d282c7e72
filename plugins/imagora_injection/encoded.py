"""Text that hides in text: base64, hexadecimal, percent signs, entities, rot13, reversed, and characters not seen."""

from __future__ import annotations

import base64
import binascii
import codecs
import html
import re
from collections.abc import Iterator
from urllib.parse import unquote

Span = tuple[int, int]

_BASE64 = re.compile(r"[A-Za-z0-9+/_\-]{20,}={0,2}")
_HEX = re.compile(r"(?:(?:0x|\\x|%|&#x)?[0-9a-fA-F]{2};?[\s:,]?){16,}")
_PERCENT = re.compile(r"(?:[^\s%]{0,6}%[0-9a-fA-F]{2}){4,}\S*")
_ENTITIES = re.compile(r"(?:[^\s&]{0,3}&#?\w{1,8};\s?){4,}\S*")
_ESCAPE = r"\\u[0-9a-fA-F]{4}|\\x[0-9a-fA-F]{2}"
_ESCAPES = re.compile(rf"(?:{_ESCAPE}){{4}}(?:{_ESCAPE}|[ \w])*")
_TAGS = re.compile(r"[\U000e0000-\U000e007f]{4,}")
_SELECTORS = re.compile(r"[\ufe00-\ufe0f\U000e0100-\U000e01ef]{4,}")
_ZEROS = re.compile(r"(?:[\u200b\u200c\u200d\u2060\ufeff\u180e]){16,}")
_PRINTABLE = 0.9


def decoded(source: str) -> Iterator[tuple[Span, str]]:
    """Give what can be decoded in a text, each with its place; rot13 and the reverse of the whole come last."""
    for match in _BASE64.finditer(source):
        yield from ((match.span(), text) for text in _from_base64(match[0]))
    for match in _HEX.finditer(source):
        digits = "".join(re.findall(r"[0-9a-fA-F]{2}", re.sub(r"0x|\\x|&#x", " ", match[0])))
        yield from ((match.span(), text) for text in _readable(binascii.unhexlify(digits)))
    for pattern, decode in ((_PERCENT, unquote), (_ENTITIES, html.unescape), (_ESCAPES, _unescaped)):
        yield from ((match.span(), decode(match[0])) for match in pattern.finditer(source))
    for match in _TAGS.finditer(source):
        yield match.span(), "".join(chr(ord(c) - 0xE0000) for c in match[0] if ord(c) >= 0xE0020)  # noqa: PLR2004 - a blank
    for match in _SELECTORS.finditer(source):
        number = (ord(c) - 0xFE00 if ord(c) < 0xE0100 else ord(c) - 0xE0100 + 16 for c in match[0])  # noqa: PLR2004 - the second block
        yield from ((match.span(), text) for text in _readable(bytes(n for n in number if n < 256)))  # noqa: PLR2004 - a byte
    if re.search(r"[A-Za-z]{4}", source):
        yield (0, len(source)), codecs.encode(source, "rot13")
        yield (0, len(source)), source[::-1]


def hidden_runs(source: str) -> Iterator[tuple[Span, float]]:
    """Give the places of characters that are not seen and that no script needs, and how sure each makes."""
    for match in _TAGS.finditer(source):
        if source[match.start() - 1 : match.start()] != "\U0001f3f4":  # the flags of England, Scotland and Wales
            yield match.span(), 0.9
    for pattern in (_SELECTORS, _ZEROS):
        yield from ((match.span(), 0.9) for match in pattern.finditer(source))
    split = list(re.finditer(r"(?<=[A-Za-z])[\u200b-\u200d\u2060\ufeff\u180e\u2061-\u2064]+(?=[A-Za-z])", source))
    if len(split) >= 3:  # noqa: PLR2004 - one or two are leftovers of somebody's layout
        yield (split[0].start(), split[-1].end()), 0.45
    yield from ((match.span(), 0.45) for match in re.finditer(r"[\u202d\u202e][^\u202c]{3,}", source))


def _from_base64(run: str) -> Iterator[str]:
    body = run.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        yield from _readable(base64.b64decode(body + "=" * (-len(body) % 4)))
    except (binascii.Error, ValueError):
        return


def _readable(raw: bytes) -> Iterator[str]:
    text = raw.decode("utf-8", "replace")
    if text and sum(c.isprintable() and c != "\ufffd" for c in text) / len(text) > _PRINTABLE:
        yield text


def _unescaped(run: str) -> str:
    return re.sub(r"\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2}))", lambda m: chr(int(m[1] or m[2], 16)), run)
