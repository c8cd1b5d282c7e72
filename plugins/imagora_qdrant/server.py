"""One generation on a Qdrant server or cluster."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

from imagora.errors import UnusableIndex
from imagora.item import JSONValue
from imagora.stages import Entry, Hit, SearchRequest, Vector
from qdrant_client import AsyncQdrantClient, QdrantClient, models

from .client_dialect import ClientDialect, client_vector
from .conditions import condition_of, key_of
from .connection import NewAsyncClient, NewClient, connect, connect_async, in_words
from .dialect import plain_vector
from .identities import Legs
from .options import FieldType, QdrantOptions
from .place import place_of
from .search import search_steps
from .server_config import check_dimensions, dense_config, quantization_of, sparse_config
from .server_names import being_changed, changed, collection_of, content_of, from_metadata, to_metadata

_PAGE = 1_000


class ServerStore:
    """A collection whose metadata says who made the vectors.

    writer, reader: make the clients; the reader's is made anew for each event loop, to which its connections belong.
    """

    def __init__(
        self,
        options: QdrantOptions,
        generation: int = 1,
        writer: NewClient | None = None,
        reader: NewAsyncClient | None = None,
    ) -> None:
        self._options, self._generation = options, generation
        self._name = collection_of(options.collection, generation)
        self._new_writer = writer or partial(connect, options)
        self._new_reader = reader or partial(connect_async, options)
        self._dialect = ClientDialect(options)
        self._lock = threading.Lock()
        self._writer: QdrantClient | None = None
        self._readers: WeakKeyDictionary[asyncio.AbstractEventLoop, AsyncQdrantClient] = WeakKeyDictionary()
        self._one_shard = True

    @property
    def place(self) -> str:
        return place_of(self._options, self._generation)

    def kept(self) -> Legs | None:
        with self._in_words():
            if not self._client.collection_exists(self._name):
                return None
            config = self._client.get_collection(self._name).config
        legs = from_metadata(config.metadata, self._options.collection, self._generation, self.place)
        check_dimensions(config.params, legs, self.place)
        return legs

    def make(self, legs: Legs) -> None:
        o = self._options
        with self._in_words():
            self._client.create_collection(
                self._name,
                vectors_config=dense_config(legs, o),
                sparse_vectors_config=sparse_config(legs, o),
                shard_number=o.shard_number,
                replication_factor=o.replication_factor,
                write_consistency_factor=o.write_consistency_factor,
                hnsw_config=models.HnswConfigDiff(m=o.hnsw.m, ef_construct=o.hnsw.ef_construct),
                quantization_config=quantization_of(o),
                metadata=to_metadata(legs, o.collection, self._generation),
            )

    def attach(self) -> None:
        with self._in_words():
            self._one_shard = (self._client.get_collection(self._name).config.params.shard_number or 1) == 1

    def index_fields(self, fields: Mapping[str, FieldType]) -> None:
        with self._in_words():
            there = self._client.get_collection(self._name).payload_schema
            for field, kind in fields.items():
                key = key_of(field)
                if key in there and there[key].data_type == kind:
                    continue
                if key in there:
                    self._client.delete_payload_index(self._name, key, wait=True)
                self._client.create_payload_index(self._name, key, models.PayloadSchemaType(kind), wait=True)

    def write(self, entries: Sequence[Entry]) -> None:
        points = [
            models.PointStruct(
                id=entry.id,
                vector={leg: client_vector(vector) for leg, vector in entry.vectors.items()},
                payload=dict(entry.payload),
            )
            for entry in entries
        ]
        with self._in_words(), self._moving():
            self._client.upsert(self._name, points, wait=True)

    def relabel(self, payloads: Mapping[str, Mapping[str, JSONValue]]) -> None:
        operations: list[models.UpdateOperation] = [
            models.OverwritePayloadOperation(overwrite_payload=models.SetPayload(payload=dict(payload), points=[id_]))
            for id_, payload in payloads.items()
        ]
        with self._in_words(), self._moving():
            if operations:
                try:
                    self._client.batch_update_points(self._name, operations, wait=True)
                except KeyError as error:  # the client's local mode says no more of an entry that is gone
                    raise UnusableIndex(f"the index at '{self.place}' has no entry {error} to change") from error

    def remove(self, ids: Sequence[str]) -> None:
        with self._in_words(), self._moving():
            self._client.delete(self._name, models.PointIdsList(points=list(ids)), wait=True)

    def count(self) -> int:
        with self._in_words():
            return self._client.count(self._name, exact=True).count

    def ids(self) -> Iterator[str]:
        offset: Any = None
        while True:
            with self._in_words():
                records, offset = self._client.scroll(
                    self._name, limit=_PAGE, offset=offset, with_payload=False, with_vectors=False
                )
            yield from (str(record.id) for record in records)
            if offset is None:
                return

    def vectors(self, ids: Sequence[str], leg: str) -> dict[str, Vector]:
        with self._in_words():
            records: Any = self._client.retrieve(self._name, list(ids), with_payload=False, with_vectors=[leg])
        return {str(r.id): plain_vector(r.vector[leg]) for r in records if r.vector and leg in r.vector}

    async def search(self, request: SearchRequest) -> list[Hit]:
        wanted = request.filter
        condition = None if wanted is None else condition_of(wanted, self._dialect, self._options.fields)
        steps = search_steps(request, self._dialect, condition, one_shard=self._one_shard)
        client = self._reader()
        try:
            queries = next(steps)
            while True:
                with self._in_words():
                    answers = await client.query_batch_points(self._name, queries)
                queries = steps.send([list(answer.points) for answer in answers])
        except StopIteration as done:
            hits: list[Hit] = done.value
            return hits

    async def version(self) -> str | None:
        return await asyncio.to_thread(self._version)

    def _version(self) -> str | None:
        with self._in_words():
            return content_of(self._client.get_collection(self._name).config.metadata)

    @contextmanager
    def _moving(self) -> Iterator[None]:
        # Said before and after, for whoever searches in another process: in between, and after a crash, it has no name.
        self._say(being_changed())
        try:
            yield
        finally:
            self._say(changed())

    def _say(self, content: dict[str, str]) -> None:
        self._client.update_collection(self._name, metadata=content)  # merged with what is there

    def detach(self) -> None:
        with self._lock:
            writer, self._writer = self._writer, None
            self._readers.clear()
        if writer is not None:
            writer.close()

    @property
    def _client(self) -> QdrantClient:
        with self._lock:
            if self._writer is None:
                self._writer = self._new_writer()
            return self._writer

    def _reader(self) -> AsyncQdrantClient:
        loop = asyncio.get_running_loop()
        with self._lock:
            if loop not in self._readers:
                self._readers[loop] = self._new_reader()
            return self._readers[loop]

    def _in_words(self) -> AbstractContextManager[None]:
        return in_words(self.place)
