"""`imagora recipe diff`: what changes between two recipes, and what it costs."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from .completing import recipes
from .opening import Assigned, Profile
from .printable import printable

if TYPE_CHECKING:
    from imagora_recipe_tools.diff import Difference, Shown
    from imagora_recipe_tools.work import Work

LONGEST = 60
_LEVELS = {
    "same": "nothing changes",
    "re-rank only": "what is found stays the same; its order, and what follows, is made anew",
    "online only": "the next query is answered by the new recipe, from the index as it is",
    "re-index": "the index does not fit the new recipe as it is",
}


def diff(
    before: Annotated[str, typer.Argument(help="A recipe file, or a shipped recipe's name.", autocompletion=recipes)],
    after: Annotated[str, typer.Argument(help="The recipe that it becomes.", autocompletion=recipes)],
    in_place: Annotated[
        bool, typer.Option("--in-place", help="Take A for an older version of B: as if it stood where B stands.")
    ] = False,
    profile: Profile = None,
    assigned: Assigned = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Say what changes from recipe A to recipe B, and what it costs.

    Exit code 0: the same; 4: online only, the index stays; 5: an ingest must run, or another index is needed.
    A profile is that of both; what is set is set in B, so that A and B may be one file.
    """
    from imagora_recipe.check import check
    from imagora_recipe_tools.diff import diff as compare
    from imagora_recipe_tools.place import checked_at

    os.environ.setdefault("HF_HUB_OFFLINE", "1")  # who makes vectors is asked of weights that are here
    new = check(after, profile=profile, said=assigned)
    old = checked_at(before, new.file, profile=profile) if in_place else check(before, profile=profile)
    found = compare(old, new)
    if as_json:
        typer.echo(json.dumps(found.to_dict(), indent=2))
    else:
        _show(found, printable(after))
    raise typer.Exit(found.exit_code)


def _show(found: Difference, after: str) -> None:
    if found.changes:
        table = Table(box=None, pad_edge=False, show_header=False)
        for change in found.changes:
            table.add_row(*(Text(printable(said)) for said in (change.place, _change(change), change.cost)))
        Console().print(table)
    typer.echo(f"{found.level}: {_LEVELS[found.level]}")
    if found.work is not None:
        _show_work(found.work, after)
    if found.caches:
        typer.echo(
            f"caches: answers that '{', '.join(found.caches)}' kept for {found.hashes[0]} are not found any more"
        )
    for why in (*(f"{change.place}: {change.why}" for change in found.changes if change.why), *found.notes):
        typer.echo(f"note: {printable(why)}")


def _show_work(work: Work, after: str) -> None:
    if work.items is None:
        typer.echo(f"how many items: {printable(work.why)}")
    elif work.items == 0:
        typer.echo(f"of the items in '{printable(work.counted)}' an ingest embeds none again")
    else:
        legs = ", ".join(f"{'' if leg.exact else 'at most '}{leg.items} {name}" for name, leg in work.legs.items())
        typer.echo(f"an ingest embeds {work.items} items {work.where}, vectors: {legs}")
        if work.why:
            typer.echo(f"note: {printable(work.why)}")
    typer.echo(f"type: imagora ingest {after} (before it, to be sure: --dry-run)")
    if "beside" in work.where:
        typer.echo(f"then: imagora index switch {after}")


def _change(change: Shown) -> str:
    if change.kind == "added":
        return f"+ {_value(change.after)}"
    if change.kind == "removed":
        return f"- {_value(change.before)}"
    return f"{_value(change.before)} → {_value(change.after)}"


def _value(value: Any) -> str:
    if isinstance(value, dict) and "use" in value:
        return str(value["use"])
    said = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    said = " ".join(said.split()).removeprefix(f"{Path.cwd()}/")
    return said if len(said) <= LONGEST else f"{said[: LONGEST - 1]}…"
