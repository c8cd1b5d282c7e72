"""How sure it is that a sentence is an instruction to the model: signs, weighed, over a sentence and its neighbours."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from .encoded import decoded, hidden_runs
from .phrases import Patterns, patterns
from .reading import Reading, joined, latin, plain_words, seen

LONGEST = 50_000
"""Characters of a text that are read at once; longer ones are read in pieces."""
_SENTENCE = re.compile(r"(?:(?<=[.!?\u3002\uff01\uff1f\u0964\u061f])[\s\"')\]]+|\n+|(?<=[\u3002\uff01\uff1f]))")
_LEADS = frozenset({"OVERRIDE", "TOKEN", "ROLE", "ENCODED", "JAILBREAK"})
"""Signs after which what follows in the paragraph belongs to the instruction."""
_ENOUGH = 0.5
"""How sure what is decoded must be: whoever encodes an order did not mean it for readers."""


@dataclass(frozen=True)
class Sign:
    """A sign of an instruction: what it is, its place in the text, and how sure it alone makes, from 0 to 1."""

    kind: str
    start: int
    end: int
    weight: float


@dataclass(frozen=True)
class Region:
    """A piece of a text that is taken for an instruction: its place, its kinds of sign, and how sure that is."""

    start: int
    end: int
    kinds: frozenset[str]
    score: float


def signs(text: str) -> list[Sign]:
    """Give every sign in a text, however it is disguised."""
    found = list(_written(text))
    for (start, end), inside in decoded(text):
        if inside and _certainty(list(_written(inside))) >= _ENOUGH:
            found.append(Sign("ENCODED", start, end, 0.9))
    found += [Sign("HIDDEN", start, end, weight) for (start, end), weight in hidden_runs(text)]
    return found


def regions(text: str, threshold: float) -> list[Region]:
    """Give the pieces of a text that are instructions as surely as the threshold says, in order, without overlap."""
    found = signs(text)
    if not found:
        return []
    bounds = _sentences(text)
    held = [[sign for sign in found if sign.start < end and sign.end > start] for start, end in bounds]
    taken: list[Region] = []
    for place, (start, end) in enumerate(bounds):
        near = [sign for signs in held[max(0, place - 1) : place + 2] for sign in signs]
        score = _certainty(near)
        kinds = frozenset(sign.kind for sign in held[place])
        if kinds and score >= threshold:
            taken.append(Region(start, end, kinds, score))
        elif taken and _goes_on(text, taken[-1], start):
            taken.append(Region(start, end, taken[-1].kinds, taken[-1].score))
    return _merged(taken)


def _goes_on(text: str, before: Region, start: int) -> bool:
    blank_line = re.search(r"\n\s*\n\s*$", text[max(before.start, start - 20) : start])
    return before.end >= start - 1 and bool(before.kinds & _LEADS) and not blank_line


def _written(text: str) -> Iterator[Sign]:
    plain = seen(text)
    folded = latin(plain)
    readings = [folded]
    for other in (plain_words(folded), plain_words(joined(folded))):
        if other.text not in [reading.text for reading in readings]:
            readings.append(other)
    for reading in readings:
        yield from _hits(reading, patterns("phrases"))
    yield from _hits(plain, patterns("structure"))
    if not plain.text.isascii():
        yield from _hits(plain, patterns("other_scripts"))


def _hits(reading: Reading, wanted: Patterns) -> Iterator[Sign]:
    for kind, weight, pattern in wanted:
        for match in pattern.finditer(reading.text):
            if match.end() > match.start():
                yield Sign(kind, *reading.span(match.start(), match.end()), weight)


def _certainty(found: list[Sign]) -> float:
    # Signs of one kind are not independent: the surest counts. Those of different kinds make each other surer.
    best: dict[str, float] = {}
    for sign in found:
        best[sign.kind] = max(best.get(sign.kind, 0.0), sign.weight)
    doubt = 1.0
    for weight in best.values():
        doubt *= 1.0 - weight
    return 1.0 - doubt


def _sentences(text: str) -> list[tuple[int, int]]:
    ends = [match.end() for match in _SENTENCE.finditer(text)]
    edges = sorted({0, len(text), *ends})
    return [(start, end) for start, end in pairwise(edges) if text[start:end].strip()]


def _merged(taken: list[Region]) -> list[Region]:
    merged: list[Region] = []
    for region in taken:
        if merged and region.start <= merged[-1].end:
            last = merged.pop()
            merged.append(Region(last.start, region.end, last.kinds | region.kinds, max(last.score, region.score)))
        else:
            merged.append(region)
    return merged
