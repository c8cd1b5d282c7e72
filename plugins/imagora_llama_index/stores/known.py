"""The vector stores of LlamaIndex that a recipe may name, each by a name of its own."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from .options import FaissOptions, StoreOptions

if TYPE_CHECKING:
    from imagora.stages import Identity

    from .neighbours import Neighbours


@dataclass(frozen=True)
class KnownStore:
    """A store: what it is, what it takes, what brings it, and the class of ours that speaks to it.

    alone: it lives in the folder of the index, which then one process at a time can have open.
    """

    name: str
    summary: str
    options: type[StoreOptions]
    adapter: tuple[str, str]
    requires: tuple[str, ...]
    alone: bool = True
    about: str = "Payloads, filters and the sparse leg are in a catalogue beside it; the store finds near vectors."

    def neighbours(self, options: StoreOptions, leg: str, identity: Identity) -> Neighbours:
        """Make the store of one leg; nothing is opened."""
        module, class_ = self.adapter
        made: Any = getattr(import_module(f"imagora_llama_index.stores.{module}"), class_)
        neighbours: Neighbours = made(options, leg, identity, options.path / self.name)
        return neighbours

    def place(self, options: StoreOptions) -> str:
        """Say where an index is: a folder and, for a server, an address without credentials."""
        url = getattr(options, "url", None)
        if url is None:
            return str(options.path)
        parts = urlsplit(url)
        return (
            f"{options.path}, {parts._replace(netloc=parts.netloc.rpartition('@')[2], query='', fragment='').geturl()}"
        )


def _known(*stores: KnownStore) -> dict[str, KnownStore]:
    return {store.name: store for store in stores}


KNOWN_STORES = _known(
    KnownStore(
        "faiss",
        "one FAISS index for each dense leg, in a folder of this machine",
        FaissOptions,
        ("faiss_file", "FaissFile"),
        ("llama_index.vector_stores.faiss", "faiss"),
    ),
)
