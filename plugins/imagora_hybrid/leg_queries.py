"""From a query's words and pictures to one vector for each leg."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Mapping, Sequence
from io import BytesIO
from typing import cast

from imagora import Picture
from imagora.stages import Embedder, LegQuery, PictureEmbedder, SparseEmbedder, Vector

PICTURE_LEG = "image"


async def leg_queries(
    words: str, pictures: Sequence[Picture], weights: Mapping[str, float], embedders: Mapping[str, Embedder]
) -> tuple[LegQuery, ...]:
    """Embed what the query has, all at once, words once for each embedder however many legs it has.

    Words go to every leg; pictures go to the picture leg, where the words then are a query of their own, "image/words".
    """
    on_pictures = bool(pictures) and PICTURE_LEG in weights
    legs: list[tuple[str, str]] = [(PICTURE_LEG, PICTURE_LEG)] if on_pictures else []
    waiting: list[Awaitable[Vector]] = []
    places: list[int] = []
    if on_pictures:
        waiting.append(_picture_vector(cast(PictureEmbedder, embedders[PICTURE_LEG]), pictures))
        places.append(0)
    asked: dict[int, int] = {}
    for leg in weights if words else ():
        embedder = embedders[leg]
        if id(embedder) not in asked:
            asked[id(embedder)] = len(waiting)
            waiting.append(_words_vector(embedder, words))
        legs.append((f"{leg}/words" if on_pictures and leg == PICTURE_LEG else leg, leg))
        places.append(asked[id(embedder)])
    vectors = await asyncio.gather(*waiting) if len(waiting) > 1 else [await one for one in waiting]
    return tuple(
        LegQuery(name, leg, vectors[place], weights[leg]) for (name, leg), place in zip(legs, places, strict=True)
    )


async def _words_vector(embedder: Embedder, words: str) -> Vector:
    if isinstance(embedder, SparseEmbedder):
        return embedder.embed_query(words)
    return await embedder.aget_query_embedding(words)


async def _picture_vector(embedder: PictureEmbedder, pictures: Sequence[Picture]) -> Vector:
    """Give a picture's vector; of several, the direction half-way between all of them."""
    files = [BytesIO(picture.png) for picture in pictures]
    vectors = await asyncio.gather(*(embedder.aget_image_embedding(file) for file in files))
    if len(vectors) == 1:
        return vectors[0]
    directions = [_unit(vector) for vector in vectors]
    return _unit([math.fsum(numbers) / len(directions) for numbers in zip(*directions, strict=True)])


def _unit(vector: Sequence[float]) -> list[float]:
    length = math.hypot(*vector)
    return [number / length for number in vector] if length else list(vector)
