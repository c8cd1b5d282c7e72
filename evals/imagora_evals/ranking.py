"""Metrics of a ranking, by ir-measures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from imagora.errors import MissingExtra, did_you_mean

_FAMILIES = ("AP", "AP@10", "P@5", "R@1", "R@5", "R@10", "RR", "Success@1", "nDCG", "nDCG@5", "nDCG@10")
"""Examples of what there is; any number may stand behind the @."""
PIP_LINE = "pip install 'imagora[evals]'"


@cache
def measure_of(name: str) -> Any:
    """Give the measure of a name such as `nDCG@10`; raise ValueError for what is none."""
    try:
        import ir_measures
    except ImportError as error:
        raise MissingExtra(f"metrics need the package 'ir-measures'; type: {PIP_LINE}") from error
    try:
        measure = ir_measures.parse_measure(name)
    except (NameError, ValueError, SyntaxError, TypeError):
        measure = None
    if measure is None or not ir_measures.pytrec_eval.supports(measure):
        raise ValueError(f"there is no metric '{name}'{did_you_mean(name, _FAMILIES)}")
    return measure


def measured(names: Sequence[str], grades: Mapping[str, int], ranking: Sequence[str]) -> dict[str, float]:
    """Give each metric of one ranking, best first; nothing where no item is relevant, for then none is defined."""
    import ir_measures

    if not any(grades.values()):
        return {}
    # Places instead of scores: rerankers may give equal ones, and the order is what a user sees.
    places = {uri: float(len(ranking) - place) for place, uri in enumerate(ranking)}
    by_measure = {measure_of(name): name for name in names}
    found = ir_measures.iter_calc(list(by_measure), {"q": dict(grades)}, {"q": places})
    values = {by_measure[one.measure]: float(one.value) for one in found}
    return {name: values[name] for name in names}
