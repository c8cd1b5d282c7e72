"""Answers in the shapes of OpenAI's chat completions, whole and in chunks."""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from imagora import Answer, Citation, Passage

Shown: TypeAlias = dict[str, Any]
DONE = "data: [DONE]\n\n"
_TOKEN = re.compile(r"\w+|[^\w\s]")


def tokens(text: str) -> int:
    """Count words and signs: an estimate, since the generator's own tokens are not known here."""
    return sum(1 for _ in _TOKEN.finditer(text))


def cut(text: str, most: int | None) -> str:
    """Give the beginning of a text that has so many tokens."""
    if most is None:
        return text
    for number, match in enumerate(_TOKEN.finditer(text)):
        if number == most:
            return text[: match.start()].rstrip()
    return text


@dataclass(frozen=True)
class Completion:
    """One completion: what its chunks have in common. address: gives a citation's address."""

    model: str
    fingerprint: str
    asked: str
    most: int | None = None
    id: str = field(default_factory=lambda: f"chatcmpl-{uuid.uuid4().hex}")
    created: int = field(default_factory=lambda: int(time.time()))

    def whole(self, answer: Answer, addresses: Mapping[str, str]) -> Shown:
        """Give the whole answer."""
        text = cut(answer.text, self.most)
        message: Shown = {"role": "assistant", "content": text, "refusal": None}
        message |= {"annotations": url_citations(_within(answer.citations, text), addresses)}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": self.finish(answer, text)}
        shown = self._shown("chat.completion", [choice]) | {"usage": self.usage(text)}
        return shown | cited(answer.passages, _within(answer.citations, text), addresses)

    def chunk(self, delta: Shown, finish: str | None = None, *, usage: bool = False, **more: Any) -> str:
        """Give a chunk as it is sent; usage: whether a chunk with it will come, and this one says null."""
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        shown = self._shown("chat.completion.chunk", [choice]) | more
        return event(shown | {"usage": None} if usage else shown)

    def used(self, text: str) -> str:
        """Give the chunk with the usage, which has no choice."""
        return event(self._shown("chat.completion.chunk", []) | {"usage": self.usage(text)})

    def finish(self, answer: Answer, text: str) -> str:
        """Say why the text ends."""
        if answer.refused:
            return "content_filter"
        return "length" if len(text) < len(answer.text) else "stop"

    def usage(self, text: str) -> Shown:
        """Give what was asked and answered, in tokens as they are estimated here."""
        asked, said = tokens(self.asked), tokens(text)
        return {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said}

    def _shown(self, kind: str, choices: list[Shown]) -> Shown:
        shown = {"id": self.id, "object": kind, "created": self.created, "model": self.model}
        return shown | {"system_fingerprint": self.fingerprint, "choices": choices}


def event(shown: Mapping[str, Any]) -> str:
    """Give a server-sent event."""
    return f"data: {json.dumps(shown, ensure_ascii=False, separators=(',', ':'))}\n\n"


def url_citations(citations: Sequence[Citation], addresses: Mapping[str, str], shift: int = 0) -> list[Shown]:
    """Give citations as OpenAI does: `content[start_index:end_index]`, in code points, is the marker."""
    return [
        {
            "type": "url_citation",
            "url_citation": {
                "start_index": one.start + shift,
                "end_index": one.end + shift,
                "title": one.title,
                "url": addresses[one.item_id],
            },
        }
        for one in citations
    ]


def cited(passages: Sequence[Passage], citations: Sequence[Citation], addresses: Mapping[str, str]) -> Shown:
    """Give the addresses by number, so that `citations[n - 1]` is what [n] stands for, and what is known of each."""
    last = max((one.number for one in citations), default=0)
    shown = passages[:last]
    results = [
        {
            "number": number,
            "title": passage.title,
            "url": addresses[passage.node_id],
            "item_id": passage.node_id,
            "score": passage.score,
            "licence": passage.node.metadata.get("licence"),
        }
        for number, passage in enumerate(shown, start=1)
    ]
    return {"citations": [one["url"] for one in results], "search_results": results}


def _within(citations: Sequence[Citation], text: str) -> list[Citation]:
    return [one for one in citations if one.end <= len(text)]
