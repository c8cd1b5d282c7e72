"""The suite `synthetic`: drawings of shapes, colours, counts and words, made by code from a seed, of any size."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imagora import Options
from pydantic import Field

from .altering import altered
from .making import Maker, write_lines, write_qrels

COLOURS: Mapping[str, tuple[int, int, int]] = {
    "red": (200, 30, 40),
    "green": (30, 140, 60),
    "blue": (40, 80, 200),
    "yellow": (235, 200, 40),
    "black": (30, 30, 30),
    "orange": (235, 130, 30),
    "purple": (120, 50, 150),
    "pink": (240, 140, 180),
}
SHAPES: Mapping[str, int] = {"circle": 0, "triangle": 3, "square": 4, "pentagon": 5, "hexagon": 6, "star": -5}
"""A shape's corners: 0 for round, below 0 with every second one pulled in."""
NUMBERS = ("one", "two", "three", "four", "five")
WORDS = ("OPEN", "SALE", "EXIT", "TAXI", "HOTEL", "PIZZA", "BOOKS", "COFFEE", "MUSEUM", "BAKERY", "GARDEN", "STATION")
SIDE = 192
UNSEEN = ("rockets", "hearts", "arrows", "moons", "spirals", "clouds", "ladders", "anchors")
"""What is never drawn, to ask for."""


class SyntheticOptions(Options):
    """How much is drawn and asked."""

    items: int = Field(default=120, ge=10, le=1_000_000, description="How many drawings there are.")
    queries: int = Field(default=15, ge=1, le=10_000, description="How many queries of each kind there are at most.")
    seed: int = Field(default=1, ge=0, description="The start of chance.")
    words: float = Field(default=0.5, ge=0, le=1, description="The share of drawings that a text goes with.")


@dataclass(frozen=True)
class Drawing:
    """What one drawing shows; word: "" where nothing is written in it."""

    name: str
    shape: str
    colour: str
    count: int
    word: str
    told: bool

    @property
    def said(self) -> str:
        """What it shows, in words; what is written in it is left out."""
        return said_of(self.count, self.colour, self.shape)


def said_of(count: int, colour: str, shape: str) -> str:
    """Say what a drawing shows."""
    return f"{NUMBERS[count - 1]} {colour} {shape}{'s' if count > 1 else ''}"


def _drawings(options: SyntheticOptions) -> list[Drawing]:
    dice = random.Random(options.seed)  # noqa: S311 - no secret
    made = []
    for number in range(options.items):
        word = dice.choice(WORDS) if dice.random() < 0.3 else ""  # noqa: PLR2004 - about a third
        shape, colour = dice.choice([*SHAPES]), dice.choice([*COLOURS])
        told = dice.random() < options.words
        made.append(Drawing(f"drawing-{number:06}.png", shape, colour, dice.randint(1, len(NUMBERS)), word, told))
    return made


def _draw(drawing: Drawing, target: Path) -> None:
    from PIL import Image, ImageDraw, ImageFont

    image = Image.new("RGB", (SIDE, SIDE), "white")
    pen = ImageDraw.Draw(image)
    rows = 1 if drawing.count == 1 else 2
    across = math.ceil(drawing.count / rows)
    size = min(SIDE / across, (SIDE - 40) / rows) * 0.4
    for place in range(drawing.count):
        x, y = (place % across + 0.5) * SIDE / across, (place // across + 0.5) * (SIDE - 40) / rows
        pen.polygon(_corners(SHAPES[drawing.shape], x, y, size), fill=COLOURS[drawing.colour])
    if drawing.word:
        font = ImageFont.load_default(28)
        pen.text((SIDE / 2, SIDE - 20), drawing.word, fill="black", font=font, anchor="mm")
    image.save(target, format="PNG")


def _corners(corners: int, x: float, y: float, size: float) -> list[tuple[float, float]]:
    many = abs(corners) * (2 if corners < 0 else 1) or 40
    start = math.pi / 4 if corners == SHAPES["square"] else 0.0
    return [
        (x + far * math.sin(start + 2 * math.pi * part / many), y - far * math.cos(start + 2 * math.pi * part / many))
        for part in range(many)
        for far in [size * (0.4 if corners < 0 and part % 2 else 1.0)]
    ]


def _asked(drawings: Sequence[Drawing], options: SyntheticOptions) -> Iterator[tuple[dict[str, Any], dict[str, int]]]:
    """Give queries with their grades: 2 for all that was asked, 1 for the shape or the colour alone."""
    dice = random.Random(options.seed + 1)  # noqa: S311 - no secret

    def some(things: Sequence[Any]) -> list[Any]:
        return dice.sample(list(things), min(options.queries, len(things)))

    for drawing in some(drawings):
        right = {one.name: 2 if one.count == drawing.count else 1 for one in _alike(drawings, drawing)}
        yield _query("count", drawing.said, drawing), right
    for colour, shape in some(sorted({(one.colour, one.shape) for one in drawings})):
        right = {one.name: 2 if one.colour == colour else 1 for one in drawings if one.shape == shape}
        yield {"text": f"a {colour} {shape}", "slices": {"kind": "colour", "shape": shape}}, right
    for shape in some([shape for shape in SHAPES if any(one.shape == shape for one in drawings)]):
        right = {one.name: 2 for one in drawings if one.shape == shape}
        yield {"text": f"a {shape}", "slices": {"kind": "shape", "shape": shape}}, right
    for word in some(sorted({one.word for one in drawings} - {""})):
        right = {one.name: 2 for one in drawings if one.word == word}
        yield {"text": f"a sign that says {word.lower()}", "slices": {"kind": "text"}}, right
    for drawing in some(drawings):
        picture = [f"asked/{Path(drawing.name).stem}-mirrored.png"]
        right = {one.name: 1 for one in _alike(drawings, drawing)} | {drawing.name: 2}
        yield {**_query("picture", "", drawing), "pictures": picture}, right
    for drawing in some(drawings):
        other = dice.choice([colour for colour in COLOURS if colour != drawing.colour])
        right = {one.name: 2 if one.colour == other else 1 for one in drawings if one.shape == drawing.shape}
        picture = [f"asked/{Path(drawing.name).stem}-mirrored.png"]
        yield {**_query("both", f"the same in {other}", drawing), "pictures": picture}, right
    for thing in some(UNSEEN):
        yield {"text": f"What do the {thing} look like?", "slices": {"kind": "refusal"}, "refuse": True}, {}


def _alike(drawings: Sequence[Drawing], drawing: Drawing) -> list[Drawing]:
    return [one for one in drawings if (one.shape, one.colour) == (drawing.shape, drawing.colour)]


def _query(kind: str, text: str, drawing: Drawing) -> dict[str, Any]:
    told = "with words" if drawing.told else "without words"
    answer = {"answer": f"It shows {drawing.said}."} if kind == "count" else {}
    return {"text": text, "slices": {"kind": kind, "item": told, "shape": drawing.shape}, **answer}


def _write(folder: Path, options: SyntheticOptions) -> None:
    drawings = _drawings(options)
    (folder / "corpus").mkdir()
    rows = []
    for drawing in drawings:
        _draw(drawing, folder / "corpus" / drawing.name)
        rows.append({"picture": drawing.name, **({"text": f"A drawing of {drawing.said}."} if drawing.told else {})})
    write_lines(folder / "corpus" / "manifest.jsonl", rows)
    queries, grades = [], {}
    for number, (query, right) in enumerate(_asked(drawings, options), start=1):
        name = f"{query['slices']['kind']}-{number:05}"
        queries.append({"id": name, **query})
        grades[name] = right
        for picture in query.get("pictures", ()):
            source = folder / "corpus" / Path(picture).name.replace("-mirrored", "")
            altered(source, "mirrored", folder / picture)
    write_lines(folder / "queries.jsonl", queries)
    write_qrels(folder / "qrels", grades)


SYNTHETIC = Maker("synthetic", 1, SyntheticOptions, _write, lambda: "")
