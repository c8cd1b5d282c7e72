"""The command `imagora doctor`: whether this machine, and all that a recipe uses, is in order, and what to mend."""

from __future__ import annotations

from typing import TYPE_CHECKING

import imagora

if TYPE_CHECKING:
    import typer

imagora_api = ">=1.0,<2"


def _app() -> typer.Typer:
    from .command import app

    return app


@imagora.hookimpl
def offer_commands() -> list[imagora.Command]:
    """Offer `imagora doctor`."""
    summary = "Look at this machine, and at all that a recipe uses: models, servers, settings; say what to mend."
    return [imagora.Command(name="doctor", summary=summary, app=_app)]
