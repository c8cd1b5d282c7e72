"""The command `imagora licences`: the licence of every model and package in a recipe, and which are not allowed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import imagora

if TYPE_CHECKING:
    import typer


def _app() -> typer.Typer:
    from .command import app

    return app


imagora_api = ">=1.0,<2"


@imagora.hookimpl
def offer_commands() -> list[imagora.Command]:
    """Offer `imagora licences`."""
    summary = "List the licence of every model, plugin and package in a recipe; refuse those that are not allowed."
    return [imagora.Command(name="licences", summary=summary, app=_app)]
