"""Titles and keywords of Debian's openclipart, as questions and passages with hard negatives to learn from."""

from __future__ import annotations

import html
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

OPENCLIPART = Path("/usr/share/openclipart/svg")
_TITLE = re.compile(r"<dc:title>([^<]+)</dc:title>")
_AGENT = re.compile(r"<cc:Agent.*?</cc:Agent>", re.DOTALL)
"""Who drew it, whose name is a title, too."""
_SUBJECT = re.compile(r"<dc:subject>(.*?)</dc:subject>", re.DOTALL)
_KEYWORD = re.compile(r"<rdf:li>([^<]+)</rdf:li>")
_SAYS_NOTHING = re.compile(r"hash|unsorted|clip_?art|special|0x.*|.*\d.*")
_NEAREST = 60


@dataclass(frozen=True)
class Work:
    """A drawing: its title, its keywords, and the folders that it lies in."""

    title: str
    keywords: tuple[str, ...]
    folders: tuple[str, ...]

    @property
    def said(self) -> frozenset[str]:
        """All single words of keywords and folders."""
        return frozenset(" ".join((*self.keywords, *self.folders)).split())


@dataclass(frozen=True)
class Lesson:
    """A question, the passage that fits, and passages that are near it and do not."""

    question: str
    fits: str
    negatives: tuple[str, ...]


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


def lessons(
    known: Sequence[Work], likeness: NDArray[np.float32], dice: random.Random, negatives: int
) -> Iterator[Lesson]:
    """Give a lesson for each work, in any order.

    likeness: of each work's title (row) to each work's words (column), by an encoder. Negatives are drawn from the
    nearest works that have no word in common with the right one, and one from all of them.
    """
    order = list(range(len(known)))
    dice.shuffle(order)
    for place in order:
        near = np.argsort(-likeness[place])[:_NEAREST]
        strange = [known[other] for other in near if not known[other].said & known[place].said]
        far = [work for work in dice.sample(list(known), 8) if not work.said & known[place].said]
        if len(strange) >= negatives - 1 and far:
            chosen = [*dice.sample(strange, negatives - 1), far[0]]
            texts = tuple(passage(work, dice) for work in chosen)
            yield Lesson(known[place].title, passage(known[place], dice), texts)
