"""The grammar of an answer: one sentence, and the number of one of the passages that were read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

WORD = re.compile(r"[^\W_](?:[\w'\u2019%€$.,:-]{0,38}[\w%€$])?")
SMALL = WORD.findall(
    "a an the is are was were be it its this that these there here of in on at to from with for and or by as has have "
    "can made shown shows show which called named no not yes does do"
)
ASKING = frozenset(WORD.findall("how what when where which who whom whose why"))
MOST_WORDS = 400
"""Of a passage; what comes later is not read."""


@dataclass(frozen=True)
class Read:
    """A passage as the model reads it: its number in the answer, and its words."""

    number: int
    title: str
    text: str

    @property
    def words(self) -> list[str]:
        """The words that its sentence may have, in order."""
        return WORD.findall(f"{self.title} {self.text}")[:MOST_WORDS]


def answers(read: Sequence[Read], question: str, words: int, wording: str) -> str:
    """Give the grammar (Lark's syntax, as llguidance reads it) for one sentence with one citation.

    Every passage has a rule of its own, so that a sentence of one passage's words cannot end with another's number.
    The full stop stands before the number: that is where the model itself ends a sentence.
    """
    rules = [f"start: {' | '.join(f'p{one.number}' for one in read)}"]
    for one in read:
        word = _one_of(_allowed(one, question)) if wording == "passage" else r"[^\s\[\]<>{}|]{1,30}"
        rules.append(f'p{one.number}: /{word}(,? {word}){{1,{words - 1}}}/ ". [{one.number}]"')
    return "\n".join(rules)


def talk(words: int) -> str:
    """Give the grammar of words without a citation, for what is asked without passages."""
    return rf"start: /[^\s\[\]<>]{{1,30}}( [^\s\[\]<>]{{1,30}}){{0,{words * 3}}}/"


def _allowed(one: Read, question: str) -> list[str]:
    asked = [word for word in WORD.findall(question) if word.lower() not in ASKING]
    own = set(one.words) | {word.lower() for word in WORD.findall(one.title)} | set(asked)
    return sorted(own | set(SMALL) | {word.capitalize() for word in (*SMALL, *own)})


def _one_of(words: Iterable[str]) -> str:
    return f"({'|'.join(re.escape(word) for word in words)})"
