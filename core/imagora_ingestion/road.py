"""The road of an item: source, decoder, preparers, embedders, index, ledger.

An item is embedded only when its content or what embeds it changed. The index is written first and is durable before
the ledger says so: after a crash or Ctrl-C the next run repeats what was under way, and ids are the same in every run,
so nothing comes twice. Items that left the source are deleted; items that cannot be read are named with their reason,
keep their old version, and the rest goes on.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from imagora.ingest_report import IngestReport
from imagora.item import PICTURE, Deleted
from imagora.ledger import Ledger, Row
from imagora.record import named
from imagora.runner import Change, Made, Maker, Runner
from imagora.stages import Entry, Index

from .changes import Changes
from .thumbnails import Thumbnails

_PAGE = 500
_WRITE, _PATIENCE = 32, 1.0
"""Items that are written together, and the seconds after which fewer are."""


def gathered(results: Iterable[Sequence[Made]]) -> Iterator[list[Made]]:
    """Give results in the same order, in parts that are worth a write each: to be durable takes as long for few."""
    waiting, since = list[Made](), 0.0
    for made in results:
        since = since if waiting else time.monotonic()
        waiting += made
        if not made or len(waiting) >= _WRITE or time.monotonic() - since >= _PATIENCE:
            yield waiting
            waiting = []
    if waiting:
        yield waiting


class ItemRoad:
    """One ingest: its report grows group by group."""

    def __init__(self, changes: Changes, index: Index, ledger: Ledger, thumbnails: Thumbnails | None = None) -> None:
        self.changes, self.index, self.ledger, self.thumbnails = changes, index, ledger, thumbnails
        self.run = uuid.uuid4().hex
        self.report = IngestReport(source=changes.source.uri, quarantined=changes.refused)
        self._started = time.monotonic()
        self._stored = 0
        self._new_thumbnails: dict[str, tuple[Path, bytes]] = {}

    def begin(self) -> None:
        """Forget what the index lost, and let a feed that this index has nothing of give all of it."""
        if self.ledger.count() and self.index.count() < self.ledger.count():
            self.ledger.forget()  # the index was removed or restored from a copy: what the ledger says is not there
        if self.changes.feed and not self.ledger.begun(self.changes.source.uri):
            with named("source", self.changes.source.uri):
                self.changes.feed.restart()
        self.ledger.begin(self.changes.source.uri)

    def reports(self, runner: Runner, maker: Maker) -> Generator[IngestReport, None, None]:
        """Work through the source, and give the report now and then."""
        results = runner.run(maker, self._seen())
        try:
            for made in gathered(results):
                self._write(made)
                if made:
                    self._acknowledge(made[-1].change.number)
                yield self._timed()
        finally:
            if isinstance(results, Generator):
                results.close()

    def finish(self) -> IngestReport:
        """Delete what left the source, write down that its end was reached, and give the report."""
        if not self.changes.feed:
            self._prune()
        self._quarantine()
        self._acknowledge(self.changes.count)
        if not self.changes.limited:
            self.ledger.finish(self.report.source, self.run, release=self.changes.feed is None)
        return self._timed()

    def _seen(self) -> Iterator[Sequence[Change]]:
        for group in self.changes.groups():
            rows = [change.row for change in group if not isinstance(change.item, Deleted)]
            if rows:
                self.ledger.mark(rows, "seen")
            yield group

    def _write(self, made: Sequence[Made]) -> None:
        # In the source's order: a feed may give an item twice, or delete and bring it again.
        waiting: dict[str, tuple[Row, Entry]] = {}
        for one in made:
            id_ = one.change.row.id
            if one.refusal:
                self.changes.refuse(one.change.item.uri, one.refusal)
                continue
            if one.entry is None or id_ in waiting:
                self._write_entries(list(waiting.values()))
                waiting = {}
            if one.entry is None:
                self._delete([id_])
            else:
                waiting[id_] = one.change.row, self._shown(one, one.entry)
        self._write_entries(list(waiting.values()))
        self._quarantine()

    def _shown(self, made: Made, entry: Entry) -> Entry:
        if self.thumbnails is None or not made.change.thumbnail:
            return entry
        path = self.thumbnails.path(made.change.row)
        if made.thumbnail:
            self._new_thumbnails[entry.id] = path, made.thumbnail
        elif not path.exists():
            return entry
        return replace(entry, payload={**entry.payload, PICTURE: str(path)})

    def _write_entries(self, entries: list[tuple[Row, Entry]]) -> None:
        relabelled = [(row, entry) for row, entry in entries if not entry.vectors]
        if relabelled:
            self._doubt([row.id for row, _ in relabelled])
            with named("index", self.index.place):
                self.index.set_payloads({row.id: entry.payload for row, entry in relabelled})
            self.ledger.commit([row for row, _ in relabelled])
            self.report.relabelled += len(relabelled)
        upserts = [(row, entry) for row, entry in entries if entry.vectors]
        rows = [row for row, _ in upserts]
        if not rows:
            return
        changed = self._doubt([row.id for row in rows])
        self.ledger.mark(rows, "embedded")
        thumbnails = dict(self._new_thumbnails.pop(row.id) for row in rows if row.id in self._new_thumbnails)
        if self.thumbnails:  # before the index says that they are there
            self.thumbnails.write(thumbnails)
        with named("index", self.index.place):
            self.index.upsert([entry for _, entry in upserts])
        self.ledger.mark(rows, "written")
        self.ledger.commit(rows)
        if self.thumbnails:
            self.thumbnails.delete([row.id for row in rows], kept=thumbnails)
        self.report.embedded += len(rows)
        self.report.changed += changed
        self.report.added += len(rows) - changed

    def _doubt(self, ids: Sequence[str]) -> int:
        # From here until the commit the index may have either version: if the old one came back, it would be no news.
        known = [row for row in self.ledger.rows(ids).values() if row.content]
        if known:
            self.ledger.commit([replace(row, recipe="") for row in known])
        return len(known)

    def _prune(self) -> None:
        page: list[str] = []
        for id_ in self.ledger.ids(self.report.source):
            if id_ not in self.changes.seen:
                page.append(id_)
                if len(page) == _PAGE:
                    self._gone(page)
                    page = []
        self._gone(page)

    def _gone(self, ids: list[str]) -> None:
        if self.changes.hidden:
            self.report.kept += len(ids)  # they may be behind what cannot be read: a folder, a broken row
        else:
            self._delete(ids)

    def _delete(self, ids: list[str]) -> None:
        if ids:
            known = self.ledger.rows(ids)
            # What is about to go is not counted any more: after a crash in between, the index has not lost anything.
            self.ledger.commit([replace(row, content="", metadata="", recipe="") for row in known.values()])
            with named("index", self.index.place):
                self.index.delete(ids)
            if self.thumbnails:
                self.thumbnails.delete(ids)
            self.ledger.delete(ids)
            self.report.deleted += sum(bool(row.content) for row in known.values())

    def _quarantine(self) -> None:
        refused = self.changes.refused[self._stored :]
        if refused:
            self.ledger.quarantine(self.report.source, self.run, refused)
            self._stored += len(refused)

    def _acknowledge(self, given: int) -> None:
        if self.changes.feed:
            with named("source", self.report.source):
                self.changes.feed.acknowledge(given)

    def _timed(self) -> IngestReport:
        self.report.unchanged = self.changes.unchanged
        self.report.seconds = time.monotonic() - self._started
        return self.report
