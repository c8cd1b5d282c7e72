"""How values are written: JSON, and only what is read back as exactly what it was."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from imagora.answer import Citation, GuardrailRecord, Passage
from imagora.prompt import PromptPicture
from llama_index.core.schema import BaseNode, ImageNode, MediaResource, Node, TextNode
from pydantic import BaseModel

T = TypeVar("T")
ModelT = TypeVar("ModelT", bound=BaseModel)
_NODE = Node(id_="", text_resource=None, image_resource=None, extra_info={})
_WORDS, _SHOWN = MediaResource(text=""), MediaResource(path=Path())
_NODES: dict[str, type[BaseNode]] = {kind.class_name(): kind for kind in (Node, TextNode, ImageNode)}


@dataclass(frozen=True)
class Form(Generic[T]):
    """How one kind of value becomes JSON values, and comes back."""

    out: Callable[[T], Any]
    back: Callable[[Any], T]

    def written(self, value: T) -> bytes | None:
        """Write a value; None for one that would not come back as it is, such as a stranger's node."""
        try:
            data = json.dumps(self.out(value), allow_nan=False, separators=(",", ":")).encode()
            return data if self.read(data) == value else None
        except (TypeError, ValueError, KeyError):
            return None

    def read(self, data: bytes) -> T:
        """Read a value again; raises ValueError, TypeError or KeyError for what was not written here."""
        return self.back(json.loads(data))


@dataclass(frozen=True)
class KeptAnswer:
    """An answer as it is kept: what is the same for everyone who may have it."""

    text: str
    citations: tuple[Citation, ...]
    passages: tuple[Passage, ...]
    verdicts: tuple[GuardrailRecord, ...]
    unknown_markers: tuple[int, ...]
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class KeptPictures:
    """The pictures of a prompt, and what was left out."""

    shown: tuple[PromptPicture, ...]
    left_out: tuple[str, ...]


def _passage_out(passage: Passage) -> Any:
    node = passage.node
    told: Any = node.model_dump(mode="json")
    if type(node) is Node:
        image = node.image_resource
        told = [node.node_id, node.get_content(), str(image.path) if image and image.path else None, node.metadata]
        if _node_of(told) != node:
            told = node.model_dump(mode="json")
    return [told, passage.score, passage.scores, passage._uri]


def _passage_back(told: Any) -> Passage:
    node, score, scores, uri = told
    made = Passage.of(_node_of(node), score, scores)
    made._uri = uri
    return made


def _node_of(told: Any) -> BaseNode:
    if isinstance(told, dict):
        return _NODES[told["class_name"]].model_validate(told)
    id_, text, picture, metadata = told
    words = _like(_WORDS, text=text) if text else None
    shown = _like(_SHOWN, path=Path(picture)) if picture else None
    return _like(_NODE, id_=id_, text_resource=words, image_resource=shown, metadata=metadata)


def _like(checked: ModelT, **fields: Any) -> ModelT:
    """Make one as Pydantic would, of fields that need no check, with lists of its own: twenty are in an answer."""
    held = {name: type(v)(v) if isinstance(v, list | dict) else v for name, v in checked.__dict__.items()}
    made = checked.__class__.__new__(checked.__class__)
    private = {"__pydantic_extra__": None, "__pydantic_private__": checked.__pydantic_private__}
    # Pydantic's own road for what was pickled.
    BaseModel.__setstate__(
        made, {"__dict__": held | fields, "__pydantic_fields_set__": set(checked.model_fields_set), **private}
    )
    return made


def _passages_back(told: Any) -> tuple[Passage, ...]:
    return tuple(map(_passage_back, told))


def _passages_out(passages: Sequence[Passage]) -> Any:
    return list(map(_passage_out, passages))


def _answer_out(answer: KeptAnswer) -> Any:
    return {
        "text": answer.text,
        "citations": [asdict(citation) for citation in answer.citations],
        "passages": _passages_out(answer.passages),
        "verdicts": [asdict(verdict) for verdict in answer.verdicts],
        "unknown_markers": answer.unknown_markers,
        "left_out": answer.left_out,
    }


def _answer_back(told: Any) -> KeptAnswer:
    return KeptAnswer(
        text=told["text"],
        citations=tuple(Citation(**citation) for citation in told["citations"]),
        passages=_passages_back(told["passages"]),
        verdicts=tuple(GuardrailRecord(**{**one, "reasons": tuple(one["reasons"])}) for one in told["verdicts"]),
        unknown_markers=tuple(told["unknown_markers"]),
        left_out=tuple(told["left_out"]),
    )


def _pictures_out(pictures: KeptPictures) -> Any:
    shown = [[one.number, one.passage, base64.b64encode(one.png).decode(), one.words] for one in pictures.shown]
    return [shown, pictures.left_out]


def _pictures_back(told: Any) -> KeptPictures:
    shown = (PromptPicture(n, passage, base64.b64decode(png), words) for n, passage, png, words in told[0])
    return KeptPictures(tuple(shown), tuple(told[1]))


PASSAGES: Form[tuple[Passage, ...]] = Form(_passages_out, _passages_back)
ANSWER: Form[KeptAnswer] = Form(_answer_out, _answer_back)
PICTURES: Form[KeptPictures] = Form(_pictures_out, _pictures_back)
VECTOR: Form[list[float]] = Form(list, lambda told: [float(number) for number in told])
