"""The index `qdrant`: several generations at one place, of which one answers."""

from __future__ import annotations

from collections.abc import Mapping

from imagora.errors import UnusableIndex
from imagora.stages import Generation, Identity

from .collection import Collection, LocalCollection
from .identities import fits
from .options import QdrantOptions
from .store import Generations, Store


def generations_for(options: QdrantOptions) -> Generations:
    """Give the form of the index that the options ask for; nothing is opened."""
    if options.path is not None:
        from .folder_generations import FolderGenerations

        return FolderGenerations(options, options.path)
    from .server_generations import ServerGenerations

    return ServerGenerations(options)


class QdrantIndex(Collection):
    """The generation that answers, and the way to the others: an `imagora.stages.GenerationalIndex`."""

    def __init__(self, options: QdrantOptions, recipe: str, generations: Generations | None = None) -> None:
        super().__init__(options, recipe)
        self._given = generations

    def open(self, legs: Mapping[str, Identity], *, create: bool) -> None:
        """Open the generation that answers; a second time only checks that which is open."""
        with self._lock:
            while not self.is_open:
                self._number = self.answering
                try:
                    super().open(legs, create=create)
                except UnusableIndex:
                    if self._number == self.answering:
                        raise
                if self._number != self.answering:
                    self.close()  # another one answers since a moment ago, and this one may even be gone
            super().open(legs, create=create)

    def generations(self) -> list[Generation]:
        """Give what is there, in the order of numbers; nothing needs to be open, and others may have it open."""
        return self._generations.there()

    def generation(self, number: int) -> Collection:
        """Give the index of one generation, closed."""
        kind = Collection if self._options.path is None else LocalCollection
        return kind(self._options, self._recipe, number, self._generations.store)

    @property
    def answering(self) -> int:
        """The number of the generation that answers; 1 where none was made."""
        return self._generations.answering()[0]

    @property
    def before(self) -> int | None:
        """The number of the generation that answered before the last switch, None where it is not there any more."""
        return self._generations.answering()[1]

    def switch(self, number: int) -> None:
        """Let another generation answer, at once and for good; who has the old one open keeps it until it closes."""
        self._generations.switch(number)

    def drop(self, number: int) -> None:
        """Remove a generation that does not answer.

        IndexInUse where somebody has it open in a folder; a server does not know that, and whoever searches in it gets
        an error.
        """
        self._generations.drop(number)

    @property
    def _generations(self) -> Generations:
        # The client is imported when the index is first used, not when a pipeline is built.
        if self._given is None:
            self._given = generations_for(self._options)
        return self._given

    def _new_store(self, number: int) -> Store:
        return self._generations.store(number)

    def _remedy(self, legs: Mapping[str, Identity], create: bool) -> str:
        """Say how to switch, where a generation beside the open one has these legs, and else how to build one."""
        fitting = [each.number for each in self.generations() if fits(each.legs, legs, create=create)]
        if fitting:
            return f"generation {fitting[-1]} beside it fits; let it answer with: imagora index switch {self._recipe}"
        return (
            f"build a generation beside it with: imagora ingest {self._recipe}, and let it answer with: "
            f"imagora index switch {self._recipe}"
        )


class EmbeddedIndex(QdrantIndex, LocalCollection):
    """The index in a folder of this machine: an `imagora.stages.LocalIndex`, too."""
