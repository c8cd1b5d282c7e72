"""A toy index, to test other parts on: brute force over everything, in one JSON file."""

from __future__ import annotations

import json
import os
import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import numpy as np

from imagora.errors import IdentityMismatch, IndexMissing, UnusableIndex
from imagora.filters import And, Eq, Filter, In, Ne, Not, Or, Range
from imagora.item import JSONValue
from imagora.stages import Entry, Generation, Hit, Identity, LegQuery, SearchRequest, SparseVector, Vector


class ToyMemory:
    """Every vector compared with every other; kept in a JSON file where it has a path."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self.identities: dict[str, Identity] = {}
        self.entries: dict[str, Entry] = {}
        self._version = uuid.uuid4().hex

    async def aversion(self) -> str:
        return self._version

    @property
    def place(self) -> str:
        return str(self.path or "memory")

    @property
    def folder(self) -> Path | None:
        return self.path

    def open(self, legs: Mapping[str, Identity], *, create: bool) -> None:
        kept = self._read()
        if kept is None and not create:
            raise IndexMissing(f"there is no index at '{self.place}'; ingest the source first")
        there = kept[0] if kept else {}
        for leg, identity in legs.items():
            if there.get(leg, identity) != identity:
                raise IdentityMismatch(f"the leg '{leg}' of '{self.place}' holds {there[leg]}, not {identity}")
        self.identities, self.entries = {**there, **legs}, kept[1] if kept else {}
        self._write()

    def upsert(self, entries: Sequence[Entry]) -> None:
        self.entries.update({entry.id: entry for entry in entries})
        self._write()

    def set_payloads(self, payloads: Mapping[str, Mapping[str, JSONValue]]) -> None:
        for name, payload in payloads.items():
            if name in self.entries:
                self.entries[name] = replace(self.entries[name], payload=payload)
        self._write()

    def delete(self, ids: Sequence[str]) -> None:
        for name in ids:
            self.entries.pop(name, None)
        self._write()

    def count(self) -> int:
        return len(self.entries)

    def ids(self) -> Iterator[str]:
        yield from list(self.entries)

    def vectors(self, ids: Sequence[str], leg: str) -> dict[str, Vector]:
        there = [self.entries[name] for name in ids if name in self.entries]
        return {entry.id: entry.vectors[leg] for entry in there if leg in entry.vectors}

    async def asearch(self, request: SearchRequest) -> list[Hit]:
        fits = [entry for entry in self.entries.values() if holds(request.filter, entry.payload)]
        raw = {query.name: self._raw(query, fits) for query in request.legs}
        fused: dict[str, float] = {}
        for query in request.legs:
            best = sorted(raw[query.name].items(), key=lambda pair: -pair[1])[: request.candidates]
            for name, part in fuse(best, request).items():
                fused[name] = fused.get(name, 0.0) + query.weight * part
        order = sorted(fused, key=lambda name: (-fused[name], name))[: request.limit]
        return [
            Hit(name, fused[name], {leg: raw[leg][name] for leg in raw if name in raw[leg]}, self.entries[name].payload)
            for name in order
        ]

    def close(self) -> None:
        if self.path:
            self.identities, self.entries = {}, {}

    def _raw(self, query: LegQuery, entries: Sequence[Entry]) -> dict[str, float]:
        cosine = self.identities[query.leg].metric == "cosine"
        return {e.id: compare(query.vector, e.vectors[query.leg], cosine) for e in entries if query.leg in e.vectors}

    def _read(self) -> tuple[dict[str, Identity], dict[str, Entry]] | None:
        if self.path is None:
            return (self.identities, self.entries) if self.identities else None
        if not self.path.exists():
            return None
        kept = json.loads(self.path.read_text("utf-8"))
        legs = {leg: Identity(**identity) for leg, identity in kept["legs"].items()}
        entries = [
            Entry(e["id"], {k: vector_of(v) for k, v in e["vectors"].items()}, e["payload"]) for e in kept["entries"]
        ]
        return legs, {entry.id: entry for entry in entries}

    def _write(self) -> None:
        self._version = uuid.uuid4().hex
        if self.path is None:
            return
        legs = {leg: asdict(identity) for leg, identity in self.identities.items()}
        kept = json.dumps({"legs": legs, "entries": [asdict(entry) for entry in self.entries.values()]})
        write(self.path, kept)


class ToyGenerations(ToyMemory):
    """A JSON file for each generation, and one more that says which of them answers."""

    def __init__(self, path: Path, recipe: str = "toys", number: int | None = None) -> None:
        super().__init__(named(path, number or 1))
        self.first, self.recipe, self.number = path, recipe, number

    @property
    def folder(self) -> Path:
        return self.first

    def open(self, legs: Mapping[str, Identity], *, create: bool) -> None:
        if self.number is None:
            self.path = named(self.first, self.answering)
        try:
            super().open(legs, create=create)
        except IdentityMismatch as error:
            if self.number is None and any(each.legs == legs for each in self.generations()):
                raise IdentityMismatch(f"{error}; try: imagora index switch {self.recipe}") from error
            raise

    def generations(self) -> list[Generation]:
        stem, end = re.escape(self.first.stem), re.escape(self.first.suffix)
        there = [re.fullmatch(rf"{stem}(?:-([0-9]+))?{end}", file.name) for file in self.first.parent.glob("*")]
        numbers = sorted(int(match[1] or 1) for match in there if match)
        return [Generation(number, (self.generation(number)._read() or ({}, {}))[0]) for number in numbers]

    def generation(self, number: int) -> ToyGenerations:
        return type(self)(self.first, self.recipe, number)

    @property
    def answering(self) -> int:
        return self._said()[0] or 1

    @property
    def before(self) -> int | None:
        return self._said()[1]

    def switch(self, number: int) -> None:
        self._there(number)
        if number != self.answering:
            write(named(self.first, "answering"), json.dumps([number, self.answering]))

    def drop(self, number: int) -> None:
        if self._there(number) == self.answering:
            raise UnusableIndex(f"generation {number} of '{self.first}' answers")
        write(named(self.first, "answering"), json.dumps([self.answering, None]))
        named(self.first, number).unlink()

    def _said(self) -> tuple[int | None, int | None]:
        kept = named(self.first, "answering")
        number, before = json.loads(kept.read_text("utf-8")) if kept.exists() else (None, None)
        return number, before

    def _there(self, number: int) -> int:
        if not named(self.first, number).exists():
            raise IndexMissing(f"there is no generation {number} of '{self.first}'")
        return number


def named(path: Path, what: int | str) -> Path:
    """Give the file of a generation, or of what says which one answers."""
    return path if what == 1 else path.with_name(f"{path.stem}-{what}{path.suffix}")


def write(path: Path, text: str) -> None:
    """Write a file so that it is whole or not there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    with new.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def vector_of(kept: Any) -> Vector:
    """Give a vector as it was before it became JSON."""
    if isinstance(kept, dict):
        return SparseVector(tuple(kept["indices"]), tuple(kept["values"]))
    return list(kept)


def compare(left: Vector, right: Vector, cosine: bool) -> float:
    """Give the score of two vectors: the cosine, or the product."""
    if isinstance(left, SparseVector) and isinstance(right, SparseVector):
        there = dict(zip(right.indices, right.values, strict=True))
        return sum(there.get(i, 0.0) * value for i, value in zip(left.indices, left.values, strict=True))
    a, b = np.asarray(left), np.asarray(right)
    return float(a @ b) / (float(np.linalg.norm(a) * np.linalg.norm(b)) if cosine else 1.0)


def fuse(best: Sequence[tuple[str, float]], request: SearchRequest) -> dict[str, float]:
    """Give each hit's part of the fused score, for one leg."""
    if request.fusion == "rrf":
        return {name: 1 / (request.rrf_k + rank) for rank, (name, _) in enumerate(best)}
    if request.fusion == "weighted":
        return dict(best)
    scores = [score for _, score in best]
    spread = stdev(scores) if len(scores) > 1 else 0.0
    low = fmean(scores) - 3 * spread if scores else 0.0
    return {name: (score - low) / (6 * spread) if spread else 0.5 for name, score in best}


def holds(condition: Filter | None, payload: Mapping[str, Any]) -> bool:  # noqa: PLR0911 - one return a condition
    """Say whether a payload fits a condition."""
    match condition:
        case None:
            return True
        case And(parts):
            return all(holds(part, payload) for part in parts)
        case Or(parts):
            return any(holds(part, payload) for part in parts)
        case Not(part):
            return not holds(part, payload)
        case Ne(field, value):
            return not holds(Eq(field, value), payload)
        case Eq(field, value):
            return any(same(value, member) for member in members(payload.get(field)))
        case In(field, values):
            return any(holds(Eq(field, value), payload) for value in values)
        case Range(field, gt, gte, lt, lte):
            return any(
                (gt is None or n > gt)
                and (gte is None or n >= gte)
                and (lt is None or n < lt)
                and (lte is None or n <= lte)
                for n in members(payload.get(field))
                if isinstance(n, int | float) and not isinstance(n, bool)
            )


def members(value: Any) -> Sequence[Any]:
    """Give a value as a list of values."""
    return value if isinstance(value, list | tuple) else [value]


def same(value: Any, member: Any) -> bool:
    """Say whether two values are equal; true is not 1."""
    return isinstance(value, bool) == isinstance(member, bool) and value == member
