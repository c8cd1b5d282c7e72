"""The wrapper `cache`: what queries cost to work out is kept in this process's memory for some time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import imagora

if TYPE_CHECKING:
    from .options import CacheOptions

imagora_api = ">=1.0,<2"


@imagora.hookimpl
def offer_wrappers() -> list[imagora.Component[Any]]:
    """Offer the wrapper `cache`."""
    from .options import CacheOptions

    return [
        imagora.Component(
            name="cache",
            summary="keeps vectors, pictures of prompts, passages and answers in this process's memory",
            options=CacheOptions,
            build=_build,
            requires=("cachetools",),
            extra="cache",
            about="Keeps what was worked out, each level for its time, and never longer than the index stays as it is. "
            "It is gone with the process, and another process has its own. Where the index does not say when it "
            "changes, passages and answers are not kept.",
        )
    ]


def _build(options: CacheOptions, _context: imagora.BuildContext) -> Any:
    from imagora_caching.cache import Cache

    from .memory import MemoryStore

    return Cache("cache", MemoryStore(options.entries, int(options.megabytes * 1_000_000)), options)
