"""From a query's words, pictures and negative part to one vector for each leg query."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from io import BytesIO
from typing import Any, Literal, TypeAlias

from imagora import Picture, Query
from imagora.errors import StageCrashed
from imagora.quiet import aimage_embedding, aquery_embedding, image_embedding, query_embedding
from imagora.record import note
from imagora.stages import Embedder, LegQuery, SparseEmbedder, SparseVector, Vector
from imagora_caching.vectors import KeptVector

from .directions import away, middle
from .options import HybridOptions

PICTURE_LEG = "image"
Kind: TypeAlias = tuple[Literal["words", "picture"], str]
"""What is compared in a leg query: what was asked with, and the leg. Scores of two kinds are of two scales."""


def is_sparse(embedder: object) -> bool:
    """Say whether an embedder is sparse; Python looks at every method to answer, and so is asked once for a class."""
    kind: Any = type(embedder)
    return _is_sparse(kind)


@cache
def _is_sparse(kind: Any) -> bool:
    return issubclass(kind, SparseEmbedder)


@dataclass(frozen=True)
class ToEmbed:
    """One thing to embed: words, or a picture."""

    embedder: Any
    thing: Any

    def now(self) -> Vector:
        """Embed in the calling thread."""
        vector: Vector
        if is_sparse(self.embedder):
            vector = self.embedder.embed_query(self.thing)
        else:
            vector = KeptVector(self.embedder, self.thing).now(self._dense)
        return vector

    async def later(self) -> Vector:
        """Embed as the embedder's own asynchronous calls do."""
        vector: Vector
        if is_sparse(self.embedder):
            vector = self.embedder.embed_query(self.thing)
        else:
            vector = await KeptVector(self.embedder, self.thing).later(self._adense)
        return vector

    def _dense(self) -> Sequence[float]:
        vector: Sequence[float]
        if isinstance(self.thing, Picture):
            vector = image_embedding(self.embedder, BytesIO(self.thing.png))
        else:
            vector = query_embedding(self.embedder, self.thing)
        return vector

    async def _adense(self) -> Sequence[float]:
        vector: Sequence[float]
        if isinstance(self.thing, Picture):
            vector = await aimage_embedding(self.embedder, BytesIO(self.thing.png))
        else:
            vector = await aquery_embedding(self.embedder, self.thing)
        return vector


@dataclass(frozen=True)
class Aim:
    """A leg query before its vector is known: the places of what it goes to, and of what it moves away from."""

    name: str
    kind: Kind
    weight: float
    towards: tuple[int, ...]
    away_from: tuple[int, ...] = ()


@dataclass
class Wanted:
    """What is to be embedded, each once, and the leg queries that are made of it.

    share: how far a vector moves away from the negative part. each: search with every picture, not with their middle.
    """

    share: float
    each: bool
    parts: list[ToEmbed] = field(default_factory=list)
    aims: list[Aim] = field(default_factory=list)

    def place(self, embedder: Embedder, thing: str | Picture) -> int:
        """Give the place of something to embed, which is the same for legs that share an embedder."""
        for place, part in enumerate(self.parts):
            if part.embedder is embedder and part.thing is thing:
                return place
        self.parts.append(ToEmbed(embedder, thing))
        return len(self.parts) - 1

    def kinds(self) -> dict[str, Kind]:
        """Give the kind of each leg query, by its name."""
        return {aim.name: aim.kind for aim in self.aims}

    def now(self) -> tuple[LegQuery, ...]:
        """Embed one after the other in the calling thread."""
        return self._queries([_or_crash(part) for part in self.parts])

    async def later(self) -> tuple[LegQuery, ...]:
        """Embed all at once."""
        return self._queries(await asyncio.gather(*(_or_crash_later(part) for part in self.parts)))

    def _queries(self, given: Sequence[Vector | StageCrashed]) -> tuple[LegQuery, ...]:
        """Make the leg queries; a leg whose embedder's process crashed is left out as long as another one is there."""
        crashed = {place: error for place, error in enumerate(given) if isinstance(error, StageCrashed)}
        vectors = {place: vector for place, vector in enumerate(given) if not isinstance(vector, StageCrashed)}
        left = [aim for aim in self.aims if not crashed.keys() & {*aim.towards, *aim.away_from}]
        if not any(aim.weight > 0 for aim in left):
            raise next(iter(crashed.values()))
        if crashed:
            why = "; ".join(sorted({str(error) for error in crashed.values()}))
            note(legs_left_out=[aim.name for aim in self.aims if aim not in left], crashed=why)
        return tuple(LegQuery(aim.name, aim.kind[1], self._vector(aim, vectors), aim.weight) for aim in left)

    def _vector(self, aim: Aim, vectors: Mapping[int, Vector]) -> Vector:
        first = vectors[aim.towards[0]]
        if isinstance(first, SparseVector):
            return first
        if len(aim.towards) == 1 and not aim.away_from:
            return first
        towards = middle([_dense(vectors[place]) for place in aim.towards])
        return away(towards, [_dense(vectors[place]) for place in aim.away_from], self.share)


def wanted(
    query: Query, weights: Mapping[str, float], embedders: Mapping[str, Embedder], options: HybridOptions
) -> Wanted:
    """Say what a query needs embedded, and the leg queries.

    Words go to every leg; pictures go to the picture leg, where the words then are a query of their own, "image/words".
    A dense leg's vector moves away from what it can read of the negative part. On a sparse leg the negative words are a
    query of negative weight, "sparse/negative", so that what holds them comes further down. What is read in the query's
    pictures goes to the legs of words, as "text/picture", with a share of the leg's weight.
    """
    share, read = options.negative_weight, options.picture_words
    found = Wanted(share, each=options.pictures == "each")
    words, negative = query.query_str, query.negative.strip() and query.negative
    on_pictures = bool(query.pictures) and PICTURE_LEG in weights
    if on_pictures:
        _add_pictures(found, query, weights[PICTURE_LEG], embedders[PICTURE_LEG])
    for leg, weight in weights.items() if words.strip() else ():
        embedder = embedders[leg]
        sparse = is_sparse(embedder)
        name = f"{leg}/words" if on_pictures and leg == PICTURE_LEG else leg
        unlike = () if sparse else _unlike(found, query, leg, embedder)
        found.aims.append(Aim(name, ("words", leg), weight, (found.place(embedder, words),), unlike))
        if sparse and negative and share:
            places = (found.place(embedder, negative),)
            found.aims.append(Aim(f"{leg}/negative", ("words", leg), -share * weight, places))
    if read and any(query.picture_words):
        _add_picture_words(found, query, {leg: read * weight for leg, weight in weights.items()}, embedders)
    return found


def _add_pictures(found: Wanted, query: Query, weight: float, embedder: Embedder) -> None:
    places = tuple(found.place(embedder, picture) for picture in query.pictures)
    unlike = _unlike(found, query, PICTURE_LEG, embedder)
    groups = [(place,) for place in places] if found.each else [places]
    for number, group in enumerate(groups, start=1):
        name = PICTURE_LEG if number == 1 else f"{PICTURE_LEG}/{number}"
        found.aims.append(Aim(name, ("picture", PICTURE_LEG), weight / len(groups), group, unlike))


def _add_picture_words(
    found: Wanted, query: Query, weights: Mapping[str, float], embedders: Mapping[str, Embedder]
) -> None:
    said = [words for words in query.picture_words if words.strip()]
    for leg, weight in weights.items() if said else ():
        if leg != PICTURE_LEG:  # there the picture itself is compared
            embedder = embedders[leg]
            unlike = () if is_sparse(embedder) else _unlike(found, query, leg, embedder)
            for number, words in enumerate(said if found.each else ["\n".join(said)], start=1):
                name = f"{leg}/picture" if number == 1 else f"{leg}/picture/{number}"
                share = weight / len(said) if found.each else weight
                found.aims.append(Aim(name, ("words", leg), share, (found.place(embedder, words),), unlike))


def _unlike(found: Wanted, query: Query, leg: str, embedder: Embedder) -> tuple[int, ...]:
    things: list[str | Picture] = [query.negative] if query.negative.strip() else []
    things += query.negative_pictures if leg == PICTURE_LEG else ()
    return tuple(found.place(embedder, thing) for thing in things) if found.share else ()


def _or_crash(part: ToEmbed) -> Vector | StageCrashed:
    try:
        return part.now()
    except StageCrashed as crashed:
        return crashed


async def _or_crash_later(part: ToEmbed) -> Vector | StageCrashed:
    try:
        return await part.later()
    except StageCrashed as crashed:
        return crashed


def _dense(vector: Vector) -> Sequence[float]:
    assert not isinstance(vector, SparseVector)  # noqa: S101 - a sparse embedder's went another way
    return vector
