"""What a source has that the index has not: each item is held against its row in the ledger."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterator, Sequence
from hashlib import sha256
from pathlib import Path

from imagora.assembly import Stages
from imagora.errors import PictureError
from imagora.item import Deleted, Item, Unreadable, item_id
from imagora.ledger import Row
from imagora.pictures import parts_of, picture_file
from imagora.record import named
from imagora.runner import Change
from imagora.stages import Feed, Source
from imagora_recipe.plan import Plan

from .belt import Belt
from .seen import Seen

AT_ONCE = 32


class Changes:
    """Goes through a source once, and gives what must be written or deleted; the rest is counted or refused.

    thumbnails: whether copies are kept of pictures that are in no file. refused: names and reasons. hidden: there may
    be items that it did not give. limited: it has more than `limit`. count: how many things it gave.
    """

    def __init__(
        self,
        source: Source,
        rows: Callable[[Sequence[str]], dict[str, Row]],
        made_by: str,
        limit: int | None = None,
        *,
        thumbnails: bool = False,
    ) -> None:
        self.source, self._rows, self._made_by, self._limit = source, rows, made_by, limit
        self._thumbnails = thumbnails
        self.feed = source if isinstance(source, Feed) else None
        self.seen = Seen()
        self.refused: list[tuple[str, str]] = []
        self.hidden = self.limited = False
        self.count = self.unchanged = 0

    def groups(self) -> Generator[list[Change], None, None]:
        """Give the changes in the source's order, as many together as the source gave at once."""
        belt = Belt(self._items(), lambda: AT_ONCE, "source")
        number = 0
        try:
            while (items := belt.take(AT_ONCE)) is not None:
                yield self._group(number, items)
                number += len(items)
        finally:
            belt.close()

    def _items(self) -> Iterator[Item | Unreadable | Deleted]:
        with named("source", self.source.uri):
            for number, item in enumerate(self.source.items()):
                if number == self._limit:
                    self.hidden = self.limited = True  # what comes behind is not gone
                    return
                self.count = number + 1
                yield item

    def _group(self, number: int, items: Sequence[Item | Unreadable | Deleted]) -> list[Change]:
        ids = [self._id(item.uri) for item in items]
        known = self._rows([id_ for id_ in ids if id_])
        seen = [(id_, not isinstance(item, Unreadable)) for item, id_ in zip(items, ids, strict=True) if id_]
        again = iter(self.seen.add(seen))
        changes = []
        for place, (item, id_) in enumerate(zip(items, ids, strict=True), start=number + 1):
            if id_ and (change := self._change(place, id_, item, known.get(id_), again=next(again))):
                changes.append(change)
        return changes

    def _id(self, uri: str) -> str:
        try:
            return item_id(self.source.uri, uri)
        except UnicodeEncodeError:  # a file's name may be any bytes
            self.refuse(uri, "its name is not UTF-8 text")
            return ""

    def _change(
        self, number: int, id_: str, item: Item | Unreadable | Deleted, known: Row | None, *, again: bool
    ) -> Change | None:
        if isinstance(item, Unreadable):
            self.refuse(item.uri, item.reason)
            self.hidden = self.hidden or item.hides_others
            return None
        if isinstance(item, Deleted):
            return Change(number, Row(id_, self.source.uri, item.uri, "", "", ""), item)
        if again and not self.feed:
            self.refuse(item.uri, "the source gives another item of this name; the first is kept")
            return None
        row = self._row(id_, item)
        if again:
            known = None  # what was given before in this run may not be in the ledger yet
        if row is None or known == row:
            self.unchanged += row is not None
            return None
        same = known is not None and (known.content, known.recipe) == (row.content, row.recipe)
        fileless = item.picture is not None and not isinstance(item.picture, Path)
        return Change(number, row, item, relabel=same, thumbnail=fileless and self._thumbnails)

    def _row(self, id_: str, item: Item) -> Row | None:
        try:
            return Row(id_, self.source.uri, item.uri, content_hash(item), metadata_hash(item), self._made_by)
        except PictureError as error:
            self.refuse(item.uri, str(error))
        except (TypeError, ValueError, RecursionError) as error:  # metadata that is no JSON, half a character
            self.refuse(item.uri, f"its words or metadata cannot be written: {type(error).__name__}: {error}")
        return None

    def refuse(self, uri: str, reason: str) -> None:
        """Note that something cannot be used, in words that can be printed and stored."""
        said = [text.encode("utf-8", "backslashreplace").decode() for text in (uri, reason)]
        self.refused.append((said[0], said[1]))


def content_hash(item: Item) -> str:
    """Hash what is embedded of an item: its words and its picture's bytes; raise PictureError without these."""
    digest = sha256(item.words.encode())
    if item.version is not None and item.picture is not None:
        digest.update(item.version.encode())
    elif item.picture is not None:
        with picture_file(item.picture) as (file, size):
            for part in parts_of(file, size):
                digest.update(part)
    return digest.hexdigest()


def metadata_hash(item: Item) -> str:
    """Hash the rest of an item: its metadata, and how its words are spread over text and metadata."""
    said = json.dumps([item.text, item.metadata], sort_keys=True, default=str, ensure_ascii=False)
    return sha256(said.encode()).hexdigest()


def made_by(plan: Plan, stages: Stages) -> str:
    """Hash what turns an item into vectors: the identity on every leg, the preparers and the decoder's limits."""
    identities = {leg: str(embedder.identity()) for leg, embedder in stages.embedders.items()}
    preparers = [planned.said for planned in plan.preparers]
    said = [identities, preparers, plan.pictures.max_side]
    return sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]
