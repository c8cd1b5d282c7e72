"""Where everything of a scene stands: rectangles in pixels, lanes side by side, rows one below the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from .lettering import lines
from .scene import Box, Row, Scene

ROOM = 376
"""The width of a lane, in pixels."""
MARGIN, GUTTER, BETWEEN, INSET, LABEL = 24, 72, 28, 14, 30
SMALL, LARGE, LINE, PAD = 13, 15, 18, 12
HEAD = 92
SIDE, LID = 12, 10


@dataclass(frozen=True)
class Placed:
    """A box and its rectangle; name, details: its texts in lines that fit."""

    box: Box
    x: float
    y: float
    width: float
    height: float
    name: tuple[str, ...]
    details: tuple[str, ...]

    @property
    def middle(self) -> float:
        """Its middle from left to right."""
        return self.x + self.width / 2

    @property
    def bottom(self) -> float:
        """Where it ends below."""
        return self.y + self.height


@dataclass(frozen=True)
class Frame:
    """A frame around others, with its label's lines; `box` is the wrapper."""

    box: Box
    x: float
    y: float
    width: float
    height: float
    label: tuple[str, ...]


@dataclass(frozen=True)
class Layout:
    """A scene with places, the picture's size, and where the lanes begin."""

    scene: Scene
    width: float
    height: float
    items: tuple[tuple[Placed, ...], ...]
    queries: tuple[tuple[Placed, ...], ...]
    frames: tuple[Frame, ...]
    lanes: tuple[tuple[float, str], ...]


def layout_of(scene: Scene) -> Layout:
    """Place a scene."""
    both = bool(scene.items)
    around = INSET * len(scene.wrappers)
    left = MARGIN
    right = (left + ROOM + GUTTER if both else left) + around
    rows = [*scene.items, (scene.index,)] if scene.index and both else []
    items = _column(rows, left, HEAD)
    queries, frames = _wrapped(scene, right)
    bottom = max(column[-1][-1].bottom for column in (items, queries) if column)
    lanes = [(left, "the road of an item")] if both else []
    lanes.append((right - around, "the road of a query"))
    width = right + ROOM + around + MARGIN
    return Layout(
        scene,
        width,
        bottom + (64 if _has_legend(scene) else MARGIN),
        tuple(items),
        tuple(queries),
        tuple(frames),
        tuple(lanes),
    )


def _has_legend(scene: Scene) -> bool:
    return bool(scene.wrappers) or any(box.kind in {"guardrail", "filter"} for row in scene.queries for box in row)


def _wrapped(scene: Scene, x: float) -> tuple[list[tuple[Placed, ...]], list[Frame]]:
    """Place the road of a query with the wrappers around all between its two ends."""
    depth = len(scene.wrappers)
    first, inner, last = scene.queries[:1], scene.queries[1:-1], scene.queries[-1:]
    placed = _column(first, x, HEAD)
    top = placed[-1][-1].bottom + BETWEEN
    placed += _column(inner, x, top + depth * LABEL + (INSET if depth else 0))
    bottom = placed[-1][-1].bottom
    frames = []
    for number, box in enumerate(scene.wrappers):
        out = INSET * (depth - number)
        y, width = top + number * LABEL, ROOM + 2 * out
        label = tuple(
            lines(f"{box.label}: {', '.join((box.name, *box.details))}", ROOM / 2 + out - 42, SMALL, 1, bold=True)
        )
        frames.append(Frame(box, x - out, y, width, bottom + out - y, label))
    placed += _column(last, x, bottom + INSET * depth + BETWEEN)
    return placed, frames


def _column(rows: Sequence[Row], x: float, y: float) -> list[tuple[Placed, ...]]:
    placed = []
    for row in rows:
        placed.append(_row(row, x, y))
        y = placed[-1][-1].bottom + BETWEEN
    return placed


def _row(row: Row, x: float, y: float) -> tuple[Placed, ...]:
    """Place boxes side by side, all of the height of the highest, or one below the other where a name is too long."""
    each = (ROOM - SIDE * (len(row) - 1)) / len(row)
    beside = [_placed(box, x + number * (each + SIDE), y, each) for number, box in enumerate(row)]
    if len(row) == 1 or all(len(one.name) == 1 for one in beside):
        height = max(one.height for one in beside)
        return tuple(replace(one, height=height) for one in beside)
    below: list[Placed] = []
    for box in row:
        below.append(_placed(box, x, y, ROOM))
        y = below[-1].bottom + SIDE
    return tuple(below)


def _placed(box: Box, x: float, y: float, width: float) -> Placed:
    room = width - 2 * PAD - 6
    name = tuple(lines(box.name, room, LARGE, 2, bold=True))
    details = tuple(line for one in box.details for line in lines(one, room, SMALL, 2))
    own = bool(box.time) and width < ROOM  # in a narrow box the time has a line of its own
    height = 2 * PAD + LINE * (1 + len(name) + len(details) + own) + 4 + (LID if box.kind == "store" else 0)
    return Placed(box, x, y, width, height, name, details)
