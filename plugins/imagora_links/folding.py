"""A text as a lenient program could read it: decoded and without what is not seen, with the way back to its places."""

from __future__ import annotations

import html
import re
import unicodedata
from dataclasses import dataclass
from urllib.parse import unquote

ROUNDS = 4
"""How often encodings within encodings are decoded."""

_PIECE = re.compile(
    r"&(?:#[xX]?[0-9a-fA-F]{1,8}|[a-zA-Z][a-zA-Z0-9]{1,30});?|(?:%[0-9a-fA-F]{2})+|\\u[0-9a-fA-F]{4}|.", re.DOTALL
)
TAG = re.compile(r"</?[A-Za-z][^<>]*>")
ESCAPE = re.compile(r"\\(?=[!-/:-@\[-`{-~])")
"""The backslash that Markdown takes away."""
_FULL_STOPS = {"\u3002": ".", "\uff0e": ".", "\uff61": ".", "\u2024": "."}
_SLASHES = {"\u2044": "/", "\u2215": "/", "\u29f8": "/", "\u2216": "\\", "\ua789": ":", "\u02d0": ":", "\u2236": ":"}
_SPACES = "\t\n\r\x0b\x0c"


@dataclass(frozen=True)
class Folded:
    """The folded text; its character n stands for `source[starts[n]:ends[n]]`."""

    text: str
    starts: tuple[int, ...]
    ends: tuple[int, ...]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Give the place in the source of a place, not empty, in the folded text."""
        return self.starts[start], self.ends[end - 1]


def unfolded(source: str) -> Folded:
    """Give a text as it is written."""
    return Folded(source, tuple(range(len(source))), tuple(range(1, len(source) + 1)))


def fold(source: str) -> Folded:
    """Decode entities and percent signs, drop what is invisible, and write every character in its plain form."""
    folded = unfolded(source)
    if source.isascii() and not re.search(r"[&%\\\x00-\x08\x0e-\x1f\x7f]", source):
        return folded
    for _ in range(ROUNDS):
        again = _once(folded)
        if again.text == folded.text:
            break
        folded = again
    return folded


def without(pattern: re.Pattern[str], before: Folded) -> Folded:
    """Take out what a pattern finds, so that what stands around it is joined."""
    starts: list[int] = []
    ends: list[int] = []
    kept: list[str] = []
    place = 0
    for match in [*pattern.finditer(before.text), None]:
        end = match.start() if match else len(before.text)
        kept.append(before.text[place:end])
        starts += before.starts[place:end]
        ends += before.ends[place:end]
        place = match.end() if match else end
    return Folded("".join(kept), tuple(starts), tuple(ends))


def plain(text: str) -> str:
    """Give only the text of `fold`, without any white space and in lower case; for comparing destinations."""
    return re.sub(r"[\s\\]+", "", fold(text).text).lower()


def is_invisible(character: str) -> bool:
    """Say whether a character is not seen or changes how others are seen; blanks and line ends are not meant."""
    if character in _SPACES:
        return False
    category = unicodedata.category(character)
    return (
        category in {"Cf", "Cc", "Co", "Cs"}
        or "\ufe00" <= character <= "\ufe0f"
        or ("\U000e0100" <= character <= "\U000e01ef")
        or character in "\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0"
    )


def _once(before: Folded) -> Folded:
    characters: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for match in _PIECE.finditer(before.text):
        start, end = before.span(match.start(), match.end())
        for character in _decoded(match[0]):
            characters.append(character)
            starts.append(start)
            ends.append(end)
    return Folded("".join(characters), tuple(starts), tuple(ends))


def _decoded(piece: str) -> str:
    if len(piece) > 1:
        if piece[0] == "%":
            piece = unquote(piece, errors="replace")
        elif piece[0] == "\\":
            piece = chr(int(piece[2:], 16))
        else:
            piece = html.unescape(piece)
    made = []
    for character in piece:
        if is_invisible(character):
            continue
        known = _FULL_STOPS.get(character) or _SLASHES.get(character)
        made.append(known or (character if character.isascii() else unicodedata.normalize("NFKC", character)))
    return "".join(made)
