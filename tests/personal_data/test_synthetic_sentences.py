"""Personal data in presidio-evaluator's synthetic sentences, found by the guardrail of the recipe `guarded`.

Nothing of that package is here: its sentences are made when this runs. `pytest -s` prints the table.
"""

from __future__ import annotations

import pytest
from imagora_benchmarks import presidio_recall
from rich.console import Console

pytest.importorskip("presidio_evaluator", reason="runs in an environment of its own: tox -e personal-data")

COUNT, SEED = 5000, 1
FEWEST = 35
"""Values of a kind, at least: 0.98 of fewer says little."""


@pytest.fixture(scope="module")
def measured() -> tuple[presidio_recall.Recall, presidio_recall.Recall]:
    shipped, wider = presidio_recall.measure(COUNT, SEED)
    Console().print(presidio_recall.table(shipped, wider))
    return shipped, wider


@pytest.mark.parametrize("kind", presidio_recall.WITH_A_FORM)
def test_values_with_a_form_are_taken_out_whole(
    measured: tuple[presidio_recall.Recall, presidio_recall.Recall], kind: str
) -> None:
    shipped, _ = measured
    assert shipped.values[kind] >= FEWEST
    assert shipped.of(kind) >= presidio_recall.BOUND, shipped.missed[kind]


def test_names_and_places_are_told_and_not_bounded(
    measured: tuple[presidio_recall.Recall, presidio_recall.Recall],
) -> None:
    shipped, wider = measured
    assert all(shipped.values[kind] for kind in presidio_recall.NAMES_AND_PLACES)
    assert shipped.of("GPE") < wider.of("GPE"), "places are looked for where the recipe says so"
    assert shipped.missed["PERSON"], "a measure that finds every name is none"
