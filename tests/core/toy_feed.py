"""A toy feed: a file with a change a line, and beside it how many lines were acknowledged."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from imagora import Deleted, Item


class ToyFeed:
    def __init__(self, path: Path) -> None:
        self.path, self.uri = path, f"toy_feed:{path.name}"
        self.kept = path.with_suffix(".done")
        self.began = 0

    def count(self) -> int:
        return len(self.lines()) - self.done()

    def items(self) -> Iterator[Item | Deleted]:
        self.began = self.done()
        for line in self.lines()[self.began :]:
            said = json.loads(line)
            yield Deleted(said["uri"]) if said["text"] is None else Item(said["uri"], said["text"])

    def restart(self) -> None:
        self.kept.unlink(missing_ok=True)

    def acknowledge(self, given: int) -> None:
        self.kept.write_text(str(self.began + given))

    def done(self) -> int:
        return int(self.kept.read_text()) if self.kept.exists() else 0

    def lines(self) -> list[str]:
        return self.path.read_text("utf-8").splitlines() if self.path.exists() else []


def tell(path: Path, things: Sequence[Item | Deleted]) -> None:
    """Put changes behind those that are there."""
    with path.open("a", encoding="utf-8") as file:
        for thing in things:
            said = {"uri": thing.uri, "text": thing.text if isinstance(thing, Item) else None}
            file.write(json.dumps(said) + "\n")
