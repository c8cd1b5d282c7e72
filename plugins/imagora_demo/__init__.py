"""The command `imagora demo`: a small gallery of real photographs, found by words and by pictures."""

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
    """Offer `imagora demo`."""
    summary = "Make a small gallery of photographs, ask it four questions and write a page to look at."
    return [imagora.Command(name="demo", summary=summary, app=_app)]
