"""What the guardrail `presidio` of the recipe `guarded` finds in the synthetic sentences of presidio-evaluator.

    pip install faker pandas presidio-anonymizer python-dotenv requests tqdm
    pip install --no-deps presidio-evaluator==0.3.2
    python -m imagora_benchmarks.presidio_recall [--sentences N] [--seed N] [--missed]

The sentences are made from that package's templates and values when this runs; only the moments of times of day differ
from run to run. Every sentence with a value that has a form is looked at, and some of the others for names and places.
A value counts as recalled when none of its letters and digits is left: each find is masked character by character,
and the value's place is looked at.

Exit code 1 where a kind with a form is recalled less than `BOUND`.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from imagora.stages import Scope
from imagora_presidio.guardrail import PresidioGuardrail
from imagora_presidio.options import DEFAULT_MODEL, PresidioOptions
from imagora_recipe.extends import shipped_recipes
from rich.console import Console
from rich.table import Table
from ruamel.yaml import YAML

BOUND = 0.98
WITH_A_FORM = ("EMAIL_ADDRESS", "PHONE_NUMBER", "CREDIT_CARD", "IBAN_CODE", "US_SSN", "IP_ADDRESS")
NAMES_AND_PLACES = ("PERSON", "GPE", "STREET_ADDRESS", "ORGANIZATION")
OTHERS = 300
"""How many sentences without a value that has a form are looked at."""
MASK = "\u2588"


@dataclass(frozen=True)
class Sentence:
    """A text and what stands in it: (kind, start, end)."""

    text: str
    values: tuple[tuple[str, int, int], ...]


@dataclass
class Recall:
    """How many values there were of each kind, how many were taken out whole, and the others in their sentences."""

    values: Counter[str] = field(default_factory=Counter)
    whole: Counter[str] = field(default_factory=Counter)
    missed: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def of(self, kind: str) -> float:
        """Give the share of a kind's values that were taken out whole; 0 where there were none."""
        return self.whole[kind] / self.values[kind] if self.values[kind] else 0.0


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sentences", type=int, default=5000, help="how many are made (5000)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--missed", action="store_true", help="print the values with a form that were missed")
    asked = parser.parse_args()
    shipped, wider = measure(asked.sentences, asked.seed)
    Console().print(table(shipped, wider))
    for kind in WITH_A_FORM if asked.missed else ():
        print(*(f"{kind}: {missed}" for missed in shipped.missed[kind]), sep="\n")
    return int(any(shipped.of(kind) < BOUND for kind in WITH_A_FORM))


def measure(count: int, seed: int) -> tuple[Recall, Recall]:
    """Give the recall of the guardrail as it ships, and that of one which looks for places and companies, too."""
    made = sentences(count, seed)
    with_form = [one for one in made if any(kind in WITH_A_FORM for kind, _, _ in one.values)]
    others = [one for one in made if one not in with_form][:OTHERS]
    options = shipped_options()
    entities = [*options.entities, "LOCATION", "ORGANIZATION"]
    wider = PresidioOptions.model_validate({**options.model_dump(), "entities": entities})
    return recall(options, [*with_form, *others]), recall(wider, others)


def sentences(count: int, seed: int) -> list[Sentence]:
    """Make sentences with presidio-evaluator, which would tell its progress."""
    with (
        Path(os.devnull).open("w") as nowhere,
        redirect_stdout(nowhere),
        redirect_stderr(nowhere),
    ):  # it tells its progress
        # The module is only there where it was asked for.
        generator: Any = import_module("presidio_evaluator.data_generator")
        extensions: Any = import_module("presidio_evaluator.data_generator.faker_extensions")

        class KnownHospitals(extensions.HospitalProvider):  # type: ignore[misc]  # it has no types here
            def load_wiki_hospitals(self) -> Any:  # the package's own asks Wikidata
                return self.default_list

        providers = [
            KnownHospitals if one is extensions.HospitalProvider else one
            for one in generator.presidio_additional_entity_providers
        ]
        faker = generator.PresidioSentenceFaker(
            "en_US", lower_case_ratio=0.05, entity_providers=providers, random_seed=seed
        )
        made: list[Any] = faker.generate_new_fake_sentences(count)
    found = [
        Sentence(one.full_text, tuple((s.entity_type, s.start_position, s.end_position) for s in one.spans))
        for one in made
    ]
    return list(dict.fromkeys(found))


def shipped_options() -> PresidioOptions:
    """Give the options of the guardrail on passages as the recipe `guarded` says them."""
    (said,) = YAML(typ="safe").load(shipped_recipes()["guarded"])["guardrails"]["passages"]
    return PresidioOptions.model_validate({key: value for key, value in said.items() if key != "use"})


def recall(options: PresidioOptions, texts: Sequence[Sentence]) -> Recall:
    """Look at every text, and count."""
    masks = {entity: {"operator": "mask", "character": MASK} for entity in options.entities}
    masking = PresidioOptions.model_validate({**options.model_dump(), "operators": masks})
    guardrail = PresidioGuardrail(masking, DEFAULT_MODEL)
    verdicts = asyncio.run(guardrail.acheck([one.text for one in texts], "passages", Scope()))
    counted = Recall()
    for one, verdict in zip(texts, verdicts, strict=True):
        for kind, start, end in one.values:
            counted.values[kind] += 1
            if any(left.isalnum() for left in verdict.text[start:end]):
                counted.missed[kind].append(f"{one.text[start:end]!r} in {one.text!r}")
            else:
                counted.whole[kind] += 1
    return counted


def table(shipped: Recall, wider: Recall) -> Table:
    """Make the table: each kind, how many values, and the share that was taken out whole."""
    shown = Table("kind", "values", "as shipped", "with places and companies", title="Taken out whole")
    for kind in _kinds(WITH_A_FORM, shipped):
        shown.add_row(kind, str(shipped.values[kind]), f"{shipped.of(kind):.3f}", "")
    shown.add_section()
    for kind in _kinds(NAMES_AND_PLACES, shipped):
        many = f"{shipped.values[kind]} / {wider.values[kind]}"
        shown.add_row(kind, many, f"{shipped.of(kind):.3f}", f"{wider.of(kind):.3f}")
    return shown


def _kinds(kinds: Iterable[str], counted: Recall) -> list[str]:
    return [kind for kind in kinds if counted.values[kind]]


if __name__ == "__main__":
    sys.exit(main())
