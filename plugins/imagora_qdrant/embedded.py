"""The index inside this process: a folder with Qdrant's own engine on it."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import qdrant_edge as edge
from imagora.errors import IndexInUse, UnusableIndex
from imagora.item import JSONValue
from imagora.stages import Entry, Hit, SearchRequest

from .conditions import condition_of, key_of
from .edge_config import config_of
from .edge_dialect import EdgeDialect, edge_vector
from .folder_lock import FolderLock
from .identities import Legs, from_document, to_document
from .options import FieldType, QdrantOptions
from .place import place_of
from .search import search_steps

_INDEX, _ABOUT, _ENGINE, _UNFINISHED, _LOCK = "index", "imagora.json", "engine", "unfinished-", "lock"
_WRITES_BETWEEN_GRAPHS = 10_000
_PAGE = 1_000


class EmbeddedStore:
    """A folder with `index/imagora.json`, which says who made the vectors, and `index/engine`, which is Qdrant's.

    Graphs of near vectors are built after every 10,000 writes and on `detach`; until then new vectors are all looked
    at in a search. The engine holds Python's lock while it builds, so that this is done in small steps.
    """

    def __init__(self, options: QdrantOptions, folder: Path) -> None:
        self._options, self._folder = options, folder
        self._dialect = EdgeDialect(options.hnsw.ef)
        self._shard: edge.EdgeShard | None = None
        self._lock = FolderLock(folder / _LOCK)
        self._writes = 0

    @property
    def place(self) -> str:
        return place_of(self._options)

    def kept(self) -> Legs | None:
        if self._folder.exists() and not self._folder.is_dir():
            raise UnusableIndex(f"'{self.place}' is a file, and an index is a folder; name another path")
        about = self._folder / _INDEX / _ABOUT
        if not about.exists():
            names = [entry.name for entry in self._folder.glob("*")]
            others = [name for name in names if name != _LOCK and not name.startswith(_UNFINISHED)]
            if others:
                raise UnusableIndex(
                    f"the folder '{self.place}' is no index of imagora and has other files in it, such as "
                    f"'{min(others)}'; name another path"
                )
            return None
        try:
            document = json.loads(about.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            document = None
        return from_document(document, self.place)

    def make(self, legs: Legs) -> None:
        """Make the index beside its place and move it there whole, so that a crash leaves nothing half made."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._lock.take()
        unfinished = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=self._folder))
        (unfinished / _ENGINE).mkdir()
        edge.EdgeShard.create(str(unfinished / _ENGINE), config_of(legs, self._options)).close()
        _write_durably(unfinished / _ABOUT, json.dumps(to_document(legs), indent=2))
        try:
            unfinished.rename(self._folder / _INDEX)
        except OSError as error:
            raise IndexInUse(f"another process has just made the index at '{self.place}'; try again") from error
        _sync_folder(self._folder)

    def attach(self) -> None:
        self._lock.take()
        try:
            self._shard = edge.EdgeShard.load(str(self._folder / _INDEX / _ENGINE))
        except Exception as error:
            raise UnusableIndex(
                f"the index at '{self.place}' cannot be read ({error}); delete it, and ingest anew"
            ) from error
        for leftover in self._folder.glob(f"{_UNFINISHED}*"):
            shutil.rmtree(leftover, ignore_errors=True)

    def index_fields(self, fields: Mapping[str, FieldType]) -> None:
        there = {key: info.data_type for key, info in self._open.info().payload_schema.items()}
        for field, kind in fields.items():
            key, schema = key_of(field), getattr(edge.PayloadSchemaType, kind.capitalize())
            if there.get(key) == schema:
                continue
            if key in there:
                self._open.update(edge.UpdateOperation.delete_field_index(key))
            self._open.update(edge.UpdateOperation.create_field_index(key, schema))
        self._open.flush()

    def write(self, entries: Sequence[Entry]) -> None:
        points = [edge.Point(entry.id, _vectors(entry), dict(entry.payload)) for entry in entries]
        self._update(edge.UpdateOperation.upsert_points(points), len(points))

    def relabel(self, payloads: Mapping[str, Mapping[str, JSONValue]]) -> None:
        shard = self._open
        try:
            for id_, payload in payloads.items():
                shard.update(edge.UpdateOperation.overwrite_payload([id_], dict(payload)))
            shard.flush()
        except Exception as error:
            raise UnusableIndex(f"the index at '{self.place}' cannot be written to: {error}") from error

    def remove(self, ids: Sequence[str]) -> None:
        self._update(edge.UpdateOperation.delete_points(list(ids)), len(ids))

    def count(self) -> int:
        return self._open.count(edge.CountRequest())

    def ids(self) -> Iterator[str]:
        offset: Any = None
        while True:
            request = edge.ScrollRequest(offset=offset, limit=_PAGE, with_payload=False, with_vector=False)
            records, offset = self._open.scroll(request)
            yield from (str(record.id) for record in records)
            if offset is None:
                return

    async def search(self, request: SearchRequest) -> list[Hit]:
        return await asyncio.get_running_loop().run_in_executor(None, self.search_now, request)

    def detach(self) -> None:
        shard, self._shard = self._shard, None
        try:
            if shard is not None:
                self._build_graphs(shard)
                shard.flush()
                shard.close()
        finally:
            self._lock.release()

    @property
    def _open(self) -> edge.EdgeShard:
        if self._shard is None:
            raise UnusableIndex(f"the index at '{self.place}' was closed")
        return self._shard

    def _update(self, operation: Any, size: int) -> None:
        shard = self._open
        try:
            shard.update(operation)
            shard.flush()
        except Exception as error:
            raise UnusableIndex(f"the index at '{self.place}' cannot be written to: {error}") from error
        self._writes += size
        if self._writes >= _WRITES_BETWEEN_GRAPHS:
            self._build_graphs(shard)

    def _build_graphs(self, shard: edge.EdgeShard) -> None:
        if self._writes:
            shard.optimize()
            self._writes = 0

    def search_now(self, request: SearchRequest) -> list[Hit]:
        """Find the best entries, in the calling thread."""
        wanted = request.filter
        condition = None if wanted is None else condition_of(wanted, self._dialect, self._options.fields)
        steps = search_steps(request, self._dialect, condition, one_shard=True)
        try:
            queries = next(steps)
            while True:
                batch: Any = queries  # the dialect's types are wider than the engine's own
                results: Any = self._open.query_batch(edge.QueryBatchRequest(batch))
                queries = steps.send(results)
        except StopIteration as done:
            hits: list[Hit] = done.value
            return hits


def _vectors(entry: Entry) -> dict[str, Any]:
    return {leg: edge_vector(vector) for leg, vector in entry.vectors.items()}


def _write_durably(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Make a rename in a folder durable, where the system can (Windows cannot open a folder)."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
