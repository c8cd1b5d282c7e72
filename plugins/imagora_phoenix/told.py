"""What a span hears, as it is at that moment: later stages may change the very objects.

Where content is hidden nothing of it is taken at all: no words, titles, names, answers and pictures, only ids, numbers
and what guardrails gave as reasons. This is the one place that decides so.
"""

from __future__ import annotations

import math
import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from imagora import Answer, Found, Picture, Query, Verdict
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, ImageBlock, TextBlock
from llama_index.core.schema import BaseNode, ImageNode, Node, NodeWithScore

from .thumbnails import Thumbnail, Thumbnails

_NAMESPACE = uuid.UUID("3f2a1c55-7d0e-5b53-8a5a-0b9c2b8f6a10")
_INLINE = re.compile(r"data:image/[\w.+-]{1,40}(?:;[\w=.-]{1,40}){0,3},[\w+/=%\r\n-]{100,}")
_NAME = re.compile(r"[a-z_][a-z0-9_]{0,40}")
MOST_LISTED = 50


@dataclass(frozen=True)
class Asked:
    """A query; words, filter and pictures are left out where content is hidden."""

    top_k: int | None
    number_of_pictures: int
    words: str | None = None
    negative: str = ""
    where: str = ""
    pictures: tuple[Thumbnail, ...] = ()


@dataclass(frozen=True)
class Document:
    """A passage: its id and scores, and where content is shown its text, title, name and where its picture is."""

    id: str
    score: float | None
    scores: Mapping[str, float]
    text: str | None = None
    metadata: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Said:
    """A chat message: its role and its parts, texts and pictures; `parts` counts where content is hidden."""

    role: str
    parts: tuple[str | Thumbnail, ...] | int


@dataclass(frozen=True)
class Reply:
    """What a language model gave: its message, its name and its numbers of tokens, by OpenInference's words."""

    message: Said
    model: str | None
    tokens: Mapping[str, int]


@dataclass(frozen=True)
class Judged:
    """A guardrail's verdict of one text, with the text that goes on where content is shown."""

    action: str
    reasons: tuple[str, ...]
    text: str | None = None


@dataclass(frozen=True)
class Ended:
    """The end of a whole query: its text or its passages' titles where content is shown, and its numbers."""

    text: str | None
    numbers: Mapping[str, Any]


@dataclass(frozen=True)
class Eyes:
    """How much of what happens a trace may hold: nothing of its content, or texts of up to so many characters."""

    shown: bool
    characters: int
    thumbnails: Thumbnails

    def text(self, text: object) -> str:
        """Give a text, cut, and without pictures that stand in it."""
        whole = text if isinstance(text, str) else str(text)
        cut = whole if len(whole) <= self.characters else whole[: self.characters]
        cut = _INLINE.sub("(a picture)", cut) if "data:image/" in cut else cut
        left_out = len(whole) - self.characters
        return cut if left_out <= 0 else f"{cut}… ({left_out} more characters)"

    def see(self, thing: object) -> object:
        """Give what there is to tell of a thing that a stage was given or gave; None for what is not known here.

        A function is called by the thread that sends, so that the query does not wait for what it does.
        """
        if isinstance(thing, Query):
            return self.query(thing)
        if isinstance(thing, ChatResponse):
            return self.reply(thing)
        if isinstance(thing, Answer | Found):
            return self.end(thing)
        if isinstance(thing, Sequence) and not isinstance(thing, str):
            return self._listed(thing)
        return self.text(thing) if self.shown and isinstance(thing, str) else None

    def _listed(self, things: Sequence[Any]) -> object:
        if things and isinstance(things[0], NodeWithScore):
            # Later stages write their scores into the very passages; texts stay as they are, and are taken later.
            numbers = [(found.node, found.score, dict(getattr(found, "scores", {}))) for found in things]
            return lambda: tuple(self.document(*one) for one in numbers)
        kinds: tuple[tuple[type[Any], Callable[[Any], object]], ...] = (
            (ChatMessage, self.message),
            (Verdict, self.verdict),
            (str, lambda text: self.text(text) if self.shown else ""),
        )
        for kind, seen in kinds:
            if things and isinstance(things[0], kind):
                return tuple(seen(one) for one in things if isinstance(one, kind))
        return None

    def query(self, query: Query) -> Asked:
        """Take a query, and let thumbnails be made of its pictures."""
        pictures = (*query.pictures, *query.negative_pictures)
        if not self.shown:
            return Asked(query.top_k, len(pictures))
        where = "" if query.filter is None else self.text(repr(query.filter))
        seen = tuple(self.picture(picture) for picture in pictures)
        return Asked(query.top_k, len(pictures), self.text(query.query_str), self.text(query.negative), where, seen)

    def picture(self, picture: Picture) -> Thumbnail:
        """Take a query's picture."""
        return self.thumbnails.later(f"({picture.original})", lambda: picture.png)

    def document(self, node: BaseNode, score: float | None, scores: Mapping[str, float]) -> Document:
        """Take a passage, also of a stranger's retriever."""
        score = None if score is None else float(score)
        scores = {str(leg): float(value) for leg, value in scores.items()}
        if not self.shown:
            return Document(_hidden_id(node.node_id), score, scores)
        told = {key: self.text(node.metadata[key]) for key in ("title", "uri") if node.metadata.get(key)}
        if (picture := _picture_of(node)) is not None:
            told["picture"] = self.text(picture)
        return Document(self.text(node.node_id), score, scores, self.text(_text_of(node)), told)

    def message(self, message: ChatMessage) -> Said:
        """Take a chat message, its pictures as thumbnails or by name."""
        role = str(getattr(message.role, "value", message.role))
        return Said(role, tuple(map(self._part, message.blocks)) if self.shown else len(message.blocks))

    def reply(self, response: ChatResponse) -> Reply:
        """Take a response, streamed or not."""
        raw = response.raw
        name = _of(raw, "model")
        tokens = _tokens(_of(raw, "usage")) or _tokens(response.additional_kwargs)
        return Reply(self.message(response.message), name if isinstance(name, str) and name else None, tokens)

    def verdict(self, verdict: Verdict) -> Judged:
        """Take a verdict; its reasons have no text of the query in them, by contract."""
        return Judged(verdict.action, tuple(verdict.reasons), self.text(verdict.text) if self.shown else None)

    def end(self, end: Answer | Found) -> Ended:
        """Take the answer, or what was found."""
        numbers: dict[str, Any] = {"passages": len(end.passages), "acted": len(end.verdicts)}
        if isinstance(end, Found):
            titles = "\n".join(f"{place}. {passage.title}" for place, passage in enumerate(end.passages, start=1))
            return Ended(self.text(titles) if self.shown else None, numbers)
        numbers |= {"citations": len(end.citations), "refused": end.refused, "degraded": end.degraded}
        if self.shown:
            numbers["cited"] = [self.text(cited.title) for cited in end.citations[:MOST_LISTED]]
        return Ended(self.text(end.text) if self.shown else None, numbers)

    def facts(self, facts: Mapping[str, Any]) -> dict[str, Any]:
        """Take what a stage noted; where content is hidden, numbers under plain names only."""
        if self.shown:
            return {self.text(key): self._plain(value) for key, value in list(facts.items())[:MOST_LISTED]}
        numbers = {key: _number(value) for key, value in facts.items() if _NAME.fullmatch(str(key))}
        return {key: number for key, number in numbers.items() if number is not None}

    def _plain(self, value: object, depth: int = 3) -> object:
        if isinstance(value, bool | int | float) or value is None:
            return _number(value)
        if depth and isinstance(value, Mapping):
            return {self.text(key): self._plain(v, depth - 1) for key, v in list(value.items())[:MOST_LISTED]}
        if depth and isinstance(value, list | tuple | set | frozenset):
            return [self._plain(v, depth - 1) for v in list(value)[:MOST_LISTED]]
        return self.text(value)

    def _part(self, block: object) -> str | Thumbnail:
        if isinstance(block, TextBlock):
            return self.text(block.text)
        if not isinstance(block, ImageBlock):
            return f"({type(block).__name__})"
        if (where := block.path or block.url) is not None:
            return f"(the picture {self.text(where)})"
        return (
            self.thumbnails.later("(a picture)", lambda: block.resolve_image().read()) if block.image else "(a picture)"
        )


def _hidden_id(name: str) -> str:
    # A stranger's ids may be the names of files: what is no plain id is replaced by one that is always the same.
    try:
        return str(uuid.UUID(name))
    except ValueError:
        return str(uuid.uuid5(_NAMESPACE, name))


def _number(value: object) -> bool | int | float | None:
    if isinstance(value, bool | int):
        return value
    return float(value) if isinstance(value, float) and math.isfinite(value) else None


def _text_of(node: BaseNode) -> str:
    # Node.get_content costs ten times as much, and there are many passages.
    if type(node) is Node:
        return (node.text_resource.text or "") if node.text_resource else ""
    return node.get_content()


def _picture_of(node: BaseNode) -> str | None:
    if isinstance(node, ImageNode):
        where = node.image_path or node.image_url
    elif isinstance(node, Node) and node.image_resource is not None:
        where = str(node.image_resource.path or node.image_resource.url or "")
    else:
        return None
    return where or str(node.metadata.get("uri") or node.node_id)


def _of(thing: object, name: str) -> Any:
    return thing.get(name) if isinstance(thing, Mapping) else getattr(thing, name, None)


def _tokens(usage: object) -> dict[str, int]:
    words = {"prompt": "prompt_tokens", "completion": "completion_tokens", "total": "total_tokens"}
    others = {"prompt": "input_tokens", "completion": "output_tokens", "total": "total_tokens"}
    for names in (words, others):
        counts = {ours: _of(usage, theirs) for ours, theirs in names.items()}
        whole = {name: n for name, n in counts.items() if isinstance(n, int) and not isinstance(n, bool) and n >= 0}
        if "prompt" in whole or "completion" in whole:
            return {**whole, "total": whole.get("total", sum(whole.values()))}
    return {}
