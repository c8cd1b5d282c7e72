"""What the catalogue says about who made its vectors, and the check of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, TypeAlias

from imagora.errors import IdentityMismatch, UnusableIndex
from imagora.stages import Identity

Legs: TypeAlias = Mapping[str, Identity]
_FORMAT = 1


def written(legs: Legs) -> str:
    """Write the identities of an index as JSON."""
    return json.dumps({"imagora": _FORMAT, "legs": {leg: asdict(identity) for leg, identity in legs.items()}})


def read(text: str, place: str) -> dict[str, Identity]:
    """Read them back; UnusableIndex where they are of a newer version, or not ours."""
    try:
        kept: Any = json.loads(text)
        if kept["imagora"] > _FORMAT:
            raise UnusableIndex(f"the index at '{place}' was made by a newer imagora; install that one, or ingest anew")
        return {leg: Identity(**identity) for leg, identity in kept["legs"].items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UnusableIndex(
            f"what is kept about the index at '{place}' cannot be read; delete it, and ingest anew"
        ) from error


def check(kept: Legs, asked: Legs, place: str, *, create: bool) -> None:
    """Compare whole identities; fewer legs than there are do for searching, not for writing."""
    remedy = f"name another path in the recipe, or delete '{place}', and ingest anew"
    for leg, identity in asked.items():
        if leg not in kept:
            raise IdentityMismatch(
                f"the index at '{place}' has no leg '{leg}' (there is: {', '.join(sorted(kept))}), and the recipe's "
                f"embedder for it is {identity}; {remedy}"
            )
        if kept[leg] != identity:
            same = str(kept[leg]) == str(identity)
            finer = f" (weights '{kept[leg].weights}' and '{identity.weights}')" if same else ""
            raise IdentityMismatch(
                f"the leg '{leg}' of the index at '{place}' holds vectors of {kept[leg]}, and the recipe's embedder is "
                f"{identity}{finer}; {remedy}"
            )
    if create and (unasked := sorted(set(kept) - set(asked))):
        raise IdentityMismatch(
            f"the index at '{place}' also has the leg '{unasked[0]}' of {kept[unasked[0]]}, which the recipe has no "
            f"embedder for, and what is written without it could not be found by it; {remedy}"
        )
