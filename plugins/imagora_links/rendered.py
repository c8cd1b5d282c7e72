"""What real parsers make of a text: markdown-it's links and pictures, and the attributes of HTML."""

from __future__ import annotations

from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any

from markdown_it import MarkdownIt

from .tags import ACTIVE, ADDRESSES, destinations


class _Collector(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []
        self.words: list[str] = [""]

    def handle_data(self, data: str) -> None:
        self.words[-1] += data

    def handle_endtag(self, tag: str) -> None:
        self.words.append("")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.words.append("")
        if tag in ACTIVE:
            self.found.append("")
        for name, value in attrs:
            self.found.extend(destinations(tag, name, value or "") if value or name in ADDRESSES else [])


def _markdown() -> MarkdownIt:
    made = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    made.validateLink = lambda url: True  # type: ignore[method-assign]  # a parser that refuses is none to rely on
    made.normalizeLink = lambda url: url  # type: ignore[method-assign]  # destinations as they are written
    return made


_MARKDOWN = _markdown()


@dataclass(frozen=True)
class Rendered:
    """What parsers find in a text: destinations of links and pictures, and runs of words that readers see."""

    destinations: tuple[str, ...]
    words: tuple[str, ...]


def rendered(text: str) -> Rendered:
    """Read a text as Markdown with HTML in it, and as HTML alone."""
    environment: dict[str, Any] = {}
    found: list[str] = []
    words: list[str] = []
    for source in (_MARKDOWN.render(text, environment), text):
        collector = _Collector()
        try:
            collector.feed(source)
            collector.close()
        except AssertionError:  # some broken declarations; who knows what a browser makes of the rest
            collector.found.append("")
        found += collector.found
        words += filter(None, collector.words)
    found += [str(reference["href"]) for reference in environment.get("references", {}).values()]
    return Rendered(tuple(found), tuple(words))


def code_of(text: str) -> list[str]:
    """Give the contents of a text's code, in lines and in blocks."""
    tokens = _MARKDOWN.parse(text)
    within = [token for parent in tokens for token in (parent, *(parent.children or ()))]
    return [token.content for token in within if token.type in {"code_inline", "code_block", "fence"}]
