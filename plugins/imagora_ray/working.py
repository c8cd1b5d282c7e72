"""What runs on the cluster: the process that feeds the stream, and the workers that keep the maker."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from .carrying import packed_error, packed_results

if TYPE_CHECKING:
    from imagora.runner import Maker


def feed(_start: Any, queue: Any) -> Iterator[Any]:
    """Give every batch that comes through the queue, as a row of its own, until None comes."""
    while (batch := queue.get()) is not None:
        yield _table("batch", [batch])


class Worker:
    """Makes entries with a maker that it unpacks when first used, and then keeps."""

    def __init__(self, maker: bytes) -> None:
        self._packed = maker
        self._maker: Maker | None = None

    def __call__(self, rows: Any) -> Any:
        """Make each row's batch; an error goes back as data, so that it is raised there as what it is."""
        return _table("made", [self._made(batch) for batch in rows["batch"].to_pylist()])

    def _made(self, batch: bytes) -> bytes:
        try:
            if self._maker is None:
                self._maker = pickle.loads(self._packed)  # noqa: S301 - from the process that ingests
            return packed_results(self._maker(pickle.loads(batch)))  # noqa: S301 - as above
        except Exception as error:
            return packed_error(error)


def _table(name: str, column: list[bytes]) -> Any:
    import pyarrow  # type: ignore[import-untyped] # it has no types

    return pyarrow.table({name: pyarrow.array(column, pyarrow.large_binary())})
