"""What an ingest did, and how far it is."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass
class IngestReport:
    """What an ingest did, in items.

    relabelled: only their metadata changed, and nothing was embedded. quarantined: names and reasons. kept: items that
    the source did not give, and that were not deleted because it could not be read in full. generation: of the index,
    answering: whether it is the one that answers. cut: texts that lost their end, being longer than an embedder reads.
    seconds: of all of it.
    """

    source: str = ""
    added: int = 0
    changed: int = 0
    relabelled: int = 0
    unchanged: int = 0
    deleted: int = 0
    kept: int = 0
    embedded: int = 0
    cut: int = 0
    quarantined: list[tuple[str, str]] = field(default_factory=list)
    generation: int = 1
    answering: bool = True
    seconds: float = 0.0

    @property
    def done(self) -> int:
        """How many items were looked at."""
        return self.added + self.changed + self.relabelled + self.unchanged + len(self.quarantined)

    def to_dict(self) -> dict[str, Any]:
        """Give everything as JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class Progress:
    """How far an ingest is: the report until now, and how many items there are in all, None where that is not known."""

    report: IngestReport
    total: int | None
