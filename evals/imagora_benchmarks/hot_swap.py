"""Recipes are exchanged while they answer: no query fails, and every answer is of exactly one recipe.

    python -m imagora_benchmarks.hot_swap [--swaps 50] [--broken 10] [--callers 8] [--json]

A router has one place, an embedded index and the starter's models. Callers ask it without a pause; meanwhile the recipe
is exchanged between two that find different numbers of passages and ask for other words in the prompt. Some of the
exchanges are for broken recipes, of five kinds in turn, and must be refused. What is counted: queries that failed,
answers that mix two recipes (the recipe's hash says one, and the number of passages another), answers of a recipe that
had been exchanged before the query began, broken recipes that were taken, good ones that were refused. Exit code 1
where any of them is not 0.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import statistics
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import imagora
from imagora.errors import ImagoraError
from imagora_recipe.check import check
from rich.console import Console
from rich.table import Table

PASSAGES = {"few": 3, "many": 7}
RECIPE = """
recipe: 1
extends: starter
index: {{path: {folder}/index}}
retriever: {{top_k: {passages}}}
prompt: {{passages: {passages}, instructions: "Answer from {passages} passages."}}
"""
BROKEN = (
    "recipe: 1\nextends: starter\nretriever: {use: hybird}\n",
    "recipe: 1\nextends: nobody\n",
    "recipe: [1\n",
    "recipe: 1\nextends: starter\nindex: {path: FOLDER/nowhere}\n",
    "recipe: 1\nextends: starter\nindex: {path: FOLDER/index}\nembedders: {text: {use: early_fusion}}\n",
)
WORDS = ("something to drink", "an animal", "a red thing", "what is there to ride?", "a small blue box", "fruit")


@dataclass
class Outcome:
    """What was counted, and how long queries took, in milliseconds."""

    swaps: int = 0
    refused: int = 0
    queries: int = 0
    failed: list[str] = field(default_factory=list)
    mixed: int = 0
    stale: int = 0
    broken_taken: int = 0
    good_refused: list[str] = field(default_factory=list)
    milliseconds: dict[str, float] = field(default_factory=dict)

    @property
    def is_clean(self) -> bool:
        """Whether nothing happened that must not."""
        return not (self.failed or self.mixed or self.stale or self.broken_taken or self.good_refused)


class Trial:
    """One router under load; `run` exchanges its recipe again and again."""

    def __init__(self, folder: Path, callers: int, seed: int) -> None:
        self.folder, self.callers = folder, callers
        self.random = random.Random(seed)  # noqa: S311 - a seeded trial, no secret
        self.outcome = Outcome()
        self.seconds: list[float] = []
        self.files = {name: folder / f"{name}.yaml" for name in PASSAGES}
        for name, passages in PASSAGES.items():
            self.files[name].write_text(RECIPE.format(folder=folder, passages=passages), "utf-8")
        self.router = imagora.Router(imagora.RouterPlan.model_validate({"recipes": {"shop": self.files["few"]}}))
        self.passages = {self.router.pipeline("shop").plan.hash: PASSAGES["few"]}
        self.in_place = [self.router.pipeline("shop").plan.hash]
        self.coming: str | None = None
        self.ended = False

    async def run(self, swaps: int, broken: int) -> Outcome:
        """Let callers ask while the recipe is exchanged, and count."""
        await self.router.aask(WORDS[0])  # loads the models
        calling = [asyncio.ensure_future(self._call()) for _ in range(self.callers)]
        await asyncio.sleep(0.5)
        before = len(self.seconds)
        is_broken = [number < broken for number in range(swaps)]
        self.random.shuffle(is_broken)
        kinds = iter(BROKEN * swaps)
        for number, bad in enumerate(is_broken):
            await (self._try_broken(next(kinds)) if bad else self._swap(("many", "few")[number % 2]))
            await asyncio.sleep(self.random.uniform(0, 0.05))
        self.ended = True
        await asyncio.gather(*calling)
        self.outcome.queries = len(self.seconds)
        for name, taken in (("before", self.seconds[:before]), ("while swapping", self.seconds[before:])):
            ordered = sorted(taken) or [0.0]
            self.outcome.milliseconds[f"p50 {name}"] = statistics.median(ordered) * 1000
            self.outcome.milliseconds[f"p95 {name}"] = ordered[int(len(ordered) * 0.95)] * 1000
        await asyncio.to_thread(self.router.close)
        return self.outcome

    async def _call(self) -> None:
        while not self.ended:
            begun = len(self.in_place) - 1
            started = time.perf_counter()
            try:
                answer = await self.router.aask(self.random.choice(WORDS))
            except Exception as error:  # whatever it is, it is a failed query
                self.outcome.failed.append(f"{type(error).__name__}: {error}")
                continue
            finally:
                self.seconds.append(time.perf_counter() - started)
            self.outcome.mixed += len(answer.passages) != self.passages.get(answer.recipe_hash)
            # The one that was in place when the query began, or one that came while it was under way.
            self.outcome.stale += answer.recipe_hash not in (*self.in_place[begun:], self.coming)

    async def _swap(self, name: str) -> None:
        self.outcome.swaps += 1
        self.coming = check(self.files[name]).hash
        self.passages[self.coming] = PASSAGES[name]
        try:
            await self.router.areload("shop", self.files[name])
        except ImagoraError as error:
            self.outcome.good_refused.append(str(error))
        self.in_place.append(self.router.pipeline("shop").plan.hash)
        self.coming = None

    async def _try_broken(self, text: str) -> None:
        self.outcome.swaps += 1
        file = self.folder / "broken.yaml"
        file.write_text(text.replace("FOLDER", str(self.folder)), "utf-8")
        try:
            await self.router.areload("shop", file)
            self.outcome.broken_taken += 1
        except ImagoraError:
            self.outcome.refused += 1


def fill(folder: Path, items: int) -> None:
    """Ingest small texts into the index that both recipes share."""
    source = folder / "items"
    source.mkdir()
    for number in range(items):
        words = WORDS[number % len(WORDS)]
        (source / f"{number}.txt").write_text(f"Number {number}: {words}, and more of it.", "utf-8")
    file = folder / "fill.yaml"
    file.write_text(RECIPE.format(folder=folder, passages=3), "utf-8")
    with imagora.load(file) as pipeline:
        pipeline.ingest(source)


def measured(folder: Path, swaps: int, broken: int, callers: int, seed: int = 1) -> Outcome:
    """Fill an index in a folder, and exchange recipes over it."""
    fill(folder, 60)
    return asyncio.run(Trial(folder, callers, seed).run(swaps, broken))


def _shown(outcome: Outcome) -> Table:
    table = Table("what", "how often", title="recipes exchanged under load", box=None)
    for name, value in asdict(outcome).items():
        if name != "milliseconds":
            table.add_row(name.replace("_", " "), str(len(value) if isinstance(value, list) else value))
    for name, milliseconds in outcome.milliseconds.items():
        table.add_row(f"{name}, ms", f"{milliseconds:.1f}")
    return table


def main() -> int:
    """Run it and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--swaps", type=int, default=50)
    parser.add_argument("--broken", type=int, default=10)
    parser.add_argument("--callers", type=int, default=8)
    parser.add_argument("--json", action="store_true")
    said: Any = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        outcome = measured(Path(folder), said.swaps, said.broken, said.callers)
    if said.json:
        print(json.dumps(asdict(outcome), indent=2))
    else:
        Console().print(_shown(outcome))
    for why in (*outcome.failed, *outcome.good_refused)[:5]:
        print(why, file=sys.stderr)
    return 0 if outcome.is_clean else 1


if __name__ == "__main__":
    sys.exit(main())
