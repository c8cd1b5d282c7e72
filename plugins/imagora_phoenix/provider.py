"""OpenTelemetry's side: a provider of our own, beside the global one, and what sends its spans."""

from __future__ import annotations

import atexit
import os
from collections.abc import Callable
from typing import Any

from imagora.tracing import request
from openinference.semconv.resource import ResourceAttributes
from opentelemetry import trace as api
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from requests import Response, Session
from requests.adapters import HTTPAdapter

from . import last_trace
from .attributes import Attributes
from .embedding import Beginning, listen, stop
from .joining import GivenIds, context_of, of_a_request
from .options import TRACES, PhoenixOptions
from .outbox import Counts, Outbox
from .thumbnails import Thumbnails


class Noting(HTTPAdapter):
    """Remembers how the last request ended: OpenTelemetry's exporter only says whether it went well."""

    said = ""

    def send(self, *args: Any, **options: Any) -> Response:
        """Send as ever."""
        try:
            response = super().send(*args, **options)
        except Exception as error:
            self.said = type(error).__name__
            raise
        self.said = f"HTTP {response.status_code} {response.reason}".strip()
        return response

    def take(self) -> str:
        """Give what was remembered, and forget it."""
        said, self.said = self.said, ""
        return said


class Provider:
    """What lives from the first query to the end: threads, connections, and the ear for embedders."""

    def __init__(self, options: PhoenixOptions, counts: Counts, begin_embedding: Beginning) -> None:
        self._process = os.getpid()
        self._url, self._project = options.collector(), options.project_name()
        self._pages = options.pages
        session, noting = Session(), Noting()
        session.trust_env = False  # no proxy and no password file: traces go where the recipe says, and nowhere else
        session.mount("http://", noting)
        session.mount("https://", noting)
        endpoint, headers = self._url + TRACES, options.sent_headers()
        exporter = OTLPSpanExporter(endpoint=endpoint, headers=headers, timeout=options.timeout, session=session)
        self._outbox = Outbox(exporter, options.queue, self._url, self._save, noting.take, counts)
        project = {ResourceAttributes.PROJECT_NAME: self._project, "service.name": "imagora"}
        self._ids = GivenIds()
        resource = Resource.create(project)
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False, id_generator=self._ids)
        self._provider.add_span_processor(self._outbox)
        self._tracer = self._provider.get_tracer("imagora_phoenix")
        self.thumbnails = Thumbnails(1000 * options.thumbnails)
        self._listening = listen(begin_embedding)
        atexit.register(self.end)

    def works(self) -> bool:
        """Whether its threads are in this process: a process that was forked has none of them."""
        return self._process == os.getpid()

    def begin(self, name: str, parent: api.Span | None) -> api.Span:
        """Begin a span; one without a parent goes on with the trace of the request, or begins one.

        A trace that is begun has a link to the span that the application is in.
        """
        if parent is not None:
            return self._tracer.start_span(name, api.set_span_in_context(parent, Context()))
        above = api.get_current_span().get_span_context()
        said = request.get() or of_a_request(above)
        links = [api.Link(above)] if above.is_valid and not above.is_remote else None
        with self._ids.given(said.trace if said else ""):
            return self._tracer.start_span(name, context_of(said), links=links)

    def finish(self, span: api.Span, attributes: Callable[[], Attributes]) -> None:
        """End a span; its attributes are made when it is sent."""
        if span.is_recording():
            self._outbox.later(span.get_span_context().span_id, attributes)
            span.end()

    def end(self) -> None:
        """Send what is waiting, within a short time."""
        atexit.unregister(self.end)
        stop(self._listening)
        if not self.works():
            return  # what waits is sent by the process that this one came from
        self._provider.shutdown()
        self.thumbnails.close()

    def _save(self, counts: Counts) -> None:
        told = {
            "url": self._url,
            "pages": self._pages,
            "project": self._project,
            "why": counts.why,
            "last": counts.last,
        }
        numbers = {name: getattr(counts, name) for name in ("sent", "failed", "dropped", "waiting")}
        last_trace.write({**told, **numbers})
