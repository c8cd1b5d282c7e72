"""Nouns of Debian's `wordnet-base` and what they are kinds of, in the form of drawings' titles and keywords.

WordNet 3.0 is Princeton University's and under a licence of its own; it is read where it is installed, and not shipped.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from .clipart import Work

WORDNET = Path("/usr/share/wordnet")
_THINGS = {"04", "05", "06", "08", "13", "15", "17", "18", "19", "20", "27"}
"""Files of acts, animals, artefacts, bodies, food, places, natural objects, people, phenomena, plants and stuff."""
_SAYS_LITTLE = re.compile(
    "entity|physical entity|abstraction|abstract entity|object|physical object|whole|unit|thing|matter|substance|part|"
    "living thing|animate thing|organism|being|causal agent|cause|causal agency|artifact|artefact|instrumentality|"
    "instrumentation|psychological feature|event|act|deed|human action|human activity|relation|attribute|group|piece|"
    "location|point|process|physical process|portion|component part|component|constituent|individual|someone|somebody|"
    "mortal|soul|activity|structure|construction"
)
_GLOSS_WORDS = 10
_NAMES = 2
"""How many of a kind's names are taken; the later ones are the rarer."""


@dataclass(frozen=True)
class _Sense:
    sort: str
    words: tuple[str, ...]
    above: tuple[str, ...]
    gloss: str


def nouns(root: Path, is_familiar: Callable[[str], bool]) -> list[Work]:
    """Give each thing that has a familiar name, in its commonest sense; in the order of names.

    is_familiar: of a single word. Keywords are what the thing is a kind of, from the nearest to the most general, in
    names that are familiar, too.
    """
    senses = dict(_senses(root / "data.noun"))
    found = []
    for word, offset in _commonest(root / "index.noun"):
        if senses[offset].sort not in _THINGS or not all(is_familiar(part) for part in word.split()):
            continue
        if not senses[offset].above:  # one of its kind, such as a person or a town
            continue
        kinds = [kind for kind in _kinds(offset, senses) if all(is_familiar(part) for part in kind.split())]
        if kinds := [kind for kind in kinds if kind != word]:
            found.append(Work(word, tuple(kinds), (), senses[offset].gloss))
    return sorted(found, key=lambda noun: noun.title)


def _senses(file: Path) -> Iterator[tuple[str, _Sense]]:
    """Read wndb(5)'s lines: offset, file, n, hex count, (word, id) …, count, (sign, offset, n, places) … | gloss."""
    for line in file.read_text("ascii").splitlines():
        if line.startswith(" "):  # the licence
            continue
        data, _, gloss = line.partition("|")
        fields = data.split()
        many = int(fields[3], 16)
        words = tuple(word.replace("_", " ").lower() for word in fields[4 : 4 + 2 * many : 2])
        pointers = fields[5 + 2 * many :]
        above = tuple(there for sign, there in zip(pointers[::4], pointers[1::4], strict=False) if sign == "@")
        said = " ".join(re.sub(r"\(.*?\)", " ", gloss.split(";")[0].split('"')[0]).split()[:_GLOSS_WORDS])
        yield fields[0], _Sense(fields[1], words, above, said)


def _commonest(file: Path) -> Iterator[tuple[str, str]]:
    """Give each single word, and what of several was seen in texts, with the offset of its most frequent sense."""
    for line in file.read_text("ascii").splitlines():
        fields = line.split()
        if not line.startswith(" ") and ("_" not in fields[0] or fields[-int(fields[2]) - 1] != "0"):
            yield fields[0].replace("_", " "), fields[-int(fields[2])]


def _kinds(offset: str, senses: Mapping[str, _Sense]) -> list[str]:
    names: dict[str, None] = dict.fromkeys(senses[offset].words[:_NAMES])
    waiting = list(senses[offset].above)
    while waiting:
        sense = senses[waiting.pop(0)]
        names |= dict.fromkeys(word for word in sense.words[:_NAMES] if not _SAYS_LITTLE.fullmatch(word))
        waiting += sense.above
    return list(names)
