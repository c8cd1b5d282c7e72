"""HTML in a text: every `<` is read as if a tag began there, wherever it stands."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass

ADDRESSES = frozenset(
    """action archive background cite classid codebase data dynsrc formaction from href icon longdesc lowsrc manifest
    ping poster profile src srcset imagesrcset to usemap values xlink:href by""".split()  # noqa: SIM905 - as elsewhere
)
"""Attributes that hold addresses."""
ACTIVE = frozenset(
    """applet base embed frame frameset iframe meta object script style template xml noscript noembed plaintext
    xmp""".split()  # noqa: SIM905 - as above
)
"""Elements that go whatever they hold."""

_TAG = re.compile(
    r"<[\s\x00]*(?P<slash>/?)[\s\x00]*(?P<name>[A-Za-z][^\s<>/\"'=\x00]*)"
    r"(?P<inside>(?:[\s/\x00](?:[^<>\"']|\"[^\"]*\"|'[^']*')*)?)(?P<closed>>?)"
)
_TORN = re.compile(r"<[\s\x00]*/?[A-Za-z][^\s<>/\"'=]*[\s/\x00][^<>]*?=[^<>]*")
_ATTRIBUTE = re.compile(r"(?P<name>[^\s\"'<>/=\x00]+)\s*=\s*(?:\"(?P<d>[^\"]*)\"|'(?P<s>[^']*)'|(?P<b>[^\s>]+))")
_LOADING = re.compile(r"url|image|import|src|expression|binding|[\\@&]", re.IGNORECASE)
_MARKUP = re.compile(r"<[!?]")


@dataclass(frozen=True)
class Tag:
    """What could be read as a tag: its place, name, and attributes; closed: it ends with its own bracket.
    closing: it is the end of an element."""

    start: int
    end: int
    name: str
    attributes: tuple[tuple[str, str], ...]
    closed: bool
    closing: bool


def tags(text: str) -> Iterator[Tag]:
    """Give everything that could be read as a tag; those within another one's attribute, too."""
    place = text.find("<")
    while place >= 0:
        match = _TAG.match(text, place, place + 20_000)
        if match:
            found = tuple((a["name"].lower(), _value(a)) for a in _ATTRIBUTE.finditer(match["inside"]))
            torn = None if match["closed"] else _TORN.match(text, place, place + 20_000)
            if torn:
                found += tuple((a["name"].lower(), _value(a)) for a in _ATTRIBUTE.finditer(torn[0]))
            yield Tag(place, match.end(), match["name"].lower(), found, bool(match["closed"]), bool(match["slash"]))
        elif _MARKUP.match(text, place):
            yield Tag(place, place + 1, "!", (), False, False)
        place = text.find("<", place + 1)


def destinations(name: str, attribute: str, value: str) -> list[str]:
    """Give the addresses in an attribute; an empty one stands for what cannot be read surely."""
    if attribute in {"srcset", "imagesrcset"}:
        parts = re.split(r"[\s,]+", value.strip(" ,"))
        return [part for part in parts if not re.fullmatch(r"[\d.]+[wx]", part)]
    if attribute in {"ping", "archive", "values"}:
        return re.split(r"[\s;]+", value.strip())
    if attribute in ADDRESSES:
        return [value.strip()]
    styled = attribute == "style" and _LOADING.search(value)
    runs = attribute == "srcdoc" or (attribute.startswith("on") and len(attribute) > 3)  # noqa: PLR2004 - as events are
    return [""] if styled or runs or (attribute == "content" and name == "meta") else []


def _value(match: re.Match[str]) -> str:
    return html.unescape(match["d"] or match["s"] or match["b"] or "")
