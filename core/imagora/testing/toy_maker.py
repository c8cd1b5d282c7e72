"""A toy maker, to test engines on; it is found by this module's name in other processes, too."""

from __future__ import annotations

import time
from collections.abc import Sequence

from imagora.errors import SourceError
from imagora.item import Deleted, Item
from imagora.ledger import Row
from imagora.runner import Change, Made
from imagora.stages import Entry, Prepared


class ToyMaker:
    """Makes an entry of every item; the words "refused", "slow" and "gone" make it do what they say."""

    def __init__(self, batch: int = 4, workers: int = 2, *, ordered: bool = False, lanes: int = 1) -> None:
        self.batch, self.workers, self.ordered, self.lanes = batch, workers, ordered, lanes

    def __call__(self, changes: Sequence[Change]) -> list[Made]:
        results = [(change, self.prepare(change)) for change in changes]
        embedded = iter(self.embed([(change, one) for change, one in results if isinstance(one, Prepared)]))
        return [one if isinstance(one, Made) else next(embedded) for _, one in results]

    def prepare(self, change: Change) -> Prepared | Made:
        """Prepare an item, or say at once what became of it."""
        item = change.item
        if isinstance(item, Deleted):
            return Made(change)
        if item.text == "refused":
            return Made(change, refusal="the toy refuses it")
        if item.text == "gone":
            raise SourceError("the bucket is gone")
        if item.text == "slow":
            time.sleep(0.02)
        return Prepared(item, None)

    def embed(self, prepared: Sequence[tuple[Change, Prepared]]) -> list[Made]:
        """Make the entries of prepared items."""
        return [
            Made(change, Entry(change.row.id, {"text": [float(len(one.item.text)), 1.0]}, {"uri": one.item.uri}))
            for change, one in prepared
        ]

    def close(self) -> None:
        """Do nothing: there is nothing to end."""


def change(number: int, text: str = "words") -> Change:
    """Give the change of an item of that number and text; "deleted" for one that is to be deleted."""
    uri = f"item {number}"
    row = Row(f"id {number}", "toys", uri, "content", "metadata", "recipe")
    return Change(number, row, Deleted(uri) if text == "deleted" else Item(uri, text))
