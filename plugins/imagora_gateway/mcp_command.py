"""`imagora mcp`: recipes as tools for an assistant that starts this program and speaks over stdin and stdout."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from imagora.cli.opening import Profile
from imagora.errors import MissingExtra

app = typer.Typer(add_completion=False)


@app.command()
def mcp(
    recipes: Annotated[
        list[str],
        typer.Argument(metavar="RECIPE…", help="A shipped recipe's name or a file, or NAME=FILE to call it so; more."),
    ],
    profile: Profile = None,
    folder: Annotated[Path, typer.Option(help="Where the gateway keeps its records.")] = Path(".imagora/gateway"),
) -> None:
    """Offer recipes as tools over MCP: search, ask, and a look at a picture. The log goes to stderr.

    Over HTTP, `imagora serve` has the same tools at /mcp.
    """
    import asyncio

    from .settings import Settings

    settings = Settings(recipes=tuple(recipes), profile=profile, folder=folder)
    try:
        from . import logs
        from .caller import LOOPBACK
        from .making import make_gateway, opened
        from .tools import mcp_server
    except ImportError as missing:
        what = f"the gateway needs '{missing.name}', which is not installed; type: pip install 'imagora[gateway]'"
        raise MissingExtra(what) from missing
    from .recipes import checked

    checked(settings.recipes, profile)
    logs.configure()

    async def run() -> None:
        gateway = make_gateway(settings)
        async with opened(gateway):
            await mcp_server(gateway, local=LOOPBACK).run_stdio_async()

    asyncio.run(run())
