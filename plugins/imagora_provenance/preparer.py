"""Licence, source, rights and likeness become metadata; an item that lacks what it must have is refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from imagora.errors import ImagoraError
from imagora.item import Item, JSONValue
from imagora.stages import Prepared

from .likeness import Likenesses, perceptual_hash
from .options import STATEMENTS, ProvenanceOptions, Statement


class ProvenancePreparer:
    """Writes `licence`, `source`, `rights`, `phash` and `near_duplicate_of` into the metadata.

    What an item says itself goes before the recipe's words. A preparer lives as long as a run, and so do its hashes.
    """

    ordered = True  # of near-duplicates the first is the original: the first in the source, not the first decoded

    def __init__(self, options: ProvenanceOptions) -> None:
        self._options = options
        self._likenesses = None if options.near_duplicates is None else Likenesses(options.near_duplicates)

    def prepare(self, prepared: Sequence[Prepared]) -> Sequence[Prepared]:
        """Give each item with what is known of it; raises ImagoraError for one that must not be indexed."""
        return [self._with_provenance(one) for one in prepared]

    def _with_provenance(self, one: Prepared) -> Prepared:
        said: dict[str, JSONValue] = dict(self._statements(one.item))
        if one.picture is not None:
            said.update(self._likeness(one.item.uri, one.picture.png))
        return replace(one, item=replace(one.item, metadata={**one.item.metadata, **said}))

    def _statements(self, item: Item) -> dict[str, str]:
        known: dict[str, str] = {name: words for name in STATEMENTS if (words := self._statement(name, item))}
        for name in self._options.required:
            if name not in known:
                keys = " or ".join(repr(key) for key in self._keys(name))
                raise ImagoraError(
                    f"it has no {name}, which 'provenance' requires: no {keys} in its metadata, none in the recipe"
                )
        licence = known.get("licence")
        if not self._options.allows(licence):
            allowed = ", ".join(self._options.allowed_licences or ())
            raise ImagoraError(f"its licence is {licence or 'not known'!r}, and the recipe allows only: {allowed}")
        return known

    def _statement(self, name: Statement, item: Item) -> str | None:
        for key in self._keys(name):
            value = item.metadata.get(key)
            values = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
            if words := ", ".join(str(one).strip() for one in values if one is not None and str(one).strip()):
                return words
        default: str | None = getattr(self._options, name)
        return default

    def _keys(self, name: Statement) -> tuple[str, ...]:
        keys: tuple[str, ...] = getattr(self._options, f"{name}_keys")
        return keys

    def _likeness(self, uri: str, png: bytes) -> dict[str, JSONValue]:
        if self._likenesses is None and not self._options.perceptual_hash:
            return {}
        hash_ = perceptual_hash(png)
        if hash_ is None:
            return {}
        said: dict[str, JSONValue] = {"phash": f"{hash_:016x}"} if self._options.perceptual_hash else {}
        if self._likenesses is not None and (original := self._likenesses.original_of(uri, hash_)) is not None:
            said["near_duplicate_of"] = original
        return said
