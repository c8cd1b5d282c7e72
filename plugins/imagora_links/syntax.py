"""Where Markdown's links, pictures, definitions and autolinks stand, read as leniently as any program does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

LONGEST = 4_000
"""How many characters a link's text or its destination may have to be looked for."""

_DESTINATION = re.compile(r"\][ \t]?\n?[ \t]?\(")
_DEFINITION = re.compile(
    r"(?P<label>!?\[(?:[^\[\]\\\n]|\\.|\n(?!\s*\n)){1,999}\])[ \t]?:[ \t]*(?:\n[ \t>]*)?(?P<to><[^<>\n]*>|\S+)"
    r"(?P<title>[ \t]*\n?[ \t]*(?:\"[^\"]*\"|'[^']*'|\([^()]*\))(?=[ \t]*(?:\n|$)))?"
)
_AUTOLINK = re.compile(r"<\s*(?P<to>[A-Za-z][A-Za-z0-9+.\-]{1,31}:[^<>\s]*)\s*>")
_MAIL = re.compile(r"<(?P<to>(?:[^<>\s`]|\n|`+[^`]{0,200}`*){3,1000}+)>")


@dataclass(frozen=True)
class Form:
    """A piece of a text that could become a link: its place, its destination as written, and its words.

    tight: words and destination touch each other, which is a link to some programs whatever the destination is.
    """

    kind: str
    start: int
    end: int
    destination: str
    words: str = ""
    tight: bool = False


def forms(text: str) -> Iterator[Form]:
    """Give every form in a text; they may overlap."""
    for match in _DEFINITION.finditer(text):
        yield Form("DEFINITION", match.start(), match.end(), match["to"].strip("<>"))
    for match in _AUTOLINK.finditer(text):
        yield Form("LINK", match.start(), match.end(), match["to"])
    for match in _MAIL.finditer(text):
        if "@" in match["to"][1:-1]:
            yield Form("LINK", match.start(), match.end(), f"mailto:{match['to'].strip().removeprefix('mailto:')}")
    for match in _DESTINATION.finditer(text):
        yield _inline(text, match.start(), match.end())


def _inline(text: str, closing: int, opened: int) -> Form:
    start = _opening(text, closing)
    end, destination = _to_closing(text, opened)
    if start is None:
        return Form("LINK", closing, end, destination)
    picture = start > 0 and text[start - 1] == "!"
    tight = opened == closing + 2 and bool(destination)
    return Form("PICTURE" if picture else "LINK", start - picture, end, destination, text[start + 1 : closing], tight)


def _opening(text: str, closing: int) -> int | None:
    depth = 0
    for place in range(closing, max(-1, closing - LONGEST), -1):
        if text[place] == "]" and not _escaped(text, place):
            depth += 1
        elif text[place] == "[" and not _escaped(text, place):
            depth -= 1
            if depth == 0:
                return place
    return None


def _escaped(text: str, place: int) -> bool:
    before = text[max(0, place - 20) : place]
    return (len(before) - len(before.rstrip("\\"))) % 2 == 1


def _to_closing(text: str, opened: int) -> tuple[int, str]:
    """Give where the destination's bracket closes, and the destination itself, without a title."""
    match = re.compile(r"\s*<([^<>\n]*)>").match(text, opened)
    place = match.end() if match else opened
    depth, quote = 1, ""
    last = min(len(text), opened + LONGEST)
    while place < last:
        character = text[place]
        if character == "\\":
            place += 1
        elif quote:
            quote = "" if character == quote else quote
        elif character in "\"'" and text[place - 1].isspace():
            quote = character
        elif character in "()":
            depth += 1 if character == "(" else -1
            if depth == 0:
                break
        elif character == "\n" and text[place : place + 200].lstrip(" \t\n") != text[place + 1 : place + 200].lstrip(
            " \t"
        ):
            break
        place += 1
    inside = text[opened : min(place, last)]
    closed = place < len(text) and text[place] == ")"
    destination = match[1] if match else re.split(r"\s+[\"'(]", inside.strip(), maxsplit=1)[0]
    return min(place + closed, len(text)), destination
