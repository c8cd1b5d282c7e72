"""The road of an item: source, decoder, preparers, embedders, index, ledger.

An item is embedded only when its content or what embeds it changed. The index is written first and is durable before
the ledger says so: after a crash or Ctrl-C the next run repeats at most one batch, and ids are the same in every run,
so nothing comes twice. Items that left the source are deleted; items that cannot be read are named with their reason,
keep their old version, and the rest goes on.
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256

from imagora.assembly import Stages
from imagora.errors import ImagoraError, PictureError, SourceError
from imagora.ingest_report import IngestReport
from imagora.item import Deleted, Item, Unreadable, item_id
from imagora.passages import payload_of
from imagora.pictures import PictureDecoder, picture_bytes
from imagora.recipe.plan import Plan
from imagora.record import named
from imagora.stages import Entry, Feed, Index, Prepared, Source

from .embedding import embed
from .sqlite import Ledger, Row

BATCH = 32
"""Items that are embedded and written together; a crash repeats at most these."""


@dataclass(frozen=True)
class Change:
    """Something to be written or deleted: its number among all that the source gave, and its row to be.

    relabel: the index has the item's vectors, and only its metadata changed.
    """

    number: int
    row: Row
    item: Item | Deleted
    relabel: bool = False


class ItemRoad:
    """One ingest: its report grows batch by batch."""

    def __init__(self, made: tuple[Plan, Stages, Index], source: Source, ledger: Ledger, decoder: PictureDecoder):
        plan, self.stages, self.index = made
        self.source, self.ledger, self.decoder = source, ledger, decoder
        self.workers = plan.pictures.workers
        self.started = time.monotonic()
        self.report = IngestReport(source=source.uri)
        self.made_by = made_by(plan, self.stages)
        if ledger.count() and self.index.count() < ledger.count():
            ledger.forget()  # the index was removed or restored from a copy: what the ledger says is not there
        self.known = ledger.rows(source.uri)
        self.seen: set[str] = set()
        self.given: set[str] = set()
        self.hidden = False
        self.feed = source if isinstance(source, Feed) else None
        self.count = 0
        self.limit: int | None = None

    def batches(self) -> Iterator[IngestReport]:
        """Work through the source, and give the report after every batch."""
        waiting: dict[str, tuple[Change, Prepared]] = {}
        for change, prepared in self._prepared():
            id_ = change.row.id
            if prepared is None or id_ in waiting or len(waiting) >= BATCH:
                self._write(list(waiting.values()))
                waiting = {}
                self._acknowledge(change.number - 1)
                yield self._timed()
            elif self.report.done % BATCH == 0:
                yield self._timed()
            if prepared is None:
                self._delete([id_])
            else:
                waiting[id_] = change, prepared
        self._write(list(waiting.values()))
        yield self._timed()

    def finish(self) -> IngestReport:
        """Delete what left the source, write down the quarantine, and give the report."""
        gone = [] if self.feed else [id_ for id_ in self.known if id_ not in self.seen]
        if self.hidden:
            self.report.kept = len(gone)  # they may be behind what cannot be read: a folder, a broken row
        else:
            self._delete(gone)
        self._acknowledge(self.count)
        self.ledger.quarantine(self.source.uri, self.report.quarantined, everything=self.feed is None)
        return self._timed()

    def _acknowledge(self, given: int) -> None:
        if self.feed:
            with named("source", self.source.uri):
                self.feed.acknowledge(given)

    def _delete(self, ids: list[str]) -> None:
        if ids:
            with named("index", self.index.place):
                self.index.delete(ids)
            self.ledger.delete(ids)
            self.report.deleted += sum(id_ in self.known for id_ in ids)

    def _prepared(self) -> Iterator[tuple[Change, Prepared | None]]:
        # Pictures are decoded ahead in worker processes while earlier ones are embedded; the window bounds the memory.
        window: deque[tuple[Change, Future[Prepared | None]]] = deque()
        with ThreadPoolExecutor(self.workers, thread_name_prefix="imagora-decode") as pool:
            try:
                for change in self.changed():
                    window.append((change, pool.submit(self.prepare, change)))
                    if len(window) >= BATCH:
                        yield from self._result(*window.popleft())
                while window:
                    yield from self._result(*window.popleft())
            finally:
                pool.shutdown(wait=False, cancel_futures=True)

    def changed(self) -> Iterator[Change]:
        """Go through the source, and give what must be written or deleted; count and refuse the rest."""
        for item in self._items():
            try:
                id_ = item_id(self.source.uri, item.uri)
            except UnicodeEncodeError:  # a file's name may be any bytes
                self._refuse(item.uri, "its name is not UTF-8 text")
                continue
            self.seen.add(id_)
            if isinstance(item, Unreadable):
                self._refuse(item.uri, item.reason)
                self.hidden = self.hidden or item.hides_others
                continue
            again = id_ in self.given
            self.given.add(id_)
            if isinstance(item, Deleted):
                yield Change(self.count, Row(id_, self.source.uri, item.uri, "", "", self.made_by), item)
                continue
            if again and not self.feed:
                self._refuse(item.uri, "the source gives another item of this name; the first is kept")
                continue
            try:
                row = Row(id_, self.source.uri, item.uri, content_hash(item), metadata_hash(item), self.made_by)
            except PictureError as error:
                self._refuse(item.uri, str(error))
                continue
            except (TypeError, ValueError, RecursionError) as error:  # metadata that is no JSON, half a character
                self._refuse(item.uri, f"its words or metadata cannot be written: {type(error).__name__}: {error}")
                continue
            known = None if again else self.known.get(id_)  # what was given before in this run is not in the ledger yet
            if known == row:
                self.report.unchanged += 1
            else:
                same = known is not None and (known.content, known.recipe) == (row.content, row.recipe)
                yield Change(self.count, row, item, relabel=same)

    def _items(self) -> Iterator[Item | Unreadable | Deleted]:
        with named("source", self.source.uri):
            for item in self.source.items():
                if self.count == self.limit:
                    self.hidden = True  # what comes behind is not gone
                    return
                self.count += 1
                yield item

    def prepare(self, change: Change) -> Prepared | None:
        """Decode an item's picture and let the preparers at it; None for a deleted one."""
        item = change.item
        if isinstance(item, Deleted):
            return None
        if change.relabel and not self.stages.preparers:
            return Prepared(item, None)
        prepared = Prepared(item, None if item.picture is None else self.decoder.decode(item.picture))
        for _, preparer in self.stages.preparers:
            (prepared,) = preparer.prepare([prepared])
        return prepared

    def _result(self, change: Change, future: Future[Prepared | None]) -> Iterator[tuple[Change, Prepared | None]]:
        uri = change.item.uri
        try:
            prepared = future.result()
        except SourceError:
            raise  # not this item's fault: what gets its bytes is gone
        except ImagoraError as error:
            self._refuse(uri, str(error))
        except Exception as error:  # a stranger's preparer may raise anything, and one item must not stop the rest
            self._refuse(uri, f"{type(error).__name__}: {error}")
        else:
            if prepared and not (prepared.picture or prepared.item.words or change.relabel):
                self._refuse(uri, "has neither words nor a picture")
            else:
                yield change, prepared

    def _write(self, batch: list[tuple[Change, Prepared]]) -> None:
        relabelled = [(change.row, prepared) for change, prepared in batch if change.relabel]
        if relabelled:
            with named("index", self.index.place):
                self.index.set_payloads({row.id: payload_of(prepared.item) for row, prepared in relabelled})
            self.ledger.commit([row for row, _ in relabelled])
            self.report.relabelled += len(relabelled)
        entries, rows = self._embedded([(change.row, prepared) for change, prepared in batch if not change.relabel])
        if not rows:
            return
        self.ledger.intend(rows)
        with named("index", self.index.place):
            self.index.upsert(entries)
        self.ledger.commit(rows)
        self.report.embedded += len(rows)
        changed = sum(row.id in self.known and bool(self.known[row.id].content) for row in rows)
        self.report.changed += changed
        self.report.added += len(rows) - changed

    def _embedded(self, batch: list[tuple[Row, Prepared]]) -> tuple[list[Entry], list[Row]]:
        try:
            entries = embed([(row.id, prepared) for row, prepared in batch], self.stages.embedders)
        except ImagoraError:
            raise
        except Exception as error:  # an embedder may stumble over one item: then one by one
            if len(batch) > 1:
                parts = [self._embedded([one]) for one in batch]
                return [e for entries, _ in parts for e in entries], [r for _, rows in parts for r in rows]
            self._refuse(batch[0][0].uri, f"cannot be embedded: {type(error).__name__}: {error}")
            return [], []
        kept = [(entry, row) for entry, (row, _) in zip(entries, batch, strict=True) if entry.vectors]
        for entry, (row, _) in zip(entries, batch, strict=True):
            if not entry.vectors:
                self._refuse(row.uri, "has nothing that the recipe's legs embed")
        return [entry for entry, _ in kept], [row for _, row in kept]

    def _refuse(self, uri: str, reason: str) -> None:
        said = (text.encode("utf-8", "backslashreplace").decode() for text in (uri, reason))
        self.report.quarantined.append((next(said), next(said)))

    def _timed(self) -> IngestReport:
        self.report.seconds = time.monotonic() - self.started
        return self.report


def content_hash(item: Item) -> str:
    """Hash what is embedded of an item: its words and its picture's bytes; raise PictureError without these."""
    digest = sha256(item.words.encode())
    if item.picture is not None:
        digest.update(item.version.encode() if item.version is not None else picture_bytes(item.picture))
    return digest.hexdigest()


def metadata_hash(item: Item) -> str:
    """Hash the rest of an item: its metadata, and how its words are spread over text and metadata."""
    said = json.dumps([item.text, item.metadata], sort_keys=True, default=str, ensure_ascii=False)
    return sha256(said.encode()).hexdigest()


def made_by(plan: Plan, stages: Stages) -> str:
    """Hash what turns an item into vectors: the identity on every leg, the preparers and the decoder's limits."""
    identities = {leg: str(embedder.identity()) for leg, embedder in stages.embedders.items()}
    preparers = [[planned.name, planned.options.model_dump(mode="json")] for planned in plan.preparers]
    said = [identities, preparers, plan.pictures.max_side]
    return sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]
