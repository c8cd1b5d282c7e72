"""What helps a plugin's author: `imagora plugin new`, `imagora plugin update` and `imagora plugin test`."""

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
    """Offer `imagora plugin`."""
    return [imagora.Command(name="plugin", summary="Begin a plugin, test it, and bring it up to date.", app=_app)]
