"""The engine `local`: decoding, embedding and writing overlap in this process."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from imagora.runner import Change, Made, Maker
from imagora.stages import Prepared
from imagora.threads import beside

from .belt import Belt

_GATHER = 0.1
_BREATH = 0.5
_LARGEST_GROUP = 500
_REPEATED = 20


class LocalRunner:
    """Decodes in `maker.workers` threads, embeds in `maker.lanes`, and leaves the writing to the thread that iterates.

    What is embedded and not yet written would be embedded again after a crash: it is at most a twentieth of what was
    written before, or three batches at the beginning.
    """

    def run(self, maker: Maker, changes: Iterable[Sequence[Change]]) -> Iterator[Sequence[Made]]:
        """Give what became of every change, in order; now and then nothing, so that whoever waits can tell so."""
        given = 0
        with ThreadPoolExecutor(maker.workers, thread_name_prefix="imagora-decode") as pool:
            started = Belt(_started(pool, maker, changes), lambda: maker.batch, "read")
            made = Belt(_embedded(started, maker), lambda: _room(given, maker), "embed")
            try:
                while (groups := made.take(_room(given, maker), patience=_BREATH)) is not None:
                    group = [one for part in groups for one in part]
                    yield group
                    given += len(group)
            finally:
                pool.shutdown(wait=False, cancel_futures=True)
                started.close()
                made.close()


def _room(written: int, maker: Maker) -> int:
    # In parts: as many as are taken to be written can wait on the belt meanwhile, and a batch is being embedded.
    part = maker.batch // _parts(maker)
    return max(1, min(_LARGEST_GROUP // part, (written // _REPEATED - maker.batch) // (2 * part)))


def _parts(maker: Maker) -> int:
    # Two for each lane where there are several: one that has ended need not wait for an older part of another lane.
    return 1 if maker.lanes == 1 else 2 * maker.lanes


def _started(
    pool: ThreadPoolExecutor, maker: Maker, changes: Iterable[Sequence[Change]]
) -> Iterator[tuple[Change, Future[Prepared | Made]]]:
    for group in changes:
        for change in group:
            yield change, pool.submit(maker.prepare, change)


def _embedded(started: Belt[tuple[Change, Future[Prepared | Made]]], maker: Maker) -> Iterator[list[Made]]:
    # A part is not waited for: what is there after a moment is embedded, and while it is, more comes together.
    under_way: deque[Future[list[Made]]] = deque()
    with ThreadPoolExecutor(maker.lanes, thread_name_prefix="imagora-lane") as lanes:
        while (part := started.take(maker.batch // _parts(maker), gather=_GATHER)) is not None:
            under_way.append(lanes.submit(_embed, maker, part))
            if len(under_way) == _parts(maker):
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()


def _embed(maker: Maker, part: Sequence[tuple[Change, Future[Prepared | Made]]]) -> list[Made]:
    beside.set(maker.lanes)
    results = [(change, future.result()) for change, future in part]
    embedded = iter(maker.embed([(change, one) for change, one in results if isinstance(one, Prepared)]))
    return [one if isinstance(one, Made) else next(embedded) for _, one in results]
