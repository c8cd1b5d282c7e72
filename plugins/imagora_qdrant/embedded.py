"""The index inside this process: a folder with Qdrant's own engine on it."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import qdrant_edge as edge
from imagora.errors import IndexInUse, UnusableIndex
from imagora.item import JSONValue
from imagora.stages import Entry, Hit, SearchRequest, Vector

from .conditions import condition_of, key_of
from .dialect import plain_vector
from .disk_room import has_room_for_a_copy, is_full, need_room, size_of
from .durable import sync_folder, write_durably
from .edge_config import config_of, fit_search_threads
from .edge_dialect import EdgeDialect, edge_vector
from .folder_layout import (
    ABOUT,
    ENGINE,
    INDEX,
    numbered,
    read_about,
    refuse_strangers,
    remove_leftovers,
    unfinished,
)
from .identities import Legs, to_document
from .options import FieldType, QdrantOptions
from .place import place_of
from .search import search_steps
from .shard import Shard, shard_of

_WRITES_BETWEEN_GRAPHS = 10_000
_PAGE = 1_000


class EmbeddedStore:
    """One generation in a folder: Qdrant's engine, and beside it who made the vectors.

    Graphs of near vectors are built after every 10,000 writes and on `detach`; until then new vectors are all looked
    at in a search. The engine holds Python's lock while it builds, so that this is done in small steps.
    """

    def __init__(self, options: QdrantOptions, folder: Path, generation: int = 1) -> None:
        self._options, self._folder, self._generation = options, folder, generation
        self._index = folder / numbered(INDEX, generation)
        self._dialect = EdgeDialect(options)
        self._shard: edge.EdgeShard | None = None
        self._shared: Shard | None = None

    @property
    def place(self) -> str:
        return place_of(self._options, self._generation)

    def kept(self) -> Legs | None:
        legs = read_about(self._folder, self._generation, self.place)
        if legs is None:
            refuse_strangers(self._folder, place_of(self._options))
        return legs

    def make(self, legs: Legs) -> None:
        """Make the index beside its place and move it there whole, so that a crash leaves nothing half made."""
        need_room(self._folder, self.place)
        self._folder.mkdir(parents=True, exist_ok=True)
        self._hold()
        making = Path(tempfile.mkdtemp(prefix=unfinished(self._generation), dir=self._folder))
        (making / ENGINE).mkdir()
        edge.EdgeShard.create(str(making / ENGINE), config_of(legs, self._options)).close()
        write_durably(making / ABOUT, json.dumps(to_document(legs), indent=2))
        try:
            making.rename(self._index)
        except OSError as error:
            raise IndexInUse(f"another process has just made the index at '{self.place}'; try again") from error
        sync_folder(self._folder)

    def attach(self) -> None:
        shared = self._hold()
        try:
            self._shard = shared.loaded(lambda: _loaded(self._index / ENGINE))
        except Exception as error:
            if is_full(self._folder):
                full = f"the disk of the index at '{self.place}' is full, and opening it takes some room; make room"
                raise UnusableIndex(f"{full}, and type the same command again ({error})") from error
            raise UnusableIndex(
                f"the index at '{self.place}' cannot be read ({error}); delete it, and ingest anew"
            ) from error
        remove_leftovers(self._folder, self._generation)

    def index_fields(self, fields: Mapping[str, FieldType]) -> None:
        need_room(self._folder, self.place)
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
        need_room(self._folder, self.place, size_of(entries))
        self._update(edge.UpdateOperation.upsert_points(points), len(points))

    def relabel(self, payloads: Mapping[str, Mapping[str, JSONValue]]) -> None:
        shard = self._open
        need_room(self._folder, self.place, size_of([Entry(id_, {}, payload) for id_, payload in payloads.items()]))
        try:
            with self._hold().content.moving():
                for id_, payload in payloads.items():
                    shard.update(edge.UpdateOperation.overwrite_payload([id_], dict(payload)))
                shard.flush()
        except Exception as error:
            raise UnusableIndex(f"the index at '{self.place}' cannot be written to: {error}") from error

    def remove(self, ids: Sequence[str]) -> None:
        need_room(self._folder, self.place)
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

    def vectors(self, ids: Sequence[str], leg: str) -> dict[str, Vector]:
        records: Any = self._open.retrieve(list(ids), False, [leg])
        return {str(r.id): plain_vector(r.vector[leg]) for r in records if r.vector and leg in r.vector}

    async def search(self, request: SearchRequest) -> list[Hit]:
        return await asyncio.get_running_loop().run_in_executor(None, self.search_now, request)

    async def version(self) -> str | None:
        return self._hold().content.name

    def detach(self) -> None:
        self._shard = None
        shared, self._shared = self._shared, None
        if shared is not None:
            shared.let_go(lambda shard: self._build_graphs(shard, shared))

    def _hold(self) -> Shard:
        if self._shared is None:
            shared = shard_of(self._folder, self._generation, self.place)
            shared.hold()
            self._shared = shared
        return self._shared

    @property
    def _open(self) -> edge.EdgeShard:
        if self._shard is None:
            raise UnusableIndex(f"the index at '{self.place}' was closed")
        return self._shard

    def _update(self, operation: Any, size: int) -> None:
        shard = self._open
        try:
            with self._hold().content.moving():
                shard.update(operation)
                shard.flush()
        except Exception as error:
            raise UnusableIndex(f"the index at '{self.place}' cannot be written to: {error}") from error
        shared = self._hold()
        shared.writes += size
        if shared.writes >= _WRITES_BETWEEN_GRAPHS:
            self._build_graphs(shard, shared)

    def _build_graphs(self, shard: edge.EdgeShard, shared: Shard) -> None:
        # They are built in a copy of what is there. Without them searches find the same, only slower.
        if shared.writes and has_room_for_a_copy(self._index):
            shard.optimize()
            shared.writes = 0

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


def _loaded(engine: Path) -> edge.EdgeShard:
    fit_search_threads(engine)
    return edge.EdgeShard.load(str(engine))


def _vectors(entry: Entry) -> dict[str, Any]:
    return {leg: edge_vector(vector) for leg, vector in entry.vectors.items()}
