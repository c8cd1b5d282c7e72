"""How values are written: JSON, and only what is read back as exactly what it was."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Generic, TypeVar

from imagora.answer import Citation, GuardrailRecord, Passage
from imagora.passages import node_of
from imagora.prompt import PromptPicture
from llama_index.core.schema import BaseNode, ImageNode, Node, TextNode

T = TypeVar("T")
_NODES: dict[str, type[BaseNode]] = {kind.class_name(): kind for kind in (Node, TextNode, ImageNode)}


@dataclass(frozen=True)
class Form(Generic[T]):
    """How one kind of value becomes JSON values, and comes back. long: another way, for values that `out` loses."""

    out: Callable[[T], Any]
    back: Callable[[Any], T]
    long: Callable[[T], Any] | None = None

    def written(self, value: T) -> bytes | None:
        """Write a value; None for one that would not come back as it is, such as a stranger's node."""
        for out in (self.out, self.long):
            try:
                told = None if out is None else json.dumps(out(value), allow_nan=False, separators=(",", ":"))
                if told is not None and self.read(data := told.encode()) == value:
                    return data
            except (TypeError, ValueError, KeyError, AttributeError):
                continue
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
    """Write a passage as our own index makes them; of another one something may be missing when it is read again."""
    node: Any = passage.node
    image = node.image_resource
    told = [node.id_, node.text_resource and node.text_resource.text, image and str(image.path), node.metadata]
    return [told, passage.score, passage.scores, passage._uri]


def _whole_passage_out(passage: Passage) -> Any:
    return [passage.node.model_dump(mode="json"), passage.score, passage.scores, passage._uri]


def _passage_back(told: Any) -> Passage:
    node, score, scores, uri = told
    return Passage.of(_node_of(node), score, scores, uri)


def _node_of(told: Any) -> BaseNode:
    if isinstance(told, dict):
        return _NODES[told["class_name"]].model_validate(told)
    return node_of(*told)


def _passages_back(told: Any) -> tuple[Passage, ...]:
    return tuple(map(_passage_back, told))


def _passages_out(passages: Sequence[Passage]) -> Any:
    return list(map(_passage_out, passages))


def _whole_passages_out(passages: Sequence[Passage]) -> Any:
    return list(map(_whole_passage_out, passages))


def _whole_answer_out(answer: KeptAnswer) -> Any:
    return {**_answer_out(replace(answer, passages=())), "passages": _whole_passages_out(answer.passages)}


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


PASSAGES: Form[tuple[Passage, ...]] = Form(_passages_out, _passages_back, _whole_passages_out)
ANSWER: Form[KeptAnswer] = Form(_answer_out, _answer_back, _whole_answer_out)
PICTURES: Form[KeptPictures] = Form(_pictures_out, _pictures_back)
VECTOR: Form[list[float]] = Form(list, lambda told: [float(number) for number in told])
