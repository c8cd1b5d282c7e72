"""Which pictures go into a prompt: within what the model takes, none twice, and what was left out is said."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from imagora.answer import Passage
from imagora.errors import ImagoraError
from imagora.item import Picture
from imagora.prompt import PromptPicture
from imagora.query import Query
from PIL import Image

ALIKE = 3
"""Pictures whose hashes of 64 bits differ in at most so many are taken for the same."""


@dataclass(frozen=True)
class Budget:
    """What the prompt may hold of pictures: how many, 0 for a model that cannot see, and pixels of all of them."""

    pictures: int
    pixels: int


async def choose(
    query: Query,
    passages: Sequence[Passage],
    budget: Budget,
    decode: Callable[[Path], Awaitable[Picture]],
    withheld: Collection[str] = (),
) -> tuple[list[PromptPicture], list[str]]:
    """Give the prompt's pictures, those of the question first, and what was left out, with the reasons.

    For a model that cannot see, words stand for the pictures that have some: a caption, or the words in the picture.
    withheld: pictures that a guardrail keeps back, by their passage's id or their hash.
    """
    if not budget.pictures:
        return _told(query, passages)
    chosen: list[tuple[int | None, Picture, int]] = []
    left_out: list[str] = []
    candidates: list[tuple[int | None, str, Any]] = [(None, one.sha256, one) for one in query.pictures]
    candidates += [(number, p.node_id, path) for number, p in enumerate(passages, start=1) if (path := _path(p))]
    for passage, which, source in candidates:
        name = f"passage {passage}" if passage else "the question"
        if which in withheld:
            left_out.append(f"{name}: a guardrail acted on the words in it")
            continue
        if len(chosen) >= budget.pictures:
            left_out.append(f"{name}: the model takes {budget.pictures}")
            continue
        try:
            picture = source if isinstance(source, Picture) else await decode(source)
        except ImagoraError as error:
            left_out.append(f"{name}: {error}")
            continue
        own = likeness(picture.png)
        if any((own ^ other).bit_count() <= ALIKE for _, _, other in chosen):
            left_out.append(f"{name}: it looks like one that is shown")
            continue
        chosen.append((passage, picture, own))
    total = sum(picture.width * picture.height for _, picture, _ in chosen)
    share = min(1.0, budget.pixels / total) if total else 1.0
    shown = [
        PromptPicture(number, passage, _smaller(picture, share))
        for number, (passage, picture, _) in enumerate(chosen, start=1)
    ]
    return shown, left_out


def likeness(png: bytes) -> int:
    """Hash how a picture looks: whether each of 8 x 8 fields is brighter than the one to its right."""
    with Image.open(BytesIO(png), formats=["PNG"]) as picture:
        grey = picture.convert("L").resize((9, 8), Image.Resampling.BOX).tobytes()
    bits = [grey[row * 9 + column] > grey[row * 9 + column + 1] for row in range(8) for column in range(8)]
    return sum(bit << place for place, bit in enumerate(bits))


def _told(query: Query, passages: Sequence[Passage]) -> tuple[list[PromptPicture], list[str]]:
    words = [(None, said.strip()) for said in query.picture_words if said.strip()]
    told: list[tuple[int | None, str]] = [*words]
    for number, passage in enumerate(passages, start=1):
        said = [str(passage.node.metadata[key]) for key in ("caption", "ocr_text") if passage.node.metadata.get(key)]
        if _path(passage) and said:
            told.append((number, ", ".join(part.strip().removesuffix(".") for part in said)))
    without = len(query.pictures) - len(words)
    left_out = [f"{without} of the question: the model cannot see"] if without else []
    return [PromptPicture(place, whose, words=said) for place, (whose, said) in enumerate(told, start=1)], left_out


def _path(passage: Passage) -> Path | None:
    resource = getattr(passage.node, "image_resource", None)
    return Path(resource.path) if resource and resource.path else None


def _smaller(picture: Picture, share: float) -> bytes:
    if share >= 1:
        return picture.png
    with Image.open(BytesIO(picture.png), formats=["PNG"]) as whole:
        size = (max(1, int(whole.width * share**0.5)), max(1, int(whole.height * share**0.5)))
        whole.convert("RGB").resize(size, Image.Resampling.LANCZOS).save(file := BytesIO(), "PNG")
    return file.getvalue()
