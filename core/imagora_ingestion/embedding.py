"""From prepared items to entries: each leg embeds, in one batch, the items that have what it takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import cast

from imagora.passages import payload_of
from imagora.stages import (
    Embedder,
    Entry,
    ItemEmbedder,
    PictureEmbedder,
    Prepared,
    SparseEmbedder,
    TextEmbedder,
    Vector,
)


def embed(items: Sequence[tuple[str, Prepared]], embedders: Mapping[str, Embedder]) -> list[Entry]:
    """Give an entry for each pair of id and item, in order; an item has no vector on a leg that it has nothing for."""
    vectors: list[dict[str, Vector]] = [{} for _ in items]
    for leg, embedder in embedders.items():
        pictures, whole = leg == "image", isinstance(embedder, ItemEmbedder)
        places = [n for n, (_, p) in enumerate(items) if whole or (p.picture if pictures else p.item.words)]
        if not places:
            continue
        for place, vector in zip(places, _on_leg(leg, embedder, [items[n][1] for n in places]), strict=True):
            if vector is not None:
                vectors[place][leg] = vector
    return [Entry(id_, vectors[n], payload_of(prepared.item)) for n, (id_, prepared) in enumerate(items)]


def _on_leg(leg: str, embedder: Embedder, items: Sequence[Prepared]) -> Sequence[Vector | None]:
    if isinstance(embedder, ItemEmbedder):
        return embedder.embed_items(items)
    if leg == "image":
        files = [BytesIO(prepared.picture.png) for prepared in items if prepared.picture]
        return cast(PictureEmbedder, embedder).get_image_embedding_batch(files)
    words = [prepared.item.words for prepared in items]
    if leg == "sparse":
        return cast(SparseEmbedder, embedder).embed_texts(words)
    return cast(TextEmbedder, embedder).get_text_embedding_batch(words)
