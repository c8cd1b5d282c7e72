"""What a process of its own adds to a call: the same components here and isolated, call by call, in turn.

    python -m imagora_benchmarks.isolation_overhead [--calls 400]

`bm25` gives a sparse vector of a question in some hundredths of a millisecond, so that what is left is the way there
and back; `starter` gives 384 numbers, and with a picture some 10 kB go there. Copying is measured by itself: packing
and reading the same call and answer, without another process. Exit code 1 where the median of what is added beyond
that is over 1 ms.
"""

from __future__ import annotations

import argparse
import io
import statistics
import sys
import time
from collections.abc import Callable
from io import BytesIO
from typing import Any

from imagora import BuildContext
from imagora.assembly import build
from imagora_isolation.wire import packed, read_frame
from imagora_recipe.check import planned
from PIL import Image
from rich.console import Console
from rich.table import Table

BOUND_MS = 1.0
WORDS = "Is there a picture of a red motorcycle with a black seat?"


def picture() -> bytes:
    """Draw a picture of some 10 kB."""
    drawn = Image.effect_noise((96, 96), 60).convert("RGB")
    drawn.save(file := BytesIO(), "PNG")
    return file.getvalue()


def cases() -> list[tuple[str, str, str, Any]]:
    """Give what is called: its name, the component, the method, and what it is called with."""
    return [
        ("words to terms", "bm25", "embed_query", WORDS),
        ("words to 384 numbers", "starter", "get_query_embedding", WORDS),
        ("a picture to 384 numbers", "starter", "get_image_embedding", picture()),
    ]


def measured(use: str, method: str, argument: Any, calls: int) -> dict[str, float]:
    """Give milliseconds a call, as medians: here, there, of copying, and what is added beyond it."""
    here, there = (build(planned("embedder", {"use": use, **more}), BuildContext("r")) for more in ({}, _APART))
    given = BytesIO if isinstance(argument, bytes) else str
    sides = {"here": getattr(here, method), "there": getattr(there, method)}
    taken: dict[str, list[float]] = {"here": [], "there": [], "copying": []}
    vector = sides["here"](given(argument))
    call = {"id": 1, "method": method, "arguments": [argument], "scope": None}

    def copy() -> None:
        for message in (call, {"id": 1, "given": vector}):
            read_frame(io.BytesIO(packed(message)).read)

    for number in range(calls + 20):
        for name in ("here", "there") if number % 2 else ("there", "here"):
            taken[name].append(_milliseconds(lambda name=name: sides[name](given(argument))))  # type: ignore[misc]  # mypy drops defaults in lambdas
        taken["copying"].append(_milliseconds(copy))
    kept = {name: values[20:] for name, values in taken.items()}
    there.close()
    pairs = zip(kept["here"], kept["there"], kept["copying"], strict=True)
    added = sorted(far - near - copying for near, far, copying in pairs)
    medians = {name: statistics.median(values) for name, values in kept.items()}
    return {**medians, "added": statistics.median(added), "added, p95": added[int(len(added) * 0.95)]}


_APART = {"isolate": "process"}


def _milliseconds(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return (time.perf_counter() - started) * 1000


def main() -> int:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=400)
    calls = parser.parse_args().calls
    table = Table("a call", "here", "there", "copying", "added", "added, p95", title="milliseconds", box=None)
    worst = 0.0
    for what, use, method, argument in cases():
        figures = measured(use, method, argument, calls)
        worst = max(worst, figures["added"])
        table.add_row(what, *(f"{figures[name]:.3f}" for name in ("here", "there", "copying", "added", "added, p95")))
    Console().print(table)
    return 0 if worst <= BOUND_MS else 1


if __name__ == "__main__":
    sys.exit(main())
