"""Everything that Imagora raises for a user to read.

ImagoraError
├── RecipeError        a recipe cannot be read or does not fit what is installed; holds every problem
├── PluginError        a plugin cannot be loaded, or two offer one name
├── MissingExtra       a component's packages are not installed; says the pip line
├── QueryError         a query cannot be run, e.g. it has neither words nor a picture
├── PictureError       bytes are not a picture that can be used; says why
├── SourceError        a source is not there or has nothing in it
├── StageError         a stage failed while it ran; names the stage
│   ├── StageCrashed      the process of an isolated component ended in the middle
│   └── GeneratorError    a generator gave no answer that can be used; says what is wrong and what to type
└── UnusableIndex      an index cannot be used
    ├── IndexMissing      there is no index yet
    ├── IndexInUse        another process holds the embedded index
    └── IdentityMismatch  the index holds another embedder's vectors; names both
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


class ImagoraError(Exception):
    """The root of every error that is the user's to read; its text says what is wrong and what to do.

    code: its stable name, `IMG-…`, with an entry in codes.toml; each class has one, and some errors a finer one.
    """

    code = "IMG-190"

    def __init__(self, *said: object, code: str | None = None) -> None:
        super().__init__(*said)
        if code is not None:
            self.code = code


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong in a recipe, and where: file, line and column (from 1), and the path of keys.

    code: of the kind of problem, from codes.toml. What `--set` says has that for its file, and no line.
    """

    file: str
    line: int
    column: int
    where: str
    what: str
    code: str

    def __str__(self) -> str:
        where = f" {self.where}:" if self.where else ""
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return f"{place}:{where} {self.what}"


class RecipeError(ImagoraError):
    """A recipe has problems; all of them are in `problems`, each with its code, and the first one's is this error's."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems), code=self.problems[0].code)


class PluginError(ImagoraError):
    """A plugin cannot be used."""

    code = "IMG-401"


class MissingExtra(ImagoraError):
    """A component needs packages that are not installed."""

    code = "IMG-404"


class QueryError(ImagoraError):
    """A query cannot be run as it was asked."""

    code = "IMG-501"


class PictureError(ImagoraError):
    """Bytes do not make a picture that can be used."""

    code = "IMG-601"


class SourceError(ImagoraError):
    """A source cannot be read at all."""

    code = "IMG-701"


class StageError(ImagoraError):
    """A stage failed while it ran."""

    code = "IMG-801"


class GeneratorError(StageError):
    """A generator is down, slow, garbled or cut off, or it refused the prompt; another generator may do better."""

    code = "IMG-810"


class StageCrashed(StageError):
    """The process of an isolated component ended in the middle; the next call starts it again."""

    code = "IMG-820"


class UnusableIndex(ImagoraError):
    """An index cannot be used."""

    code = "IMG-901"


class IndexMissing(UnusableIndex):
    """There is no index at that place yet."""

    code = "IMG-902"


class IndexInUse(UnusableIndex):
    """Another process holds the embedded index."""

    code = "IMG-903"


class IdentityMismatch(UnusableIndex):
    """The index holds vectors of another embedder."""

    code = "IMG-904"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Say what could have been meant and what there is: "; did you mean 'qdrant'? (there is: faiss, qdrant)"."""
    names = sorted(known)
    near = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    guess = f"; did you mean '{near[0]}'?" if near else ""
    there = f" (there is: {', '.join(names)})" if names else " (there is none)"
    return guess + there
