"""The generations of an index on a server: a collection each, and an alias for the one that answers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from imagora.errors import UnusableIndex
from imagora.stages import Generation
from qdrant_client import QdrantClient, models

from .connection import NewAsyncClient, NewClient, connect, in_words
from .identities import refuse_answering, refuse_missing
from .options import QdrantOptions
from .place import place_of
from .server import ServerStore
from .server_names import answering_alias, before_alias, collection_of, from_metadata, generation_of
from .store import Store


class ServerGenerations:
    """Which generations a server has and which one answers; each question has a connection of its own."""

    def __init__(
        self, options: QdrantOptions, writer: NewClient | None = None, reader: NewAsyncClient | None = None
    ) -> None:
        self._options, self._name, self._place = options, options.collection, place_of(options)
        self._writer, self._reader = writer, reader

    def store(self, number: int) -> Store:
        return ServerStore(self._options, number, self._writer, self._reader)

    def there(self) -> list[Generation]:
        with self._client() as client:
            return list(self._there(client))

    def answering(self) -> tuple[int, int | None]:
        with self._client() as client:
            return self._answering(client)

    def switch(self, number: int) -> None:
        with self._client() as client:
            there = [each.number for each in self._there(client)]
            refuse_missing(number, there, self._place)
            now, _ = self._answering(client)
            if number == now:
                return
            # The server does both at once for those who ask it, and writes them to its disk one after the other: first
            # what came before, so that a crash of the server in between leaves the old generation answering. An alias
            # is never taken away on the way, for without one generation 1 answers.
            forget = models.DeleteAliasOperation(delete_alias=models.DeleteAlias(alias_name=before_alias(self._name)))
            before = self._alias(client, before_alias(self._name), now) if now in there else forget
            client.update_collection_aliases([before, self._alias(client, answering_alias(self._name), number)])

    def drop(self, number: int) -> None:
        """Remove a generation; the server lets go of the aliases that lead to it."""
        with self._client() as client:
            refuse_missing(number, [each.number for each in self._there(client)], self._place)
            refuse_answering(number, self._answering(client)[0], self._place)
            client.delete_collection(_target(client, collection_of(self._name, number)))

    def _there(self, client: QdrantClient) -> Iterator[Generation]:
        names = {each.name for each in client.get_collections().collections}
        if client.collection_exists(self._name):
            names.add(self._name)  # which may be an alias that the user made
        numbers = {generation_of(self._name, name) for name in names}
        for number in sorted(number for number in numbers if number is not None):
            metadata = client.get_collection(collection_of(self._name, number)).config.metadata
            try:
                yield Generation(number, from_metadata(metadata, self._name, number, self._place))
            except UnusableIndex:
                continue  # somebody else's

    def _answering(self, client: QdrantClient) -> tuple[int, int | None]:
        aliases = _aliases(client)
        now = self._number(aliases, answering_alias(self._name)) or 1
        before = self._number(aliases, before_alias(self._name))
        return now, before if before != now else None

    def _number(self, aliases: dict[str, str], alias: str) -> int | None:
        """Give the generation that an alias leads to, None where there is no such alias."""
        if alias not in aliases:
            return None
        own = aliases[alias] == aliases.get(self._name, self._name)
        number = 1 if own else generation_of(self._name, aliases[alias])
        if number is None:
            raise UnusableIndex(
                f"the alias '{alias}' leads to the collection '{aliases[alias]}', which is no generation of "
                f"'{self._place}'; name another collection, or remove that alias to let generation 1 answer"
            )
        return number

    def _alias(self, client: QdrantClient, alias: str, number: int) -> models.CreateAliasOperation:
        collection = _target(client, collection_of(self._name, number))
        return models.CreateAliasOperation(
            create_alias=models.CreateAlias(collection_name=collection, alias_name=alias)
        )

    @contextmanager
    def _client(self) -> Iterator[QdrantClient]:
        client = (self._writer or partial(connect, self._options))()
        try:
            with in_words(self._place):
                yield client
        finally:
            client.close()


def _aliases(client: QdrantClient) -> dict[str, str]:
    return {each.alias_name: each.collection_name for each in client.get_aliases().aliases}


def _target(client: QdrantClient, name: str) -> str:
    """Give the collection itself where its name is an alias, for an alias cannot lead to an alias."""
    return _aliases(client).get(name, name)
