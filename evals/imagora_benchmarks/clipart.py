"""Titles and keywords of Debian's openclipart, as questions and passages."""

from __future__ import annotations

import html
import random
import re
from dataclasses import dataclass
from pathlib import Path

OPENCLIPART = Path("/usr/share/openclipart/svg")
_TITLE = re.compile(r"<dc:title>([^<]+)</dc:title>")
_AGENT = re.compile(r"<cc:Agent.*?</cc:Agent>", re.DOTALL)
"""Who drew it, whose name is a title, too."""
_SUBJECT = re.compile(r"<dc:subject>(.*?)</dc:subject>", re.DOTALL)
_KEYWORD = re.compile(r"<rdf:li>([^<]+)</rdf:li>")
_SAYS_NOTHING = re.compile(r"hash|unsorted|clip_?art|special|0x.*|.*\d.*")


@dataclass(frozen=True)
class Work:
    """A drawing or another thing: its title, its keywords, the folders that it lies in, what it is in a few words."""

    title: str
    keywords: tuple[str, ...]
    folders: tuple[str, ...]
    gloss: str = ""


def works(root: Path) -> list[Work]:
    """Read each drawing's metadata; every title once, in the order of titles."""
    found: dict[str, Work] = {}
    for file in sorted(root.rglob("*.svg")):
        text = _AGENT.sub("", file.read_text("utf-8", "replace"))
        title = _words(match[1]) if (match := _TITLE.search(text)) else ""
        subject = match[1] if (match := _SUBJECT.search(text)) else ""
        keywords = tuple(dict.fromkeys(word for raw in _KEYWORD.findall(subject) if (word := _words(raw))))
        folders = tuple(word for part in file.relative_to(root).parts[:-1] if (word := _words(part)))
        if title and (keywords or folders):
            found.setdefault(title, Work(title, keywords, folders))
    return [found[title] for title in sorted(found)]


def _words(raw: str) -> str:
    spaced = re.sub(r"[\W_]+", " ", html.unescape(raw)).strip().lower()
    kept = [word for word in spaced.split() if not _SAYS_NOTHING.fullmatch(word)]
    return " ".join(kept)


def passage(work: Work, dice: random.Random) -> str:
    """Give a passage of a drawing: the folders that it lies in, its keywords, or all of it."""
    choices = [words for words in (work.folders, work.keywords, (*work.folders, *work.keywords)) if words]
    return ", ".join(dict.fromkeys(dice.choice(choices)))
