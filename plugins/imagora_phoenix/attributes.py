"""From what a span heard to OpenInference's attributes; runs in the thread that sends.

The names are those of https://github.com/Arize-ai/openinference/blob/main/spec/semantic_conventions.md.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from openinference.semconv.trace import (
    DocumentAttributes,
    EmbeddingAttributes,
    ImageAttributes,
    MessageAttributes,
    MessageContentAttributes,
    OpenInferenceMimeTypeValues,
    OpenInferenceSpanKindValues,
    RerankerAttributes,
    SpanAttributes,
)

from .thumbnails import Thumbnail
from .told import Asked, Document, Ended, Judged, Reply, Said

Kind = OpenInferenceSpanKindValues
Attributes = dict[str, Any]
INPUT_IMAGES = "input.images"
_JSON = OpenInferenceMimeTypeValues.JSON.value


@dataclass
class Heard:
    """All that a span heard: what the stage got and gave, its notes, and what is known from the start."""

    kind: Kind
    given: object = None
    gave: object = None
    facts: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    component: str = ""
    words: str | None = None
    model: Callable[[], str | None] | None = None
    llms: int = 0

    def attributes(self) -> Attributes:
        """Give the attributes of the span."""
        made = {SpanAttributes.OPENINFERENCE_SPAN_KIND: self.kind.value}
        metadata = dict(self.metadata)
        for place, (attribute, thing) in enumerate((("input", self.given), ("output", self.gave))):
            for name, value in self._of(attribute, bool(place), thing, metadata):
                made[name] = value
        if self.kind is Kind.RERANKER:
            made[RerankerAttributes.RERANKER_MODEL_NAME] = self.component
            if self.words:
                made[RerankerAttributes.RERANKER_QUERY] = made[SpanAttributes.INPUT_VALUE] = self.words
        if self.kind is Kind.LLM and SpanAttributes.LLM_MODEL_NAME not in made:
            made[SpanAttributes.LLM_MODEL_NAME] = (self.model() if self.model else None) or self.component
        if told := {**metadata, **self.facts}:
            made[SpanAttributes.METADATA] = _json(told)
        return made

    def _of(self, way: str, out: bool, thing: object, metadata: dict[str, Any]) -> Iterator[tuple[str, Any]]:
        thing = thing() if callable(thing) else thing
        if isinstance(thing, Asked):
            yield from _asked(thing, metadata)
        elif isinstance(thing, Reply):
            yield from _reply(thing)
        elif isinstance(thing, Ended):
            metadata.update(thing.numbers)
            if thing.text is not None:
                yield f"{way}.value", thing.text
        elif isinstance(thing, str):
            yield f"{way}.value", thing
        elif isinstance(thing, tuple) and thing:
            yield from self._listed(way, out, thing, metadata)

    def _listed(
        self, way: str, out: bool, things: Sequence[Any], metadata: dict[str, Any]
    ) -> Iterator[tuple[str, Any]]:
        if isinstance(things[0], Document):
            yield from _documents(self._documents_name(out), things)
        elif isinstance(things[0], Said):
            name = SpanAttributes.LLM_OUTPUT_MESSAGES if out else SpanAttributes.LLM_INPUT_MESSAGES
            for place, message in enumerate(things):
                yield from _message(f"{name}.{place}", message)
        elif isinstance(things[0], Judged):
            yield from _verdicts(things, metadata)
        elif isinstance(things[0], str) and any(things):
            yield f"{way}.value", things[0] if len(things) == 1 else _json(list(things))
            if len(things) > 1:
                yield f"{way}.mime_type", _JSON

    def _documents_name(self, out: bool) -> str:
        if self.kind is not Kind.RERANKER:
            return SpanAttributes.RETRIEVAL_DOCUMENTS
        return RerankerAttributes.RERANKER_OUTPUT_DOCUMENTS if out else RerankerAttributes.RERANKER_INPUT_DOCUMENTS


def embedding(text: str | None, numbers: Mapping[str, int | None], model: str) -> Attributes:
    """Give the attributes of an embedding: its text or none, the model, and what is known of its numbers.

    The vectors themselves stay here: they are large, and a text can be guessed from its vector.
    """
    made: Attributes = {
        SpanAttributes.OPENINFERENCE_SPAN_KIND: Kind.EMBEDDING.value,
        SpanAttributes.EMBEDDING_MODEL_NAME: model,
    }
    if text is not None:
        made[f"{SpanAttributes.EMBEDDING_EMBEDDINGS}.0.{EmbeddingAttributes.EMBEDDING_TEXT}"] = text
        made[SpanAttributes.INPUT_VALUE] = text
    if known := {name: number for name, number in numbers.items() if number is not None}:
        made[SpanAttributes.METADATA] = _json(known)
    return made


def _asked(asked: Asked, metadata: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    if asked.top_k is not None:
        metadata["top_k"] = asked.top_k
    if asked.number_of_pictures:
        metadata["pictures"] = asked.number_of_pictures
    metadata.update({name: said for name, said in (("negative", asked.negative), ("filter", asked.where)) if said})
    urls = [(picture.words, picture.url()) for picture in asked.pictures]
    words = [asked.words or "", *(said for said, _ in urls)]
    if asked.words is not None:
        yield SpanAttributes.INPUT_VALUE, "\n".join(part for part in words if part)
    for place, url in enumerate(url for _, url in urls if url is not None):
        yield f"{INPUT_IMAGES}.{place}.{ImageAttributes.IMAGE_URL}", url


def _documents(name: str, documents: Sequence[Document]) -> Iterator[tuple[str, Any]]:
    for place, document in enumerate(documents):
        start = f"{name}.{place}."
        yield start + DocumentAttributes.DOCUMENT_ID, document.id
        if document.score is not None:
            yield start + DocumentAttributes.DOCUMENT_SCORE, document.score
        if document.text is not None:
            title = (document.metadata or {}).get("title", "")
            yield start + DocumentAttributes.DOCUMENT_CONTENT, document.text or title or "(a picture without words)"
        told = {**(document.metadata or {}), "scores": document.scores}
        yield start + DocumentAttributes.DOCUMENT_METADATA, _json(told)


def _message(name: str, message: Said) -> Iterator[tuple[str, Any]]:
    yield f"{name}.{MessageAttributes.MESSAGE_ROLE}", message.role
    if isinstance(message.parts, int):
        return
    if all(isinstance(part, str) for part in message.parts):
        yield f"{name}.{MessageAttributes.MESSAGE_CONTENT}", "\n".join(map(str, message.parts))
        return
    for place, part in enumerate(message.parts):
        start = f"{name}.{MessageAttributes.MESSAGE_CONTENTS}.{place}."
        url = part.url() if isinstance(part, Thumbnail) else None
        yield start + MessageContentAttributes.MESSAGE_CONTENT_TYPE, "text" if url is None else "image"
        if url is not None:
            yield f"{start}{MessageContentAttributes.MESSAGE_CONTENT_IMAGE}.{ImageAttributes.IMAGE_URL}", url
        else:
            text = part.words if isinstance(part, Thumbnail) else part
            yield start + MessageContentAttributes.MESSAGE_CONTENT_TEXT, text


def _reply(reply: Reply) -> Iterator[tuple[str, Any]]:
    yield from _message(f"{SpanAttributes.LLM_OUTPUT_MESSAGES}.0", reply.message)
    if isinstance(reply.message.parts, tuple):
        words = [part.words if isinstance(part, Thumbnail) else part for part in reply.message.parts]
        yield SpanAttributes.OUTPUT_VALUE, "\n".join(words)
    if reply.model is not None:
        yield SpanAttributes.LLM_MODEL_NAME, reply.model
    for name, number in reply.tokens.items():
        yield f"llm.token_count.{name}", number


def _verdicts(verdicts: Sequence[Judged], metadata: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    counted = Counter(verdict.action for verdict in verdicts)
    worst = next((action for action in ("refuse", "redact") if counted[action]), "pass")
    told = {"verdict": worst, "reasons": sorted({reason for verdict in verdicts for reason in verdict.reasons})}
    metadata.update(told, verdicts=dict(counted))
    texts = [verdict.text for verdict in verdicts if verdict.text is not None and verdict.action != "refuse"]
    yield SpanAttributes.OUTPUT_VALUE, _json({**told, **({"texts": texts} if texts else {})})
    yield SpanAttributes.OUTPUT_MIME_TYPE, _JSON


def _json(thing: Mapping[str, Any] | Sequence[Any]) -> str:
    return json.dumps(thing, ensure_ascii=False, default=str)
