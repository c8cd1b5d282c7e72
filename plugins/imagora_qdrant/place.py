"""Where an index is, in words for errors and records."""

from __future__ import annotations

from urllib.parse import urlsplit

from .options import QdrantOptions


def place_of(options: QdrantOptions, generation: int = 1) -> str:
    """Give the folder, or the server's address without credentials and the collection's name, and the generation."""
    later = f" (generation {generation})" if generation > 1 else ""
    if options.path is not None:
        return f"{options.path}{later}"
    parts = urlsplit(options.url or "")
    address = parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()
    return f"{address}, collection {options.collection}{later}"
