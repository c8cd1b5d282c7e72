"""Finished spans on their way to the collector: a bounded queue, a thread that sends, and counts of what was lost.

OpenTelemetry's batch processor forgets spans silently where its queue is full or a batch fails; here each is counted.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

BATCH = 64
"""Spans in one request at most."""
DELAY = 1000
"""Milliseconds after which a span is sent at the latest."""
LAST = 2.0
"""Seconds that the end of a program waits for what was not sent yet."""
MOST_SAID = 200
_log = logging.getLogger(__name__)
_sending = threading.local()


@dataclass
class Counts:
    """Spans by what became of them, why the last one failed, and the last trace."""

    sent: int = 0
    failed: int = 0
    dropped: int = 0
    waiting: int = 0
    why: str = ""
    last: dict[str, Any] | None = None


class LateSpan(ReadableSpan):
    """A finished span whose attributes are made by the thread that sends it, so that no query waits for them."""

    def __init__(self, span: ReadableSpan, late: Callable[[], dict[str, Any]]) -> None:
        super().__init__(
            span.name,
            span.context,
            span.parent,
            span.resource,
            None,
            span.events,
            span.links,
            span.kind,
            status=span.status,
            start_time=span.start_time,
            end_time=span.end_time,
            instrumentation_scope=span.instrumentation_scope,
        )
        self._late: Callable[[], dict[str, Any]] | None = late

    def settle(self) -> None:
        """Make the attributes; called by the thread that sends."""
        if self._late is not None:
            late, self._late = self._late, None
            try:
                self._attributes = late()
            except Exception as error:  # a stranger's passages may do anything; the span still tells of its time
                self._attributes = {"imagora.not_traced": type(error).__name__}


@dataclass
class Outbox(SpanProcessor):
    """Takes finished spans without waiting, at most `most` at a time, and sends them from a thread of its own.

    where: the collector, for the one warning. save: hears the counts after each request. why: says how one ended.
    """

    exporter: SpanExporter
    most: int
    where: str
    save: Callable[[Counts], None]
    why: Callable[[], str]
    counts: Counts = field(default_factory=Counts)

    def __post_init__(self) -> None:
        self._lock, self._said, self._ended = threading.Lock(), False, False
        self._in_trouble = self._given_up = False
        self._late: dict[int, Callable[[], dict[str, Any]]] = {}
        sending = _Sending(self)
        self._batches = BatchSpanProcessor(sending, self.most, DELAY, min(BATCH, self.most))
        logging.getLogger(type(self.exporter).__module__).addFilter(_quiet)

    def later(self, span: int, late: Callable[[], dict[str, Any]]) -> None:
        """Say, before a span ends, what makes its attributes."""
        self._late[span] = late

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Do nothing; what counts is the end."""

    def on_end(self, span: ReadableSpan) -> None:
        """Take a finished span, or count it where too many are waiting."""
        late = self._late.pop(span.context.span_id, None) if span.context else None
        with self._lock:
            full = self._ended or self.counts.waiting >= self.most
            if full:
                self.counts.dropped += 1
            else:
                self.counts.waiting += 1
        if full:
            self._warn(f"more than {self.most} spans are waiting")
        else:
            self._batches.on_end(LateSpan(span, late) if late else span)

    def send(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send some spans and count what became of them; called by the thread that sends."""
        result, _sending.why, self._in_trouble = SpanExportResult.FAILURE, "", False
        try:
            for span in spans:
                if isinstance(span, LateSpan):
                    span.settle()
            _sending.outbox, _sending.why = self, self.counts.why if self._given_up else ""
            result = result if self._given_up else self.exporter.export(spans)
        except Exception as error:  # of an exporter that breaks its promise; the spans are counted all the same
            _sending.why = type(error).__name__
        finally:
            _sending.outbox = None
            self._settled(spans, result is SpanExportResult.SUCCESS, self.why() or _sending.why)
        return result

    def shutdown(self) -> None:
        """Send what is waiting within a short time; what is then left counts as lost."""
        with self._lock:
            self._ended = True
        if self._in_trouble:
            self.give_up()
        ending = threading.Thread(target=self._batches.shutdown, name="imagora-traces-end", daemon=True)
        ending.start()
        ending.join(LAST)
        with self._lock:
            left, self.counts.waiting = self.counts.waiting, 0
            self.counts.dropped += left
        if left:
            self._warn("the collector does not answer")
            self._save()

    def trouble(self) -> None:
        """Hear that a try failed; at the end of a program there is no other."""
        self._in_trouble = True
        if self._ended:
            self.give_up()

    def give_up(self) -> None:
        """Send nothing any more; a try that waits for the next one ends at once."""
        with self._lock:
            before, self._given_up = self._given_up, True
        if not before:
            self.exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Send what is waiting now; blocks."""
        return self._batches.force_flush(timeout_millis)

    def _settled(self, spans: Sequence[ReadableSpan], arrived: bool, why: str) -> None:
        roots = [span for span in spans if span.parent is None or span.parent.is_remote]
        with self._lock:
            gone = min(len(spans), self.counts.waiting)  # after the end they are counted already
            self.counts.waiting -= gone
            if arrived:
                self.counts.sent += gone
            else:
                self.counts.failed, self.counts.why = self.counts.failed + gone, why
            if roots:
                self.counts.last = _told(roots[-1], arrived)
        if not arrived:
            self._warn(why or "it does not take them")
        self._save()

    def _save(self) -> None:
        try:
            self.save(self.counts)
        except OSError as error:
            _log.debug("the last trace cannot be written down: %s", error)

    def _warn(self, why: str) -> None:
        with self._lock:
            said, self._said = self._said, True
        if not said:
            _log.warning(
                "traces are lost on the way to '%s' (%s); queries go on without, and 'imagora trace' says how many",
                self.where,
                why,
            )


class _Sending(SpanExporter):
    """The exporter of the batch processor: it leaves the counting to the outbox."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return self._outbox.send(spans)

    def shutdown(self) -> None:
        self._outbox.give_up()


def _told(root: ReadableSpan, arrived: bool) -> dict[str, Any]:
    ended = datetime.fromtimestamp((root.end_time or 0) / 1e9, UTC).isoformat(" ", "seconds")
    trace = f"{root.context.trace_id:032x}" if root.context else "0"
    return {"trace": trace, "name": root.name, "ended": ended, "arrived": arrived}


def _quiet(record: logging.LogRecord) -> bool:
    # OpenTelemetry logs every try of every batch; ours is one warning.
    outbox: Outbox | None = getattr(_sending, "outbox", None)
    if outbox is None:
        return True
    _sending.why = _sending.why or " ".join(record.getMessage().split())[:MOST_SAID]
    outbox.trouble()
    return False
