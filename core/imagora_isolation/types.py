"""Our types as JSON and bytes, and back.

Both ends know these types by name and nothing else: neither end can make the other one build an object of its choosing,
and the two may have different versions of everything but Imagora.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from functools import singledispatch
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from imagora import filters
from imagora.answer import Passage
from imagora.item import Item, Picture
from imagora.prompt import PromptMessage
from imagora.query import Principal, Query
from imagora.stages import Identity, Prepared, SparseVector, Verdict
from llama_index.core.base.llms.types import ChatMessage, ChatResponse
from llama_index.core.schema import ImageNode, Node, NodeWithScore, TextNode

_FEW = 8  # shorter lists of numbers are as quick in JSON
_OURS: dict[str, type[Any]] = {
    kind.__name__: kind
    for kind in (
        *(Identity, SparseVector, Verdict, Picture, Item, Prepared, Principal, Query),
        *(filters.Eq, filters.Ne, filters.In, filters.Range, filters.And, filters.Or, filters.Not),
    )
}
_NODES: dict[str, type[Any]] = {kind.class_name(): kind for kind in (Node, TextNode, ImageNode)}


@singledispatch
def to_plain(value: Any, blobs: list[bytes]) -> Any:
    """Turn a value into what JSON has, with its bytes put aside; raise TypeError for what cannot be sent."""
    if type(value).__name__ in _OURS:
        held = {field.name: getattr(value, field.name) for field in fields(value) if field.init}
        # An item's function that gets its picture stays where it is.
        plain = {name: to_plain(None if callable(part) else part, blobs) for name, part in held.items()}
        return {"$": type(value).__name__, "fields": plain}
    raise TypeError(f"{type(value).__name__} cannot be sent to another process")


@to_plain.register(type(None))
@to_plain.register(str)
@to_plain.register(bool)
@to_plain.register(int)
@to_plain.register(float)
def _same(value: Any, blobs: list[bytes]) -> Any:
    return value


@to_plain.register
def _number(value: np.generic, blobs: list[bytes]) -> Any:
    return value.item()


@to_plain.register
def _put_aside(value: bytes, blobs: list[bytes]) -> Any:
    blobs.append(value)
    return {"$": "bytes", "at": len(blobs) - 1}


@to_plain.register
def _file(value: BytesIO, blobs: list[bytes]) -> Any:
    return _put_aside(value.getvalue(), blobs)


@to_plain.register
def _path(value: Path, blobs: list[bytes]) -> Any:
    return {"$": "path", "path": str(value)}


@to_plain.register
def _mapping(value: Mapping, blobs: list[bytes]) -> Any:  # type: ignore[type-arg]  # what dispatches has none
    return {"$": "mapping", "items": [[to_plain(key, blobs), to_plain(part, blobs)] for key, part in value.items()]}


@to_plain.register(list)
@to_plain.register(tuple)
@to_plain.register(np.ndarray)
def _listed(value: Any, blobs: list[bytes]) -> Any:
    numbers = _numbers(value)
    if numbers is None:
        return [to_plain(part, blobs) for part in value]
    blobs.append(numbers.tobytes())
    return {"$": "numbers", "at": len(blobs) - 1, "shape": list(numbers.shape)}


def _numbers(value: Any) -> np.ndarray[Any, np.dtype[np.float64]] | None:
    """Give long lists of floats, or lists of equally long ones, as one array; None for anything else."""
    if isinstance(value, np.ndarray):
        return np.ascontiguousarray(value, dtype=np.float64) if value.dtype.kind == "f" else None
    row = value[0] if value and isinstance(value[0], list) else value
    if len(row) < _FEW or not all(isinstance(number, float) for number in row):
        return None
    try:
        made = np.array(value)
    except ValueError:  # rows of different lengths
        return None
    return made if made.dtype == np.float64 else None


@to_plain.register
def _node(value: NodeWithScore, blobs: list[bytes]) -> Any:
    scores = value.scores if isinstance(value, Passage) else None
    held = {"node": value.node.model_dump(mode="json"), "score": value.score, "scores": scores}
    return {"$": "node", "said": to_plain(held, blobs)}


@to_plain.register
def _message(value: ChatMessage, blobs: list[bytes]) -> Any:
    held: dict[str, Any] = {"message": value.model_dump(mode="json")}
    if isinstance(value, PromptMessage):
        held |= {"query": value.query, "passages": list(value.passages)}
    return {"$": "message", "said": to_plain(held, blobs)}


@to_plain.register
def _response(value: ChatResponse, blobs: list[bytes]) -> Any:
    held = {"message": value.message, "delta": value.delta, "additional_kwargs": value.additional_kwargs}
    return {"$": "response", "said": to_plain(held, blobs)}


def from_plain(value: Any, blobs: list[bytes]) -> Any:
    """Turn what JSON had into our types again."""
    if isinstance(value, list):
        return [from_plain(part, blobs) for part in value]
    if not isinstance(value, dict):
        return value
    make = _MADE.get(value["$"])
    return _of_ours(value, blobs) if make is None else make(value, blobs)


def _of_ours(value: Mapping[str, Any], blobs: list[bytes]) -> Any:
    held = {name: from_plain(part, blobs) for name, part in value["fields"].items()}
    # Our dataclasses have tuples where JSON has lists.
    return _OURS[value["$"]](**{name: tuple(part) if isinstance(part, list) else part for name, part in held.items()})


def _as_node(value: Mapping[str, Any], blobs: list[bytes]) -> NodeWithScore:
    said = from_plain(value["said"], blobs)
    node = _NODES.get(said["node"].get("class_name"), Node).model_validate(said["node"])
    if said["scores"] is None:
        return NodeWithScore(node=node, score=said["score"])
    return Passage(node=node, score=said["score"], scores=said["scores"])


def _as_message(value: Mapping[str, Any], blobs: list[bytes]) -> ChatMessage:
    said = from_plain(value["said"], blobs)
    if "passages" not in said:
        return ChatMessage.model_validate(said["message"])
    message = PromptMessage.model_validate(said["message"])
    message._query, message._passages = said["query"], tuple(said["passages"])
    return message


_MADE: dict[str, Callable[[Any, list[bytes]], Any]] = {
    "bytes": lambda value, blobs: blobs[value["at"]],
    "path": lambda value, blobs: Path(value["path"]),
    "mapping": lambda value, blobs: {from_plain(k, blobs): from_plain(part, blobs) for k, part in value["items"]},
    "numbers": lambda value, blobs: np.frombuffer(blobs[value["at"]], np.float64).reshape(value["shape"]).tolist(),
    "node": _as_node,
    "message": _as_message,
    "response": lambda value, blobs: ChatResponse(**from_plain(value["said"], blobs)),
}
