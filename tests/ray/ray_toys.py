"""Toys for the engine's tests: makers that workers can load, since they are pickled by this module's name."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path

from imagora.errors import PictureError, Problem, RecipeError, SourceError
from imagora.item import Deleted, Item
from imagora.ledger import Row
from imagora.runner import Change, Made
from imagora.stages import Entry, Prepared


class ToyMaker:
    """Says of each item what it saw; words in an item's text make it stumble."""

    workers = lanes = 1

    def __init__(self, batch: int = 4, *, ordered: bool = False, marks: Path | None = None) -> None:
        self.batch, self.ordered, self.marks = batch, ordered, marks
        self.made, self.first = 0, True

    def __call__(self, changes: Sequence[Change]) -> list[Made]:
        return [self._one(change, len(changes)) for change in changes]

    def _one(self, change: Change, size: int) -> Made:
        item = change.item
        if isinstance(item, Deleted):
            return Made(change)
        if item.text == "refused":
            return Made(change, refusal="the toy refuses it")
        if item.text.startswith("slow"):
            time.sleep(float(item.text.split()[1]))
        self._stumble(item.text)
        self.made += 1
        picture = item.picture if isinstance(item.picture, bytes) else str(item.picture)
        payload = {"uri": item.uri, "pid": os.getpid(), "made": self.made, "batch": size, "picture": str(picture)}
        return Made(change, Entry(change.row.id, {"text": [0.5, len(item.text)]}, payload))

    def _stumble(self, text: str) -> None:
        if text == "gone":
            raise SourceError("the bucket is gone")
        if text == "recipe":
            raise RecipeError([Problem("r.yaml", 1, 2, "embedders", "is wrong", "IMG-309")])
        if text == "bug":
            raise ZeroDivisionError("in a stranger's stage")
        if text == "dies":
            os._exit(7)
        if text == "dies once" and self.marks is not None and not (self.marks / "died").exists():
            (self.marks / "died").touch()
            os._exit(7)

    def prepare(self, change: Change) -> Prepared | Made:
        raise AssertionError("the engine calls the whole maker")

    def embed(self, prepared: Sequence[tuple[Change, Prepared]]) -> list[Made]:
        raise AssertionError("the engine calls the whole maker")

    def close(self) -> None:
        pass


def change(number: int, text: str = "words", **more: object) -> Change:
    item = Item(f"item {number}", text, **more)  # type: ignore[arg-type] # tests say what they mean
    return Change(number, Row(f"id {number}", "toys", item.uri, "c", "m", "r"), item)


def broken_picture() -> bytes:
    raise PictureError("the server says 404")
