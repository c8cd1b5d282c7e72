"""What gathering calls gives: 32 callers at once, with and without it, in turn, on the same cores and the same models.

    python -m imagora_benchmarks.batching [--callers 32] [--calls 20] [--rounds 5]

Each caller is a thread that embeds one query after the other, through an embedder as a recipe builds it: with
`batching` as usual, and with `batching: off`. Words and pictures are embedded by themselves, so that it is seen what
gathering does and not how long the rest of a query takes. The embedders are `sentence_transformers` with MiniLM, as it
ships (on torch) and on ONNX Runtime in 8 bits, and the starter. A lone caller's median is compared call by call. Rounds
take turns, and the ratio is of the medians of their throughputs. On a busy machine only the processor's time of a call
is to be trusted: there many threads get a larger share of the cores than one.

Exit code 1 where the throughput of `sentence_transformers` is less than 2.5 times as high, or a lone caller's median
more than 1.05 times as long. The starter has no bound on its throughput: apart, its calls keep all cores at arithmetic,
of which there is as much when they go together.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any

from imagora import BuildContext
from imagora.assembly import build
from imagora_recipe.check import planned
from PIL import Image
from rich.console import Console
from rich.table import Table

from .cross_training import unpacked
from .sentences import questions

LEAST, LONGEST = 2.5, 1.05
LONE_CALLS = 200
SIDES: dict[str, dict[str, Any]] = {"apart": {"batching": "off"}, "gathered": {}}
Call = Callable[[int], Any]


def main() -> int:
    """Measure, print the table, and give the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--callers", type=int, default=32)
    parser.add_argument("--calls", type=int, default=20, help="Calls of each caller in a round.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=0, help="Threads of one model call; 0: as the recipe's default.")
    arguments = parser.parse_args()
    table = Table("what", "apart", "gathered", "ratio", "bound", box=None)
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        cases = _cases(unpacked(Path(folder) / "beside"), arguments.threads)
    for what, (sides, bounded) in cases.items():
        rates, costs = together(sides, arguments.callers, arguments.calls, arguments.rounds)
        ratio = rates["gathered"] / rates["apart"]
        shown = [f"{rates[name]:.0f} a second" for name in ("apart", "gathered")]
        table.add_row(f"{what}: {arguments.callers} callers", *shown, f"{ratio:.2f}", f"≥ {LEAST}" if bounded else "")
        shown = [f"{costs[name]:.2f} ms" for name in ("apart", "gathered")]
        table.add_row("  processor time of a call", *shown, f"{costs['apart'] / costs['gathered']:.2f}", "")
        alone = one_by_one(sides)
        longer = alone["gathered"] / alone["apart"]
        shown = [f"{alone[name]:.2f} ms" for name in ("apart", "gathered")]
        table.add_row("  one caller, median", *shown, f"{longer:.3f}", f"≤ {LONGEST}")
        failed |= longer > LONGEST or (bounded and ratio < LEAST)
    Console().print(table)
    return int(failed)


def _cases(minilm: Path, threads: int) -> dict[str, tuple[dict[str, Call], bool]]:
    """Give what is called apart and gathered, and whether its throughput has a bound; all models are loaded."""
    library = {"use": "sentence_transformers", "model": str(minilm)}
    cases: dict[str, tuple[dict[str, Any], Callable[[Any], Call], bool]] = {
        "words, torch": (library, _words, True),
        "words, 8 bits": ({**library, "backend": "onnx-int8"}, _words, False),
        "words, starter": ({"use": "starter", "threads": threads}, _words, False),
        "pictures, starter": ({"use": "starter", "threads": threads}, _pictures, False),
    }
    made = {}
    for what, (said, calls, bounded) in cases.items():
        made[what] = ({name: calls(_built({**said, **more})) for name, more in SIDES.items()}, bounded)
        for call in made[what][0].values():
            call(0)
    return made


def _built(said: dict[str, Any]) -> Any:
    return build(planned("embedder", said), BuildContext("benchmark"))


def together(sides: dict[str, Call], callers: int, calls: int, rounds: int) -> tuple[dict[str, float], ...]:
    """Give calls a second of many callers at once, and the processor's milliseconds of a call: medians of the rounds.

    The first round is not counted.
    """
    rates: dict[str, list[float]] = {name: [] for name in sides}
    costs: dict[str, list[float]] = {name: [] for name in sides}
    with ThreadPoolExecutor(callers) as pool:
        for number in range(rounds + 1):
            for name in sides if number % 2 else reversed(sides):
                call = sides[name]

                def one_after_the_other(caller: int, call: Call = call) -> None:
                    for place in range(calls):
                        call(caller * calls + place)

                clock, processor = time.perf_counter(), time.process_time()
                list(pool.map(one_after_the_other, range(callers)))
                if number:
                    rates[name].append(callers * calls / (time.perf_counter() - clock))
                    costs[name].append(1000 * (time.process_time() - processor) / (callers * calls))
    return tuple({name: statistics.median(found) for name, found in side.items()} for side in (rates, costs))


def one_by_one(sides: dict[str, Call]) -> dict[str, float]:
    """Give the median milliseconds of a caller who is alone, call by call in turn; the first ten are not counted."""
    taken: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(LONE_CALLS + 10):
        for name in sides if number % 2 else reversed(sides):
            started = time.perf_counter()
            sides[name](number)
            taken[name].append(time.perf_counter() - started)
    return {name: 1000 * statistics.median(found[10:]) for name, found in taken.items()}


def _words(stage: Any) -> Call:
    asked = questions()
    return lambda number: stage.get_query_embedding(f"{asked[number % len(asked)]} number {number}")


def _pictures(stage: Any) -> Call:
    drawn = []
    for number in range(8):
        Image.effect_noise((224, 224), 20 + 10 * number).convert("RGB").save(file := BytesIO(), "PNG")
        drawn.append(file.getvalue())
    return lambda number: stage.get_image_embedding(BytesIO(drawn[number % len(drawn)]))


if __name__ == "__main__":
    sys.exit(main())
