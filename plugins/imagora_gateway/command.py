"""`imagora serve`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer
from imagora.cli.opening import Profile
from imagora.errors import MissingExtra, QueryError

app = typer.Typer(add_completion=False)


@app.command()
def serve(  # noqa: PLR0913, PLR0917 - a command's parameters are its options
    context: typer.Context,
    recipes: Annotated[
        list[str],
        typer.Argument(metavar="RECIPE…", help="A shipped recipe's name or a file, or NAME=FILE to call it so; more."),
    ],
    host: Annotated[str, typer.Option(help="The address to listen at; one that others reach needs authentication.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(min=0, max=65_535, help="The port to listen at; 0 takes a free one.")] = 8017,
    profile: Profile = None,
    workers: Annotated[int, typer.Option(min=1, max=64, help="How many processes answer.")] = 1,
    folder: Annotated[Path, typer.Option(help="Where feedback and other records are kept.")] = Path(".imagora/gateway"),
    page: Annotated[bool, typer.Option(help="Whether there is a page for people.")] = True,
    settings_file: Annotated[
        Path | None,
        typer.Option("--settings", metavar="FILE", help="A YAML file with more: keys, tokens, rates, bounds."),
    ] = None,
) -> None:
    """Serve recipes: each is a model for OpenAI's clients, and has doors of our own.

    SIGTERM lets answers under way end; SIGHUP reads the recipes again.
    """
    from .settings import settings_of

    said: dict[str, Any] = {
        "recipes": recipes, "host": host, "port": port, "profile": profile, "workers": workers, "folder": folder,
        "page": page,
    }  # fmt: skip
    typed = {name for name in said if getattr(context.get_parameter_source(name), "name", "") != "DEFAULT"}
    settings = settings_of(settings_file, {name: value for name, value in said.items() if name in typed})
    try:
        from .serving import serve as run
    except ImportError as missing:
        what = f"the gateway needs '{missing.name}', which is not installed; type: pip install 'imagora[gateway]'"
        raise MissingExtra(what) from missing
    from .recipes import checked

    plans = checked(settings.recipes, settings.profile)
    embedded = [name for name, plan in plans.items() if settings.workers > 1 and is_embedded(plan)]
    if embedded:
        what = f"'{embedded[0]}' has an embedded index, which belongs to one process at a time"
        raise QueryError(f"{what}; leave --workers out, or give the index a 'url'", code="IMG-121")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    run(settings)


def is_embedded(plan: object) -> bool:
    """Say whether a recipe's index is in a folder of this machine."""
    from imagora.assembly import assemble
    from imagora_recipe.plan import Plan

    assert isinstance(plan, Plan)  # noqa: S101 - for type checkers alone
    index = assemble(plan).index
    return index is not None and index.folder is not None
