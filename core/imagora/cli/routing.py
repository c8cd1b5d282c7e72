"""`imagora route`: which recipe a router chooses for a query, and why; nothing is loaded or asked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from .asking import AsJson, Groups, Tenant
from .printable import printable


def route(
    router: Annotated[Path, typer.Argument(help="A router's file.")],
    words: Annotated[list[str] | None, typer.Argument(help="The query's words.")] = None,
    image: Annotated[list[Path] | None, typer.Option("-i", "--image", help="A picture of the query.")] = None,
    tenant: Tenant = "",
    group: Groups = None,
    as_json: AsJson = False,
) -> None:
    """Say which recipe of a router a query goes to, and why; check every recipe of it on the way."""
    from imagora_routing.checking import check_all
    from imagora_routing.file import fallbacks, read_router
    from imagora_routing.rules import Asked

    from imagora.query import Principal

    plan = read_router(router)
    check_all(plan)
    choice = plan.chooser().choose(Asked(" ".join(words or []), bool(image), Principal(tenant, tuple(group or ()))))
    instead = list(fallbacks(plan, choice.recipe))
    if as_json:
        typer.echo(json.dumps({"recipe": choice.recipe, "because": choice.because, "fallbacks": instead}))
        return
    then = f"; while it fails: {', then '.join(instead)}" if instead else ""
    typer.echo(printable(f"{choice.recipe} ({choice.because}){then}"))
