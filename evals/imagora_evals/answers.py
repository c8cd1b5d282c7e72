"""Metrics of answers: citations against judgements, and whether what cannot be answered is refused."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

_WITHHOLDS = re.compile(
    r"\bnothing (?:in the (?:index|sources|passages|context)|answers|was found)\b|"
    r"\b(?:i|we) (?:do not|don't|cannot|can't|could not|couldn't) (?:know|find|tell|say|answer)\b|"
    r"\b(?:no|none of the) (?:passages?|sources?|information)\b|"
    r"\b(?:passages?|sources?|context) (?:do not|does not|don't|doesn't) (?:say|mention|tell|contain|answer)\b|"
    r"\bnot (?:mentioned|stated|given|answered) (?:in|by) the\b",
    re.IGNORECASE,
)
_MARKER = re.compile(r"\s?\[\d{1,4}\]")


def withholds(answer: str, cited: Collection[str], refusals: Sequence[str] = ()) -> bool:
    """Say whether an answer does not answer: it is empty, or cites nothing and says that it does not know.

    refusals: words by which it says so, besides the usual English ones.
    """
    if cited:
        return False
    said = answer.strip().casefold()
    return not said or bool(_WITHHOLDS.search(said)) or any(words.casefold() in said for words in refusals)


def without_markers(answer: str) -> str:
    """Give an answer without its citation markers."""
    return _MARKER.sub("", answer).strip()


def of_citations(cited: Sequence[str], grades: Mapping[str, int], shown: int) -> dict[str, float]:
    """Give precision and recall of the cited items against the judgements.

    citation_precision: the share of cited items that are relevant; not defined where nothing is cited.
    citation_recall: the share of relevant items that are cited, of as many as the prompt shows at most; not defined
    where nothing is relevant.
    """
    right = {uri for uri, grade in grades.items() if grade > 0}
    found: dict[str, float] = {}
    if cited and right:
        found["citation_precision"] = len(right & set(cited)) / len(set(cited))
    if right:
        found["citation_recall"] = len(right & set(cited)) / min(len(right), max(shown, 1))
    return found


def of_refusals(refused: bool, *, asked: bool) -> dict[str, float]:
    """Give 1 or 0 for whether a query was refused: `refused`, and how that was judged.

    asked: whether refusing is right. right_refusal: of those that are to be refused, the refused ones. wrong_refusal:
    of the others, the refused ones.
    """
    value = float(refused)
    return {"refused": value, "right_refusal" if asked else "wrong_refusal": value}
