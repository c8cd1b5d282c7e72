"""From a query's words and pictures to one vector for each leg."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from imagora import Picture
from imagora.stages import Embedder, LegQuery, SparseEmbedder, Vector

PICTURE_LEG = "image"


@dataclass(frozen=True)
class ToEmbed:
    """Something to embed: the query's words, or its pictures where there are some."""

    embedder: Any
    words: str
    pictures: Sequence[Picture] = ()

    def now(self) -> Vector:
        """Embed in the calling thread."""
        if self.pictures:
            return _middle([self.embedder.get_image_embedding(BytesIO(picture.png)) for picture in self.pictures])
        if isinstance(self.embedder, SparseEmbedder):
            return self.embedder.embed_query(self.words)
        vector: list[float] = self.embedder.get_query_embedding(self.words)
        return vector

    async def later(self) -> Vector:
        """Embed as the embedder's own asynchronous calls do."""
        if self.pictures:
            files = [BytesIO(picture.png) for picture in self.pictures]
            return _middle(await asyncio.gather(*map(self.embedder.aget_image_embedding, files)))
        if isinstance(self.embedder, SparseEmbedder):
            return self.embedder.embed_query(self.words)
        vector: list[float] = await self.embedder.aget_query_embedding(self.words)
        return vector


@dataclass(frozen=True)
class Wanted:
    """What is to be embedded, each once, and which leg query takes which of the vectors: name, leg, weight, place."""

    parts: Sequence[ToEmbed]
    legs: Sequence[tuple[str, str, float, int]]

    def now(self) -> tuple[LegQuery, ...]:
        """Embed one after the other in the calling thread."""
        return self._queries([part.now() for part in self.parts])

    async def later(self) -> tuple[LegQuery, ...]:
        """Embed all at once."""
        return self._queries(await asyncio.gather(*(part.later() for part in self.parts)))

    def _queries(self, vectors: Sequence[Vector]) -> tuple[LegQuery, ...]:
        return tuple(LegQuery(name, leg, vectors[place], weight) for name, leg, weight, place in self.legs)


def wanted(
    words: str, pictures: Sequence[Picture], weights: Mapping[str, float], embedders: Mapping[str, Embedder]
) -> Wanted:
    """Say what a query needs embedded, words once for each embedder however many legs it has.

    Words go to every leg; pictures go to the picture leg, where the words then are a query of their own, "image/words".
    """
    parts: list[ToEmbed] = []
    legs: list[tuple[str, str, float, int]] = []
    on_pictures = bool(pictures) and PICTURE_LEG in weights
    if on_pictures:
        parts.append(ToEmbed(embedders[PICTURE_LEG], "", pictures))
        legs.append((PICTURE_LEG, PICTURE_LEG, weights[PICTURE_LEG], 0))
    places: dict[int, int] = {}
    for leg in weights if words else ():
        embedder = embedders[leg]
        if id(embedder) not in places:
            places[id(embedder)] = len(parts)
            parts.append(ToEmbed(embedder, words))
        name = f"{leg}/words" if on_pictures and leg == PICTURE_LEG else leg
        legs.append((name, leg, weights[leg], places[id(embedder)]))
    return Wanted(parts, legs)


def _middle(vectors: Sequence[Sequence[float]]) -> list[float]:
    """Give a picture's vector; of several, the direction half-way between all of them."""
    if len(vectors) == 1:
        return list(vectors[0])
    directions = [_unit(vector) for vector in vectors]
    return _unit([math.fsum(numbers) / len(directions) for numbers in zip(*directions, strict=True)])


def _unit(vector: Sequence[float]) -> list[float]:
    length = math.hypot(*vector)
    return [number / length for number in vector] if length else list(vector)
