"""Questions, each with a passage that fits and some that MiniLM finds near and that do not, to learn reranking from."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .clipart import Work, passage

Vectors = NDArray[np.float32]
Encode = Callable[[list[str]], Vectors]
HARD, EASY, NEAREST, PATIENCE = 3, 2, 40, 500
SHAPES = (
    "{}",
    "{}",
    "a {}",
    "the {}",
    "an old {}",
    "two {}s",
    "a picture of a {}",
    "is there a {}?",
    "do you have a {}?",
)
_SMALL = {"a", "an", "and", "at", "by", "for", "from", "in", "of", "on", "or", "that", "the", "to", "with"}


@dataclass(frozen=True)
class Lesson:
    """A question and its passages, the one that fits first, with the cosine that the first stage gave each."""

    question: str
    texts: tuple[str, ...]
    cosines: tuple[float, ...]


@dataclass(frozen=True)
class Course:
    """Questions and passages that fit them, place by place, and what may be said of the thing that each is about.

    cosines: of each question (row) to each passage (column). about: the stems of all words of each thing.
    """

    questions: Sequence[str]
    texts: Sequence[str]
    cosines: Vectors
    about: Sequence[frozenset[str]]
    shapes: Sequence[str]

    def lesson(self, place: int, dice: random.Random) -> Lesson | None:
        """Give a question with hard negatives, out of the nearest, and easy ones; None where there are too few.

        What shares a word with the thing, or is about something that the question names, is no negative.
        """
        near = np.argpartition(-self.cosines[place], min(NEAREST, len(self.texts) - 1))[:NEAREST].tolist()
        far = dice.sample(range(len(self.texts)), min(8 * EASY, len(self.texts)))
        wrong = [other for other in near if self._is_wrong(place, other)]
        hard = dice.sample(wrong, min(HARD, len(wrong)))
        easy = [other for other in far if self._is_wrong(place, other) and other not in hard][:EASY]
        if len(hard) < HARD or len(easy) < EASY:
            return None
        chosen = [place, *hard, *easy]
        question = dice.choice(self.shapes).format(self.questions[place])
        texts = tuple(self.texts[other] for other in chosen)
        return Lesson(question, texts, tuple(float(self.cosines[place, other]) for other in chosen))

    def _is_wrong(self, place: int, other: int) -> bool:
        return not (stems(self.texts[other]) & self.about[place] or stems(self.questions[place]) & self.about[other])


def stems(text: str) -> frozenset[str]:
    """Give a text's words without a plural's s, and without the small ones."""
    return frozenset(word.rstrip("s") for word in re.findall(r"\w+", text.lower()) if word not in _SMALL)


def courses(drawings: Sequence[Work], nouns: Sequence[Work], encode: Encode, dice: random.Random) -> list[Course]:
    """Give a course a direction: titles ask for words, and words for titles; so do glosses where all have one."""
    made = []
    for works in (drawings, nouns):
        titles = [work.title for work in works]
        about = [stems(" ".join((work.title, *work.keywords, *work.folders))) for work in works]
        sides = [("titles", titles), ("words", [said(work, dice) for work in works])]
        sides += [("glosses", [work.gloss for work in works])] if all(work.gloss for work in works) else []
        vectors = {name: encode(texts) for name, texts in sides}
        for name, texts in sides[1:]:
            cosines = vectors["titles"] @ vectors[name].T
            made.append(Course(titles, texts, cosines, about, SHAPES))
            made.append(Course(texts, titles, cosines.T, about, ("{}",)))
    return made


def said(work: Work, dice: random.Random) -> str:
    """Give words of a drawing, or one to three kinds that a noun is of, the general first or last, one or many."""
    if work.folders:
        return passage(work, dice)
    kinds = [
        work.keywords[place] for place in sorted(dice.sample(range(len(work.keywords)), min(len(work.keywords), 3)))
    ]
    kinds = kinds[: dice.randint(1, 3)][:: dice.choice((1, -1))]
    return ", ".join(kinds) if dice.choice(("one", "many")) == "one" else ", ".join(f"{kind}s" for kind in kinds)


def endless(known: Sequence[Course], dice: random.Random) -> Iterator[Lesson]:
    """Give lessons without end, of each course in turn; ends where there are too few things for any."""
    missed = 0
    while missed < PATIENCE:
        missed += 1
        for course in known:
            if lesson := course.lesson(dice.randrange(len(course.questions)), dice):
                missed = 0
                yield lesson
