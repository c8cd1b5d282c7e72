"""LlamaIndex's spans and events, left out where nobody listens.

Its decorators bind every call's signature, name it with a UUID and announce it twice, which costs a query a quarter of
a millisecond for each call, whether anybody hears of it or not. Where somebody does, all is as LlamaIndex has it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from llama_index_instrumentation.dispatcher import Dispatcher

F = TypeVar("F", bound=Callable[..., Any])
EMBEDDINGS = "llama_index.core.base.embeddings.base"


def unwrapped(method: F) -> F:
    """Keep LlamaIndex from wrapping a method of a subclass of its; it looks itself whether somebody listens."""
    from llama_index_instrumentation.dispatcher import DISPATCHER_SPAN_DECORATED_ATTR

    setattr(method, DISPATCHER_SPAN_DECORATED_ATTR, True)
    return method


def somebody_listens(stage: object, module: str) -> bool:
    """Say whether anything hears of a LlamaIndex stage's calls.

    That is its own callback manager, or a handler of the dispatcher of `module` or of one above it. A subclass of a
    null handler counts for embeddings alone: our tracer's is one, and hears of nothing else.
    """
    deaf = _deaf()
    for handler in handlers_of(stage, module):
        kind = type(handler)
        if kind not in deaf and (module == EMBEDDINGS or not issubclass(kind, deaf)):
            return True
    return False


def handlers_of(stage: object, module: str) -> list[object]:
    """Give all that is told of a stage's calls."""
    found: list[object] = list(getattr(getattr(stage, "callback_manager", None), "handlers", ()))
    for dispatcher in _dispatchers(module):
        found += dispatcher.span_handlers
        found += dispatcher.event_handlers
    return found


def query_embedding(embedder: Any, words: str) -> list[float]:
    """Embed a query's words, as `embedder.get_query_embedding` does."""
    call = embedder._get_query_embedding if _is_plain(embedder) else embedder.get_query_embedding
    vector: list[float] = call(words)
    return vector


async def aquery_embedding(embedder: Any, words: str) -> list[float]:
    """Do what `query_embedding` does, in an event loop."""
    call = embedder._aget_query_embedding if _is_plain(embedder) else embedder.aget_query_embedding
    vector: list[float] = await call(words)
    return vector


def image_embedding(embedder: Any, picture: BytesIO) -> list[float]:
    """Embed a picture, as `embedder.get_image_embedding` does."""
    call = embedder._get_image_embedding if _is_plain(embedder) else embedder.get_image_embedding
    vector: list[float] = call(picture)
    return vector


async def aimage_embedding(embedder: Any, picture: BytesIO) -> list[float]:
    """Do what `image_embedding` does, in an event loop."""
    call = embedder._aget_image_embedding if _is_plain(embedder) else embedder.aget_image_embedding
    vector: list[float] = await call(picture)
    return vector


def _is_plain(embedder: Any) -> bool:
    """Say whether LlamaIndex's own method would do nothing but call the one beneath it."""
    # What a LlamaIndex embedding has besides spans; an embedder without these is no such one, or a proxy of one.
    bare = getattr(embedder, "embeddings_cache", embedder) is None and getattr(embedder, "rate_limiter", None) is None
    return bare and not somebody_listens(embedder, EMBEDDINGS)


@cache
def _deaf() -> tuple[type, ...]:
    from llama_index_instrumentation.event_handlers import NullEventHandler
    from llama_index_instrumentation.span_handlers import NullSpanHandler

    return NullSpanHandler, NullEventHandler


@cache
def _dispatchers(module: str) -> tuple[Dispatcher, ...]:
    # Kept, as a dispatcher's place among others does not change: only its handlers do.
    from llama_index_instrumentation import get_dispatcher

    found: list[Dispatcher] = []
    dispatcher: Dispatcher | None = get_dispatcher(module)
    while dispatcher is not None:
        found.append(dispatcher)
        dispatcher = dispatcher.parent if dispatcher.propagate and dispatcher.name != "root" else None
    return tuple(found)
