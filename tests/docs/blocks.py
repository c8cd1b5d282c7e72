"""The fenced blocks of the README and the docs, each with its file and line, so that a test can be named after them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
_FENCE = re.compile(r"(?P<before>[^\n]*)\n```(?P<language>[a-z]+)\n(?P<text>.*?)\n```", re.DOTALL)


@dataclass(frozen=True)
class Block:
    """One fenced block; `before` is the line above it, where a comment says how to treat it."""

    page: Path
    line: int
    language: str
    text: str
    before: str

    @property
    def name(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    def comment(self, word: str) -> str | None:
        """Give what a comment such as <!-- include: file --> above the block says, None where there is none."""
        match = re.fullmatch(rf"<!-- {word}:? ?(.*?) -->", self.before.strip())
        return match[1] if match else None


def blocks(*languages: str) -> list[Block]:
    return [block for page in PAGES for block in _of(page) if block.language in languages]


def _of(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for match in _FENCE.finditer(text):
        line = text.count("\n", 0, match.start("language")) + 1
        yield Block(page, line, match["language"], match["text"], match["before"])
