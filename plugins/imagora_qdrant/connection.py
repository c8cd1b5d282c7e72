"""The connection to a Qdrant server, and its failures in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

import grpc  # type: ignore[import-untyped]  # grpcio has no type information
from imagora.errors import UnusableIndex
from qdrant_client import AsyncQdrantClient, QdrantClient
from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

from .options import QdrantOptions

NewClient: TypeAlias = Callable[[], QdrantClient]
NewAsyncClient: TypeAlias = Callable[[], AsyncQdrantClient]
REMEDY = "start it, or correct 'url' under 'index'"
_REFUSED = {401: "the API key is missing or wrong", 403: "the API key does not allow it"}


def connect(options: QdrantOptions) -> QdrantClient:
    """Make a client; it connects when it is first used."""
    return QdrantClient(**_how(options))


def connect_async(options: QdrantOptions) -> AsyncQdrantClient:
    """Make a client for one event loop; it connects when it is first used."""
    return AsyncQdrantClient(**_how(options))


@contextmanager
def in_words(place: str) -> Iterator[None]:
    """Say in words what the connection or the server's answer was."""
    try:
        yield
    except ResponseHandlingException as error:
        raise UnusableIndex(f"no Qdrant server answers at '{place}': {error}; {REMEDY}") from error
    except grpc.RpcError as error:
        raise UnusableIndex(f"no Qdrant server answers at '{place}': {_grpc_reason(error)}; {REMEDY}") from error
    except UnexpectedResponse as error:
        reason = _REFUSED.get(error.status_code or 0, str(error))
        raise UnusableIndex(f"the Qdrant server refused what was asked of '{place}': {reason}") from error


def _how(options: QdrantOptions) -> dict[str, Any]:
    return {
        "url": options.url,
        "api_key": options.api_key.get_secret_value() if options.api_key else None,
        "timeout": options.timeout,
        "prefer_grpc": options.prefer_grpc,
        "check_compatibility": False,
    }


def _grpc_reason(error: grpc.RpcError) -> str:
    details = getattr(error, "details", None)
    return str(details() if callable(details) else error)
