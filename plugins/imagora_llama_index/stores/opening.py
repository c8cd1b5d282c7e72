"""How an index is opened: the catalogue, whose vectors it holds, and stores that have heard of all of it."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from imagora.errors import IndexMissing, UnusableIndex

from .behind import begin_anew, catch_up, saved, told, waiting
from .catalogue import Catalogue
from .connection import Connection
from .identities import Legs, check, read, written
from .known import KNOWN_STORES, KnownStore
from .neighbours import Neighbours
from .options import StoreOptions

CATALOGUE = "catalogue.sqlite"


@dataclass(frozen=True)
class Opened:
    """What is open: the catalogue, and a store for each dense leg."""

    catalogue: Catalogue
    stores: dict[str, Neighbours]

    def close(self) -> None:
        """Let go of everything; what a store could not keep is in the catalogue."""
        try:
            for neighbours in self.stores.values():
                if not neighbours.keeps and neighbours.changed:
                    with suppress(OSError, RuntimeError, UnusableIndex):  # the next one to open it has more to do
                        saved(self.catalogue, neighbours)
                neighbours.detach()
        finally:
            self.catalogue.connection.close()


@dataclass(frozen=True)
class Opening:
    """An index to be opened; create: what is not there is made, and it is going to be written to."""

    options: StoreOptions
    known: KnownStore
    recipe: str
    create: bool

    @property
    def place(self) -> str:
        """The folder of the catalogue and, where the store is a server, its address without credentials."""
        return self.known.place(self.options)

    def opened(self, legs: Legs) -> Opened:
        """Open it for these legs; IndexMissing where it is not there and not to be made."""
        there = Opened(Catalogue(self._connection(), {}), {})
        connection = there.catalogue.connection
        try:
            about = dict(connection.rows("SELECT key, value FROM about"))
            if "legs" not in about and not self.create:
                raise self._missing()
            kept = read(about["legs"], self.place) if "legs" in about else dict(legs)
            check(kept, legs, self.place, create=self.create)
            there.catalogue.legs = kept
            for leg, identity in kept.items():
                if identity.metric != "bm25":
                    neighbours = there.stores[leg] = self.known.neighbours(self.options, leg, identity)
                    neighbours.attach()
                    self._agree(there.catalogue, neighbours, about)
            if about.get("store") != self.known.name:
                self._note(connection, kept)
        except BaseException:
            there.close()
            raise
        return there

    def _connection(self) -> Connection:
        file = self.options.path / CATALOGUE
        if not file.exists():
            _refuse_strangers(self.options.path)
            if not self.create:
                raise self._missing()
            self.options.path.mkdir(parents=True, exist_ok=True)
        return Connection(file, self.place, alone=self.known.alone(self.options))

    def _missing(self) -> IndexMissing:
        return IndexMissing(f"there is no index at '{self.place}' yet; make it with: imagora ingest {self.recipe}")

    def _agree(self, catalogue: Catalogue, neighbours: Neighbours, about: Mapping[str, str]) -> None:
        """Let a store have what the catalogue has; who only reads from a server leaves that to who writes."""
        if not (self.known.alone(self.options) or self.create):
            return
        if not about and neighbours.keeps and neighbours.count():
            raise UnusableIndex(
                f"the index at '{self.place}' is new, and '{neighbours.named}' has vectors in it already; name another "
                "one, or remove that one"
            )
        another = about.get("store", self.known.name) != self.known.name
        certain = not waiting(catalogue, neighbours.leg)
        if another or not neighbours.fits(told(catalogue, neighbours.leg), certain=certain):
            begin_anew(catalogue, neighbours)
        catch_up(catalogue, neighbours)
        if neighbours.due():
            begin_anew(catalogue, neighbours)
            catch_up(catalogue, neighbours)

    def _note(self, connection: Connection, legs: Legs) -> None:
        """Write down whose vectors these are and which store has them; another store's files go."""
        with connection.writing() as write:
            for key, value in (("legs", written(legs)), ("store", self.known.name)):
                write("INSERT OR REPLACE INTO about (key, value) VALUES (?, ?)", (key, value))
        for name in set(KNOWN_STORES) - {self.known.name}:
            shutil.rmtree(self.options.path / name, ignore_errors=True)


def _refuse_strangers(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise UnusableIndex(f"'{folder}' is a file, and an index is a folder; name another path")
    others = [entry.name for entry in folder.glob("*") if entry.name not in KNOWN_STORES]
    if others:
        raise UnusableIndex(
            f"the folder '{folder}' is no index of this kind and has other files in it, such as '{min(others)}'; name "
            "another path"
        )
