"""Evals: suites of queries with judgements, metrics, comparisons and gates, as commands of `imagora`."""

from __future__ import annotations

import imagora

imagora_api = ">=1.0,<2"


@imagora.hookimpl
def offer_commands() -> list[imagora.Command]:
    """Offer what measures a recipe."""
    return []
