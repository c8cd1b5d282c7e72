"""Evals: suites of queries with judgements, metrics, comparisons and gates, as commands of `imagora`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import imagora

if TYPE_CHECKING:
    import typer

imagora_api = ">=1.0,<2"


def _bench() -> typer.Typer:
    from .benching.command import app

    return app


def _eval() -> typer.Typer:
    from .commands import app

    return app


def _compare() -> typer.Typer:
    from .comparing.command import app

    return app


def _plan() -> typer.Typer:
    from .planning.command import app

    return app


def _sweep() -> typer.Typer:
    from .sweeping.command import app

    return app


@imagora.hookimpl
def offer_commands() -> list[imagora.Command]:
    """Offer what measures a recipe."""
    return [
        imagora.Command("bench", "Ask a recipe a suite's queries under load: percentiles, throughput, errors.", _bench),
        imagora.Command("eval", "Ask a recipe the queries of a suite, and score what comes back.", _eval),
        imagora.Command("compare", "Say which of two recipes is better on a suite, if that is certain.", _compare),
        imagora.Command("plan", "Say what a recipe needs of machines for so many items and queries.", _plan),
        imagora.Command("sweep", "Try values of a recipe's options, and write the chosen ones as a recipe.", _sweep),
    ]
