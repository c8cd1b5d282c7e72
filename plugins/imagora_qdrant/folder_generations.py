"""The generations of an embedded index, side by side in one folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from imagora.stages import Generation

from .answering_file import Answering, read_answering, write_answering
from .durable import sync_folder
from .folder_layout import ANSWERING_LOCK, INDEX, LOCK, dropped, numbered, numbers_in, read_about, remove_leftovers
from .folder_lock import FolderLock, turn
from .identities import refuse_answering, refuse_missing
from .options import QdrantOptions
from .place import place_of
from .store import Store


class FolderGenerations:
    """Which generations a folder has and which one answers; the engine is only loaded to open one."""

    def __init__(self, options: QdrantOptions, folder: Path) -> None:
        self._options, self._folder = options, folder
        self._place = place_of(options)

    def store(self, number: int) -> Store:
        from .embedded import EmbeddedStore

        return EmbeddedStore(self._options, self._folder, number)

    def there(self) -> list[Generation]:
        numbers = sorted(numbers_in(self._folder))
        kept = [(number, read_about(self._folder, number, place_of(self._options, number))) for number in numbers]
        return [Generation(number, legs) for number, legs in kept if legs is not None]

    def answering(self) -> tuple[int, int | None]:
        now = read_answering(self._folder, self._place)
        return now.number, now.before if now.before in set(numbers_in(self._folder)) else None

    def switch(self, number: int) -> None:
        with self._turn(number) as now:
            if number != now:
                write_answering(self._folder, Answering(number, now))

    def drop(self, number: int) -> None:
        """Remove a generation: a crash leaves it whole, or gone but for files that the next opening removes."""
        with self._turn(number) as now:
            refuse_answering(number, now, self._place)
            lock = FolderLock(self._folder / numbered(LOCK, number), place_of(self._options, number))
            lock.take()
            try:
                if read_answering(self._folder, self._place).before == number:
                    write_answering(self._folder, Answering(now))
                (self._folder / numbered(INDEX, number)).rename(self._folder / dropped(number))
                sync_folder(self._folder)
            finally:
                lock.release()
        remove_leftovers(self._folder)

    @contextmanager
    def _turn(self, number: int) -> Iterator[int]:
        """Give the number that answers, while no other process switches or removes; that one must be there."""
        refuse_missing(number, list(numbers_in(self._folder)), self._place)
        with turn(self._folder / ANSWERING_LOCK):
            refuse_missing(number, list(numbers_in(self._folder)), self._place)
            yield read_answering(self._folder, self._place).number
