"""What the guardrail `grounding` makes of supported sentences, contradictions and inventions.

    python -m imagora_benchmarks.grounding [--lexical]

Sentences are made by code with a fixed seed, half of them to choose the threshold by, half to judge it; the table is
of the second half, with the starter's text embedder, or with shared words alone. Exit code 1 where a bound is missed:
wrong numbers and names stopped 1.00, supported sentences kept 0.90.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from imagora import Passage
from imagora.stages import Scope
from imagora_grounding.guardrail import GroundingGuardrail
from imagora_grounding.options import GroundingOptions
from llama_index.core.schema import TextNode
from rich.console import Console
from rich.table import Table

KEPT, STOPPED = 0.90, 1.0
THINGS = ("kettle", "lamp", "rucksack", "teapot", "toolbox", "vase", "bottle", "basket", "thermos", "tray")
COLOURS = ("red", "blue", "green", "black", "white", "grey", "orange", "brown")
MATERIALS = ("steel", "oak", "glass", "linen", "copper", "bamboo", "leather", "porcelain")
PLACES = ("Porto", "Krakow", "Ghent", "Turin", "Malmo", "Riga", "Lyon", "Graz")
NAMES = ("Ada Brunn", "Jan Kessler", "Mina Sato", "Luis Prado", "Eva Lind", "Tom Okafor")

PASSAGES = (
    "A {colour} {thing} of {material}. It weighs {weight} g and holds {volume} litres. It was made in {place}.",
    "This {thing} is of {material} and comes in {colour}. Weight: {weight} g. Volume: {volume} l. Origin: {place}.",
    "In {place} this {colour} {thing} is made, out of {material}. With {weight} g it is light; {volume} l fit in.",
)
CLAIMS: dict[str, tuple[str, ...]] = {
    "verbatim": ("A {colour} {thing} of {material}.", "It weighs {weight} g.", "The {thing} holds {volume} litres."),
    "paraphrase": (
        "The weight of the {thing} is {weight} grams.",
        "{volume} litres is what the {thing} can hold.",
        "The {thing} comes from {place}.",
        "Its material is {material}, and its colour is {colour}.",
        "You get a {colour} {thing} that was produced in {place}.",
        "The {thing} is {colour} and consists of {material}.",
        "The scales show {weight} g for the {thing}.",
    ),
    "wrong number": (
        "It weighs {other_weight} g.",
        "The {thing} holds {other_volume} litres.",
        "The weight of the {thing} is {other_weight} grams.",
        "The {thing} holds {volume} litres and weighs {other_weight} g.",
        "The {thing} weighs {weight} kg.",
    ),
    "wrong name": (
        "The {thing} comes from {other_place}.",
        "The {colour} {thing} of {material} was designed by {name}.",
        "It was made in {other_place}.",
    ),
    "wrong word": (
        "The {thing} is made of {other_material}.",
        "The {thing} is {other_colour}.",
        "A {other_colour} {thing} of {other_material}.",
    ),
    "denial": ("The {thing} is not made of {material}.", "It was not made in {place}."),
    "invention": (
        "The {thing} can be washed in the dishwasher.",
        "It comes with a guarantee for life.",
        "The {thing} has won a prize for its design.",
        "Children must not use the {thing} alone.",
        "Delivery is free within the country.",
        "The lid closes by a magnet.",
        "Many customers bought it as a wedding gift.",
        "Elephants are the largest animals on land.",
    ),
}
SUPPORTED = ("verbatim", "paraphrase")


@dataclass(frozen=True)
class Said:
    """A sentence of an answer about a passage, and of what kind it is."""

    kind: str
    sentence: str
    passages: tuple[Passage, ...]


def sentences(count: int = 350, seed: int = 0) -> list[Said]:
    """Make sentences of every kind alike; each is about the first of three passages."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    kinds = sorted(CLAIMS)
    made = []
    for number in range(count):
        kind = kinds[number % len(kinds)]
        facts = [_facts(chance) for _ in range(3)]
        passages = tuple(_passage(chance.choice(PASSAGES), one, n) for n, one in enumerate(facts))
        sentence = chance.choice(CLAIMS[kind]).format(**facts[0])
        made.append(Said(kind, f"{sentence[:-1]} [1].", passages))
    return made


def _facts(chance: random.Random) -> dict[str, str]:
    weight, volume = chance.randrange(110, 1900), chance.randrange(11, 99) / 10
    (material, other_material), (colour, other_colour) = chance.sample(MATERIALS, 2), chance.sample(COLOURS, 2)
    place, other_place = chance.sample(PLACES, 2)
    return {
        "thing": chance.choice(THINGS),
        "colour": colour,
        "other_colour": other_colour,
        "material": material,
        "other_material": other_material,
        "place": place,
        "other_place": other_place,
        "name": chance.choice(NAMES),
        "weight": str(weight),
        "other_weight": str(weight + chance.choice((-100, -9, 7, 90, 1000))),
        "volume": str(volume),
        "other_volume": str(round(volume + chance.choice((0.5, 1.3, 10)), 1)),
    }


def _passage(template: str, facts: dict[str, str], number: int) -> Passage:
    title = f"{facts['colour'].capitalize()} {facts['thing']}"
    return Passage(node=TextNode(id_=str(number), text=template.format(**facts), metadata={"title": title}), score=1.0)


def stopped(said: Sequence[Said], embedder: Any = None, threshold: float | None = None) -> list[bool]:
    """Say of each sentence whether the guardrail stops it."""
    stage = GroundingGuardrail(GroundingOptions(action="refuse", threshold=threshold), embedder)

    async def ask() -> list[bool]:
        return [
            (await stage.acheck([one.sentence], "answer", Scope(passages=one.passages)))[0].action != "pass"
            for one in said
        ]

    return asyncio.run(ask())


def shares(said: Sequence[Said], found: Sequence[bool]) -> dict[str, float]:
    """Give the share of each kind that was stopped."""
    groups: dict[str, list[bool]] = defaultdict(list)
    for one, hit in zip(said, found, strict=True):
        groups[one.kind].append(hit)
    return {kind: sum(hits) / len(hits) for kind, hits in groups.items()}


def starter_embedder() -> Any:
    """Give the starter's text embedder."""
    from imagora.assembly import assemble
    from imagora_recipe.check import check

    return assemble(check("starter")).embedders["text"]


def main() -> int:
    """Measure, print the table, and give the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--lexical", action="store_true", help="without an embedder")
    parser.add_argument("--thresholds", action="store_true", help="compare thresholds, on the half for choosing")
    arguments = parser.parse_args()
    embedder = None if arguments.lexical else starter_embedder()
    console = Console()
    if arguments.thresholds:
        for step in (7, 8, 9, 10, 11):
            told = shares(sentences(seed=1), stopped(sentences(seed=1), embedder, step / 20))
            console.print(step / 20, {kind: round(share, 2) for kind, share in told.items()})
        return 0
    said = sentences(seed=2)
    told = shares(said, stopped(said, embedder))
    table = Table("sentence", "stopped", "should be")
    for kind, share in sorted(told.items(), key=lambda pair: pair[1]):
        table.add_row(kind, f"{share:.2f}", "0" if kind in SUPPORTED else "1")
    console.print(table)
    kept = all(told[kind] <= 1 - KEPT for kind in SUPPORTED)
    return int(not (kept and told["wrong number"] >= STOPPED and told["wrong name"] >= STOPPED))


if __name__ == "__main__":
    sys.exit(main())
