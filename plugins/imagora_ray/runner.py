"""The runner of the engine `ray`: the threads between a source that may block and a stream of batches."""

from __future__ import annotations

import pickle
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from functools import partial

from imagora.errors import StageError
from imagora.runner import Change, Made, Maker

from .carrying import Sent, sendable, unpacked
from .cluster import running_cluster
from .options import RayOptions
from .stream import Broken, Stream

_GATHER = 0.1
_BREATH = 0.5
_PATIENCE = 10.0
_READERS = 8
_BATCHES_A_WORKER = 4


class RayRunner:
    """Sends batches of changes to workers on Ray Data; building it imports nothing and starts nothing."""

    def __init__(self, options: RayOptions) -> None:
        self._options = options

    def run(self, maker: Maker, changes: Iterable[Sequence[Change]]) -> Iterator[Sequence[Made]]:
        """Give what became of every change, in order; now and then nothing, so that whoever waits can tell so."""
        # Preparers that need the source's order keep what they saw in the process that they are in.
        workers = 1 if maker.ordered else self._options.workers
        packed = _packed(maker)
        with running_cluster(self._options) as here:
            stream = Stream(self._options, workers, packed, one_by_one=maker.ordered)
            read_files = not (here or self._options.shared_files)
            block = self._options.block or _BATCHES_A_WORKER * workers * maker.batch
            with closing(
                _Traffic(stream, changes, (maker.batch, block, 2 * workers), read_files=read_files)
            ) as traffic:
                yield from traffic.made()


class _Traffic:
    """Three threads: one takes changes from the source, one sends them, one takes what comes back.

    limits: changes in a batch, changes that are held at once, batches that are sent and not back.
    """

    def __init__(
        self, stream: Stream, changes: Iterable[Sequence[Change]], limits: tuple[int, int, int], *, read_files: bool
    ) -> None:
        self._stream, self._changes, self._read_files = stream, changes, read_files
        self._batch, self._block, self._most_sent = limits
        self._moved = threading.Condition()
        self._held = 0
        self._waiting: deque[Change] = deque()
        self._sent: deque[Sent] = deque()
        self._made: deque[list[Made]] = deque()
        self._all_taken = self._over = self._stopped = False
        self._errors: list[BaseException] = []
        self._threads = [
            threading.Thread(target=work, name=f"imagora-ray-{work.__name__.strip('_')}", daemon=True)
            for work in (self._take, self._send, self._receive)
        ]

    def made(self) -> Iterator[list[Made]]:
        """Give what comes back, and at its end raise the error that was the first, if there was one."""
        for thread in self._threads:
            thread.start()
        while True:
            with self._moved:
                self._moved.wait_for(lambda: self._made or self._over, _BREATH)
                group = [one for batch in self._made for one in batch]
                self._made.clear()
                over = self._over and not group
            if over:
                break
            yield group
            with self._moved:
                self._held -= len(group)
                self._moved.notify_all()
        if self._errors:
            raise self._errors[0]

    def close(self) -> None:
        """End the work; a source that does not come back is not waited for."""
        with self._moved:
            self._stopped = True
            self._moved.notify_all()
        self._stream.close()
        for thread in self._threads[1:]:
            if thread.ident is not None:
                thread.join(_PATIENCE)

    def _take(self) -> None:
        try:
            for group in self._changes:
                with self._moved:
                    self._held += len(group)
                    self._waiting.extend(group)
                    self._moved.notify_all()
                    self._moved.wait_for(lambda: self._stopped or self._held < self._block)
                    if self._stopped:
                        return
        except BaseException as error:
            self._errors.append(error)
        finally:
            with self._moved:
                self._all_taken = True
                self._moved.notify_all()

    def _send(self) -> None:
        try:
            with ThreadPoolExecutor(_READERS, thread_name_prefix="imagora-ray-read") as readers:
                while batch := self._next_batch():
                    sent = list(readers.map(partial(sendable, read_files=self._read_files), batch))
                    refused = {place: one for place, one in enumerate(sent) if isinstance(one, Made)}
                    with self._moved:
                        self._sent.append(Sent(batch, refused))
                    going = [one for one in sent if isinstance(one, Change)]
                    self._stream.put(pickle.dumps(going, pickle.HIGHEST_PROTOCOL))
        except BaseException as error:
            self._errors.append(error)
        finally:
            with suppress(Exception):  # what is behind it has ended, and says why
                self._stream.put(None)

    def _next_batch(self) -> list[Change]:
        with self._moved:
            self._moved.wait_for(
                lambda: self._stopped or ((self._waiting or self._all_taken) and len(self._sent) < self._most_sent)
            )
            # What comes within a moment goes together; nothing is held back for longer.
            self._moved.wait_for(lambda: self._stopped or self._all_taken or len(self._waiting) >= self._batch, _GATHER)
            if self._stopped:
                return []
            return [self._waiting.popleft() for _ in range(min(self._batch, len(self._waiting)))]

    def _receive(self) -> None:
        try:
            for data in self._stream.results():
                made = self._sent[0].joined(unpacked(data))
                with self._moved:
                    self._sent.popleft()
                    self._made.append(made)
                    self._moved.notify_all()
            with self._moved:
                self._over = True
                self._moved.notify_all()
        except Broken as broken:
            uris = [change.item.uri for sent in self._sent for change in sent.changes]
            where = f", at one of '{uris[0]}' to '{uris[-1]}'" if uris else ""
            self._fail(StageError(f"{broken}{where}"))
        except BaseException as error:
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        with self._moved:
            self._errors.append(error)
            self._over = self._stopped = True
            self._moved.notify_all()


def _packed(maker: Maker) -> bytes:
    try:
        return pickle.dumps(maker, pickle.HIGHEST_PROTOCOL)
    except Exception as error:  # a stranger's options may hold anything
        raise StageError(f"the recipe's stages cannot be sent to another process: {error}") from error
