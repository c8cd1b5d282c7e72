"""The wrapper `redis_cache`: what queries cost to work out is kept in Redis, for all processes that answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import imagora

if TYPE_CHECKING:
    from .options import RedisOptions

imagora_api = ">=1.0,<2"


@imagora.hookimpl
def offer_wrappers() -> list[imagora.Component[Any]]:
    """Offer the wrapper `redis_cache`."""
    from .options import RedisOptions

    return [
        imagora.Component(
            name="redis_cache",
            summary="keeps vectors, pictures of prompts, passages and answers in Redis, for all processes",
            options=RedisOptions,
            build=_build,
            requires=("redis",),
            extra="redis",
            about="As `cache`, and other processes have it, too, also after a restart. A Redis that is down, slow, "
            "full or holds garbage is not waited for: queries are answered as if it were not there. Whoever can write "
            "to it can write answers, so it needs a password, and TLS (rediss://) where others are on the way.",
        )
    ]


def _build(options: RedisOptions, _context: imagora.BuildContext) -> Any:
    from imagora_caching.cache import Cache

    from .store import RedisStore

    return Cache("redis_cache", RedisStore(options), options)
