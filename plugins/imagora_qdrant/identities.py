"""What is kept beside an index's vectors about who made them, and the check of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any, TypeAlias

from imagora.errors import IdentityMismatch, IndexMissing, UnusableIndex
from imagora.stages import Identity

Legs: TypeAlias = Mapping[str, Identity]
_FORMAT = 1


def to_document(legs: Legs) -> dict[str, Any]:
    """Write the identities of an index as JSON values."""
    return {"imagora": _FORMAT, "legs": {name: asdict(identity) for name, identity in legs.items()}}


def from_document(document: Any, place: str) -> dict[str, Identity]:
    """Read the identities of an index; UnusableIndex where this is not what we wrote."""
    version = document.get("imagora") if isinstance(document, dict) else None
    if isinstance(version, int) and version > _FORMAT:
        raise UnusableIndex(
            f"the index at '{place}' was made by a newer imagora; install that one, or ingest anew elsewhere"
        )
    try:
        names = [field.name for field in fields(Identity)]
        return {leg: Identity(**{name: kept[name] for name in names}) for leg, kept in document["legs"].items()}
    except (KeyError, TypeError, AttributeError) as error:
        raise UnusableIndex(
            f"what is kept about the index at '{place}' cannot be read; name another folder or collection, or delete "
            "this one, and ingest anew"
        ) from error


def check(kept: Legs, asked: Legs, place: str, *, create: bool, remedy: Callable[[], str]) -> None:
    """Compare whole identities; fewer legs than there are do for searching, not for writing.

    remedy: says what to do about a difference, when there is one.
    """
    for leg, identity in asked.items():
        if leg not in kept:
            raise IdentityMismatch(
                f"the index at '{place}' has no leg '{leg}' (there is: {', '.join(sorted(kept))}), and the recipe's "
                f"embedder for it is {identity}; {remedy()}"
            )
        if kept[leg] != identity:
            raise IdentityMismatch(
                f"the leg '{leg}' of the index at '{place}' holds vectors of {kept[leg]}, and the recipe's embedder is "
                f"{identity}{_fine_difference(kept[leg], identity)}; {remedy()}"
            )
    unasked = sorted(set(kept) - set(asked))
    if create and unasked:
        raise IdentityMismatch(
            f"the index at '{place}' also has the leg '{unasked[0]}' of {kept[unasked[0]]}, which the recipe has no "
            f"embedder for, and what is written without it could not be found by it; {remedy()}"
        )


def fits(kept: Legs, asked: Legs, *, create: bool) -> bool:
    """Say whether vectors of these makers are the ones that are asked for."""
    try:
        check(kept, asked, "", create=create, remedy=str)
    except IdentityMismatch:
        return False
    return True


def refuse_missing(number: int, there: Sequence[int], place: str) -> None:
    """Raise IndexMissing for a generation that is not there."""
    if number not in there:
        known = ", ".join(map(str, sorted(there))) or "none"
        raise IndexMissing(f"the index at '{place}' has no generation {number} (there is: {known})")


def refuse_answering(number: int, answering: int, place: str) -> None:
    """Raise UnusableIndex for the generation that answers, which nobody may remove."""
    if number == answering:
        raise UnusableIndex(
            f"generation {number} of the index at '{place}' is the one that answers, and cannot be removed; let "
            "another one answer first"
        )


def is_sparse(identity: Identity) -> bool:
    """Say whether an embedder's vectors are sparse ones."""
    return identity.metric == "bm25"


def _fine_difference(kept: Identity, asked: Identity) -> str:
    """Say the weights in full where their beginnings, which is all that is printed of them, are the same."""
    return f" (weights '{kept.weights}' and '{asked.weights}')" if str(kept) == str(asked) else ""


def what_to_do(place: str) -> str:
    """Say what to do about vectors of others."""
    return f"name another folder or collection in the recipe, or delete '{place}', and ingest anew"
