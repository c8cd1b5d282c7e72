"""`imagora ingest --watch`: ingest, wait until the source has changed, ingest again, until Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

import typer

from imagora.errors import ImagoraError, QueryError, SourceError

from .printable import printable
from .telling import as_dict

if TYPE_CHECKING:
    from imagora import Pipeline
    from imagora.ingest_report import IngestReport, Progress
    from imagora.stages import Source

AGAIN_SECONDS = 30.0
"""After how long a round is tried again that failed for another reason than the source, whose change is heard."""


@dataclass
class Ending:
    """What ends the waiting: `stop` for good, `wake` for another round; `working` while an ingest is under way."""

    stop: Event = field(default_factory=Event)
    wake: Event = field(default_factory=Event)
    working: bool = False


def watch(
    pipeline: Pipeline,
    source: Path | None,
    progress: Callable[[], Any],
    tell: Callable[[IngestReport], None],
    *,
    as_json: bool,
) -> None:
    """Ingest again and again; `progress` makes a context with a progress bar, `tell` is given every report."""
    from imagora_ingestion.door import chosen_source

    from imagora import Pipeline
    from imagora.stages import WatchedSource

    chosen = chosen_source(pipeline.plan, pipeline.stages, source)
    if not isinstance(chosen, WatchedSource):
        raise QueryError(_why_not(chosen), code="IMG-706")
    (begin := Event()).set()
    chosen.wait(begin)  # it listens from here on, so that nothing falls between two rounds
    rounds = Pipeline(pipeline.plan, replace(pipeline.stages, source=chosen))
    first = True
    with _ending() as ending:
        while True:
            failed = _round(rounds, ending, progress, tell, as_json=as_json, first=first)
            if first:
                typer.echo(f"watching '{printable(chosen.uri)}'; Ctrl-C ends it", err=True)
                first = False
            with _woken(ending, after=failed):
                changed = chosen.wait(ending.wake)
            if ending.stop.is_set():
                return
            if not changed:
                ending.wake.clear()


def _round(
    pipeline: Pipeline,
    ending: Ending,
    progress: Callable[[], Any],
    tell: Callable[[IngestReport], None],
    *,
    as_json: bool,
    first: bool,
) -> bool:
    """Ingest once; say what was done, or why that failed, and whether time alone may help."""
    try:
        ending.working = True
        with progress() as on_progress:

            def on_batch(how_far: Progress) -> None:
                on_progress(how_far)
                if ending.stop.is_set():  # the batch is committed
                    raise KeyboardInterrupt

            report = pipeline.ingest(on_progress=on_batch)
    except BrokenPipeError:
        raise
    except (ImagoraError, OSError) as error:
        if first and not isinstance(error, SourceError):  # a mistake of the user's, which waiting does not mend
            raise
        told = as_dict(error)
        said = f"error: {printable(str(error))}; it is tried again [{told['code']}]"
        typer.echo(json.dumps(told) if as_json else said, err=not as_json)
        return not isinstance(error, SourceError)
    finally:
        ending.working = False
    tell(report)
    return False


@contextmanager
def _ending() -> Iterator[Ending]:
    """Give what Ctrl-C, or SIGTERM, sets the first time; the second time it interrupts whatever is under way."""
    ending = Ending()
    before: dict[int, Any] = {}

    def end(number: int, _: object) -> None:
        ending.stop.set()
        ending.wake.set()
        signal.signal(number, before[number])
        if ending.working:
            os.write(2, b"\nending after what is under way; once more ends it at once\n")

    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            before[number] = signal.signal(number, end)
    try:
        yield ending
    finally:
        for taken, handler in before.items():
            signal.signal(taken, handler)


@contextmanager
def _woken(ending: Ending, *, after: bool) -> Iterator[None]:
    timer = threading.Timer(AGAIN_SECONDS, ending.wake.set)
    timer.daemon = True
    if after:
        timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _why_not(source: Source) -> str:
    from imagora.stages import Feed

    if isinstance(source, Feed):
        return (
            f"the source '{source.uri}' needs no --watch: each run takes what came since the last one; "
            "leave --watch out, and run it as often as you like"
        )
    can = ", ".join(f"'{name}'" for name in _watched_sources()) or "none that is installed"
    return f"the source '{source.uri}' cannot say when something changed, so leave --watch out; sources that can: {can}"


def _watched_sources() -> Iterator[str]:
    from imagora.catalog import installed_catalog
    from imagora.component import BuildContext

    for offer in installed_catalog().offers("source"):
        component = offer.component
        with suppress(Exception):  # one that cannot be built without its options is looked at no further
            built = component.build(component.options.model_construct(), BuildContext("watch"))
            if hasattr(type(built), "wait"):
                yield component.name
