"""Recipes are exchanged under load, some of them broken, and no query notices; evals/ has the whole of it."""

from __future__ import annotations

from pathlib import Path

from imagora_benchmarks.hot_swap import BROKEN, measured


def test_no_query_fails_and_none_is_of_two_recipes(tmp_path: Path) -> None:
    outcome = measured(tmp_path, swaps=9, broken=len(BROKEN), callers=3)
    assert outcome.is_clean, outcome
    assert (outcome.swaps, outcome.refused) == (9, len(BROKEN))
    assert outcome.queries > 20
