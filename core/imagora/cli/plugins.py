"""`imagora plugins`: what is installed, what it offers, and what could not be loaded."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from imagora.catalog import KINDS, Catalog, Offer, installed_catalog
from imagora.errors import QueryError, did_you_mean

from .completing import offered
from .printable import printable
from .telling import FAILED_TO_LOAD


def plugins(
    names: Annotated[
        list[str] | None, typer.Argument(help="Only these components or kinds; left out: all.", autocompletion=offered)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """List the components that the installed plugins offer."""
    catalog = installed_catalog()
    offers = [offer for kind in KINDS for offer in catalog.offers(kind)]
    known = {*KINDS, *(offer.component.name for offer in offers)}
    for name in names or ():
        if name not in known:
            raise QueryError(f"there is no component and no kind called '{name}'{did_you_mean(name, known)}")
    listed = [_described(o) for o in offers if not names or {o.kind, o.component.name} & {*names}]
    commands = [{"name": each.name, "summary": each.summary} for each in catalog.commands() if not names]
    twice = _offered_twice(catalog)
    failed = [{"plugin": str(plugin), "error": plugin.error, "code": FAILED_TO_LOAD} for plugin in catalog.failed]
    if as_json:
        typer.echo(
            json.dumps({"components": listed, "commands": commands, "failed": failed, "conflicts": twice}, indent=2)
        )
    else:
        _show(listed, commands)
        for plugin in catalog.failed:
            said = f"the plugin {plugin} failed to load: {printable(plugin.error or '')} [{FAILED_TO_LOAD}]"
            typer.echo(f"error: {said}", err=True)
        for conflict in twice:
            typer.echo(f"error: {conflict} [IMG-402]", err=True)
    if failed or twice:
        raise typer.Exit(1)


def _described(offer: Offer) -> dict[str, Any]:
    missing = offer.missing()
    return {
        "kind": offer.kind,
        "name": offer.component.name,
        "summary": offer.component.summary,
        "plugin": offer.plugin.name,
        "distribution": offer.plugin.distribution,
        "version": offer.plugin.version,
        "missing": list(missing),
        "install": offer.pip_line() if missing else None,
    }


def _offered_twice(catalog: Catalog) -> list[str]:
    said = []
    for kind in KINDS:
        offers = catalog.offers(kind)
        for first, second in pairwise(offers):
            if first.component.name == second.component.name:
                said.append(
                    f"two plugins offer a {kind} called '{first.component.name}': {first.plugin} and {second.plugin}"
                )
    return said


def _show(listed: list[dict[str, Any]], commands: list[dict[str, str]]) -> None:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("kind", "name", "what it is", "from", "to install what it needs"):
        table.add_column(heading, overflow="fold")
    for row in listed:
        table.add_row(
            row["kind"], row["name"], row["summary"], f"{row['distribution']} {row['version']}", row["install"] or ""
        )
    for command in commands:
        table.add_row("command", command["name"], command["summary"])
    Console().print(table)
