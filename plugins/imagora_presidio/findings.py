"""What was found in a text, and how overlapping finds are settled."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """A value that was found: `text[start:end]`, never the text itself; score from 0 to 1."""

    entity: str
    start: int
    end: int
    score: float


def settle(text: str, findings: Iterable[Finding], keep: Sequence[tuple[int, int]] = ()) -> list[Finding]:
    """Give findings that do not overlap, in order, which cover all that was found but for the spans in `keep`.

    The surest find takes its span, then the longest; of the others what is left over stays theirs, so that no part of a
    value goes through because it overlapped another.
    """
    taken = [Finding("", start, end, 2.0) for start, end in keep]
    for finding in sorted(
        findings, key=lambda found: (-found.score, found.start - found.end, found.start, found.entity)
    ):
        pieces = [(finding.start, finding.end)]
        for other in taken:
            pieces = [piece for span in pieces for piece in _without(span, (other.start, other.end))]
        for start, end in pieces:
            part = text[start:end]
            if any(character.isalnum() for character in part):
                start += len(part) - len(part.lstrip())  # noqa: PLW2901 - the piece without its white space
                taken.append(Finding(finding.entity, start, start + len(part.strip()), finding.score))
    return sorted((found for found in taken if found.entity), key=lambda found: found.start)


def _without(span: tuple[int, int], hole: tuple[int, int]) -> list[tuple[int, int]]:
    (start, end), (hole_start, hole_end) = span, hole
    if hole_end <= start or end <= hole_start:
        return [span]
    return [(low, high) for low, high in ((start, hole_start), (hole_end, end)) if low < high]
