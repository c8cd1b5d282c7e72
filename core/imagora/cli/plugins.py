"""`imagora plugins`: what is installed, what it offers, and what could not be loaded."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from imagora.catalog import KINDS, Catalog, Offer, Plugin, installed_catalog
from imagora.errors import QueryError, did_you_mean

from .completing import offered
from .printable import printable
from .telling import FAILED_TO_LOAD


def plugins(
    names: Annotated[
        list[str] | None, typer.Argument(help="Only these components or kinds; left out: all.", autocompletion=offered)
    ] = None,
    with_time: Annotated[bool, typer.Option("--time", help="Show how long each plugin's import took.")] = False,
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
    failed = [
        {"plugin": str(plugin), "error": plugin.error, "code": FAILED_TO_LOAD, "api": _api(plugin)}
        for plugin in catalog.failed
    ]
    if as_json:
        typer.echo(
            json.dumps({"components": listed, "commands": commands, "failed": failed, "conflicts": twice}, indent=2)
        )
    else:
        _show(listed, commands, with_time=with_time)
        for plugin in catalog.plugins:
            if plugin.fit is not None and plugin.fit.state == "degraded" and not names:
                typer.echo(f"the plugin {plugin} is degraded: {printable(plugin.fit.why)}", err=True)
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
        "extra": offer.component.extra,
        "missing": list(missing),
        "install": offer.pip_line() if missing else None,
        "api": _api(offer.plugin),
        "seconds": offer.plugin.seconds,
    }


def _api(plugin: Plugin) -> str | None:
    return plugin.fit.state if plugin.fit else None


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


def _show(listed: list[dict[str, Any]], commands: list[dict[str, str]], *, with_time: bool) -> None:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("kind", "name", "what it is", "from", "api", "what it needs", *(["import"] if with_time else ())):
        table.add_column(heading, overflow="fold", min_width=24 if heading == "what it is" else None)
    for row in listed:
        needs = row["install"] or (f"{row['extra']}: installed" if row["extra"] else "")
        time = [f"{(row['seconds'] or 0) * 1000:.1f} ms"] if with_time else []
        origin = f"{row['distribution']} {row['version']}"
        table.add_row(row["kind"], row["name"], row["summary"], origin, row["api"], needs, *time)
    for command in commands:
        table.add_row("command", command["name"], command["summary"])
    Console().print(table)
