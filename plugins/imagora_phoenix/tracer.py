"""The tracer: one trace a query, and in it a span for every stage, ours or a stranger's."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from typing import Any

from imagora.errors import StageError
from imagora.record import batch_size
from imagora.stages import Embedder, Generator
from imagora.tracing import Span, Traced
from llama_index.core.base.embeddings.base import BaseEmbedding
from opentelemetry import trace as api

from .attributes import Heard, Kind, embedding
from .embedding import Ending
from .options import PhoenixOptions
from .outbox import Counts
from .provider import Provider
from .told import Eyes

KINDS = {
    "retriever": Kind.RETRIEVER,
    "reranker": Kind.RERANKER,
    "guardrail": Kind.GUARDRAIL,
    "generator": Kind.LLM,
    "fallback": Kind.LLM,
}


@dataclass(frozen=True)
class Open:
    """A span that runs: what the stages within it are children of."""

    tracer: PhoenixTracer
    span: api.Span
    eyes: Eyes
    heard: Heard

    @property
    def trace(self) -> str:
        """The trace's id."""
        return f"{self.span.get_span_context().trace_id:032x}"

    def gave(self, result: object) -> None:
        """Hear what came out."""
        with suppress(Exception):  # a stranger's result may do anything when it is looked at
            self.heard.gave = self.eyes.see(result)

    def facts(self, facts: Mapping[str, Any]) -> None:
        """Hear what the stage noted."""
        with suppress(Exception):  # as above
            self.heard.facts = self.eyes.facts(facts)


# Not OpenTelemetry's own context: what an application traces elsewhere must not become a child of spans sent here.
_current: ContextVar[Open | None] = ContextVar("imagora_phoenix_current", default=None)


class PhoenixTracer:
    """Tells a collector of every query; threads and connections begin with the first one, and end with `close`."""

    def __init__(
        self,
        options: PhoenixOptions,
        generator: Generator | None = None,
        embedders: Mapping[str, Embedder] | None = None,
    ) -> None:
        options.collector()  # raises where the environment says no address
        self.options, self.counts = options, Counts()
        self._generator = generator
        self._legs = {id(embedder): leg for leg, embedder in (embedders or {}).items()}
        self._lock = threading.Lock()
        self._provider: Provider | None = None

    @contextmanager
    def query(self, traced: Traced) -> Iterator[Span]:
        """Begin the trace of a query; it shows no content where the options or the recipe say so."""
        content = self.options.content
        eyes = self._eyes(content == "shown" or (content == "auto" and not traced.hidden))
        heard = Heard(Kind.CHAIN)
        with suppress(Exception):  # nothing in a tracer may raise
            heard.metadata, heard.given = _facts_of(traced, eyes), eyes.query(traced.query)
            heard.words = eyes.text(traced.query.query_str) if eyes.shown else None
        with self._span(traced.kind, heard, eyes, None) as span:
            yield span

    @contextmanager
    def stage(self, stage: str, component: str, given: object) -> Iterator[Span]:
        """Begin a stage's span in the current one."""
        parent = _current.get()
        if parent is None or parent.tracer is not self:
            parent = None  # a stranger's wrapper took the query to a thread without its context: a trace of its own
        eyes = parent.eyes if parent else self._eyes(shown=False)
        kind = KINDS.get(stage.split(maxsplit=1)[0] if stage else "", Kind.CHAIN)
        heard = Heard(kind, component=component, metadata={"stage": stage, "component": component})
        if kind is Kind.LLM and parent is not None:
            # The first one is the recipe's generator; one after it is what it falls back to, and has another model.
            heard.model = None if parent.heard.llms else partial(_model_of, self._generator)
            parent.heard.llms += 1
        with suppress(Exception):  # nothing in a tracer may raise
            heard.words, heard.given = parent.heard.words if parent else None, eyes.see(given)
        with self._span(f"{stage} {component}", heard, eyes, parent) as span:
            yield span

    def address(self, trace: str) -> str | None:
        """Give the page of a trace; Phoenix knows its project."""
        return self.options.page_of(trace)

    def close(self) -> None:
        """Send what is waiting, within a short time."""
        with self._lock:
            provider, self._provider = self._provider, None
        if provider is not None:
            provider.end()

    @contextmanager
    def _span(self, name: str, heard: Heard, eyes: Eyes, parent: Open | None) -> Iterator[Span]:
        provider = self._started()
        span = provider.begin(name, parent.span if parent else None)
        opened = Open(self, span, eyes, heard)
        token = _current.set(opened)
        try:
            yield opened
            span.set_status(api.StatusCode.OK)
        except BaseException as error:
            _fail(span, error, eyes)
            raise
        finally:
            with suppress(ValueError):  # a stream that is left may be closed in another context
                _current.reset(token)
            provider.finish(span, heard.attributes)

    def _begin_embedding(self, embedder: BaseEmbedding, given: object) -> Ending | None:
        parent, provider = _current.get(), self._provider
        if parent is None or parent.tracer is not self or provider is None:
            return None
        model, leg = str(getattr(embedder, "model_name", "") or type(embedder).__name__), self._legs.get(id(embedder))
        text = _text_to_embed(given, parent.eyes) if parent.eyes.shown else None
        batch_size.set(1)  # what is heard of it when this ends is of this one
        span = provider.begin(f"embedder ({leg}) {model}" if leg else f"embedder {model}", parent.span)

        def end(vectors: Any, error: BaseException | None) -> None:
            if error is None:
                span.set_status(api.StatusCode.OK)
            else:
                _fail(span, error, parent.eyes)
            numbers = {
                "dimension": _dimension(vectors),
                "batch": together if (together := batch_size.get()) > 1 else None,
            }
            provider.finish(span, partial(embedding, text, numbers, model))

        return end

    def _eyes(self, shown: bool) -> Eyes:
        return Eyes(shown, self.options.characters, self._started().thumbnails)

    def _started(self) -> Provider:
        if (provider := self._provider) is None or not provider.works():
            with self._lock:
                if (provider := self._provider) is None or not provider.works():
                    if provider is not None:
                        provider.end()
                        self.counts = Counts()
                    provider = self._provider = Provider(self.options, self.counts, self._begin_embedding)
        return provider


def _facts_of(traced: Traced, eyes: Eyes) -> dict[str, Any]:
    told = {"recipe": traced.recipe, "recipe_hash": traced.recipe_hash, "plugins": dict(traced.plugins)}
    if (who := traced.query.principal) is not None:
        told |= {"tenant": who.tenant, **({"user": who.user} if eyes.shown and who.user else {})}
    return told


def _fail(span: api.Span, error: BaseException, eyes: Eyes) -> None:
    """Set the status: the kind of what went wrong; its words only where content is shown, for they may hold some."""
    with suppress(Exception):  # a stranger's error may fail to say what it is
        cause = error.__cause__ if isinstance(error, StageError) and error.__cause__ is not None else error
        kind, left = type(cause).__name__, isinstance(cause, asyncio.CancelledError | GeneratorExit)
        message = eyes.text(cause) if eyes.shown and not left else ""
        span.set_status(api.StatusCode.ERROR, f"{kind}: {message}" if message else kind)
        span.add_event("exception", {"exception.type": kind, **({"exception.message": message} if message else {})})


def _model_of(generator: Generator | None) -> str | None:
    with suppress(Exception):  # a stranger's LLM may need its server to say what it is
        name = getattr(getattr(generator, "metadata", None), "model_name", None)
        return name if isinstance(name, str) and name not in ("", "unknown") else None
    return None


def _text_to_embed(given: object, eyes: Eyes) -> str:
    texts = given if isinstance(given, list) else [given]
    return eyes.text("\n".join(map(str, texts))) if all(isinstance(t, str) for t in texts) else "(a picture)"


def _dimension(vectors: Any) -> int | None:
    first = vectors[0] if isinstance(vectors, list) and vectors and isinstance(vectors[0], list) else vectors
    return len(first) if isinstance(first, list) else None
