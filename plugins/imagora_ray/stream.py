"""One stream of batches through Ray Data that lasts for a whole run, so that the workers load their stages once.

A dataset of its own for every group of changes would start new workers, and load weights, each time. Here one dataset
has one row to begin with; from it, a task gives the batches that come through a queue, for as long as there are any.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, cast

from .options import RayOptions
from .working import Worker, feed

_TRIES_AGAIN = 2


class Broken(Exception):
    """The stream broke off, and why."""


class Stream:
    """Batches go in with `put`, and their results come out of `results` in the same order.

    one_by_one: a worker also has them in this order; of two that are on their way to it, the later one may be first.
    """

    def __init__(self, options: RayOptions, workers: int, maker: bytes, *, one_by_one: bool = False) -> None:
        import ray.data
        from ray.util.annotations import RayDeprecationWarning
        from ray.util.queue import Queue

        here = ray.get_runtime_context().get_node_id()
        on_this_machine = {"scheduling_strategy": _on_node(here)}
        self._queue = Queue(actor_options={"num_cpus": 0, **on_this_machine})
        with ray.data.DataContext.current(_context()), warnings.catch_warnings():
            # How often Ray tries again can be said in this way only, which it has until 2.64; so has our `ray` extra.
            warnings.simplefilter("ignore", RayDeprecationWarning)
            fed: Any = ray.data.from_items([{"start": 0}], override_num_blocks=1).map_batches(
                cast("Any", feed),
                fn_args=(self._queue,),
                batch_size=None,
                num_cpus=0,
                max_retries=0,  # one that was started again would not know what it gave before
                **on_this_machine,
            )
            self._made = fed.map_batches(
                Worker,
                fn_constructor_args=(maker,),
                batch_size=1,
                batch_format="pyarrow",
                compute=ray.data.ActorPoolStrategy(size=workers, max_tasks_in_flight_per_actor=1 if one_by_one else 2),
                num_cpus=options.cpus,
                num_gpus=options.gpus or None,
                max_restarts=-1,
                max_task_retries=_TRIES_AGAIN,
            )

    def put(self, batch: bytes | None) -> None:
        """Send a batch, None for the end."""
        self._queue.put(batch)

    def results(self) -> Iterator[bytes]:
        """Give what the workers made of each batch, until the end; raise Broken where Ray gives up."""
        try:
            for rows in self._made.iter_batches(batch_size=None, prefetch_batches=0, batch_format="pyarrow"):
                yield from rows["made"].to_pylist()
        except Exception as error:  # Ray's own errors have no family of their own
            raise Broken(_words(error)) from None

    def close(self) -> None:
        """End the work, which ends `results`, too."""
        with suppress(Exception):  # the cluster may be gone
            self._queue.shutdown(force=True)


def _context() -> Any:
    """Give Ray Data's settings for a stream: in order, each row at once, and nothing on the terminal."""
    from ray.data import DataContext

    context = DataContext.get_current().copy()
    context.execution_options.preserve_order = True
    context.target_max_block_size = 1  # bytes: rows are not gathered to blocks, for the next one may take hours
    context.enable_progress_bars = False
    context.enable_auto_log_stats = False
    context.print_on_execution_start = False
    return context


def _on_node(node: str) -> Any:
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    return NodeAffinitySchedulingStrategy(node, soft=False)


def _words(error: Exception) -> str:
    from ray.exceptions import RayActorError

    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, RayActorError):
        cause = cause.__cause__
    if cause is not None:
        return f"a worker of ray died, also after {_TRIES_AGAIN + 1} tries (was it out of memory?)"
    first = (str(error).strip().splitlines() or [""])[0]
    return f"ray gave up: {type(error).__name__}: {first}"
