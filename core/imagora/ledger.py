"""The ledger's protocol: what an index holds, from which content, made by what, and how far the rest of it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, get_args, runtime_checkable

State = Literal["seen", "decoded", "embedded", "written", "committed"]
STATES: tuple[State, ...] = get_args(State)


@dataclass(frozen=True)
class Row:
    """An item as an index holds it.

    content: a hash of what is embedded, its words and picture; metadata: one of the rest; recipe: of what embedded it.
    All three are empty for an item that the index was about to get for the first time, or about to lose.
    """

    id: str
    source: str
    uri: str
    content: str
    metadata: str
    recipe: str


class Ledger(Protocol):
    """What one generation of an index holds. It is written after the index, so that it never says too much.

    Called from several threads. A method that writes is atomic; `commit`, `delete`, `finish` and `mark(…, "embedded")`
    are durable when they return. Raises UnusableIndex where it cannot be read or written.
    """

    @property
    def place(self) -> str:
        """Where it is, in words for errors and reports, without credentials."""

    def open(self, generation: int, *, create: bool = True) -> bool:
        """Open for a generation of the index (1 is the first); without `create`, say False where there is none."""

    def rows(self, ids: Sequence[str]) -> dict[str, Row]:
        """Give the rows of these ids, those with empty hashes too, by id; unknown ids are left out."""

    def mark(self, rows: Sequence[Row], state: State) -> None:
        """Write how far items are.

        One without a row gets one with empty hashes. One with a row keeps its hashes, which are of the version that the
        index still has.
        """

    def commit(self, rows: Sequence[Row]) -> None:
        """Write rows with their hashes, as committed; what was in quarantine under their names leaves it."""

    def delete(self, ids: Sequence[str]) -> None:
        """Remove rows by id; unknown ids are ignored."""

    def ids(self, source: str | None = None, *, committed: bool = False) -> Iterator[str]:
        """Give the ids of one source or of all, each once, without holding them all; only those with hashes if asked.

        Rows may be deleted while this runs.
        """

    def count(self) -> int:
        """Say how many items of all sources the index has for good: the rows that have hashes."""

    def states(self) -> Mapping[State, int]:
        """Say how many items are how far; an item whose new version is under way counts where that is."""

    def quarantine(self, source: str, run: str, refused: Iterable[tuple[str, str]]) -> None:
        """Put names and reasons into the source's quarantine, replacing those of equal name."""

    def quarantined(self) -> list[tuple[str, str, str]]:
        """Give what is in quarantine: source, name and reason, in that order."""

    def begun(self, source: str) -> bool:
        """Say whether an ingest of the source began in this generation."""

    def begin(self, source: str) -> bool:
        """Write that an ingest of the source begins, and say whether one had begun in this generation before."""

    def finish(self, source: str, run: str, *, release: bool) -> None:
        """Write that an ingest reached the source's end.

        release: what other runs than this one put into the source's quarantine leaves it.
        """

    def finished(self) -> bool:
        """Say whether an ingest of some source reached its end in this generation."""

    def forget(self) -> None:
        """Remove all that is known of this generation, as if it had never been ingested into."""

    def close(self) -> None:
        """Let go of files and connections; it can be opened again."""


@runtime_checkable
class DatedLedger(Ledger, Protocol):
    """A ledger that also knows when ingests ended, so that somebody can be told of an index that got old."""

    def finished_at(self) -> Mapping[str, float]:
        """Give by source when an ingest last reached its end, in seconds of the epoch; those without are missing."""
