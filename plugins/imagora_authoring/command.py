"""`imagora plugin new`, `imagora plugin update` and `imagora plugin test`."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Annotated, Literal

import typer
from imagora.errors import PluginError, did_you_mean
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from .project import KINDS, begin, bring_up_to_date, need_copier
from .running import Row, run

app = typer.Typer(no_args_is_help=True, help="Begin a plugin, test it, and bring it up to date.")


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="The plugin's name, as recipes will say it: small letters, digits, _.")],
    kind: Annotated[str, typer.Option("--kind", "-k", help=f"What it offers: {', '.join(KINDS)}.")] = "reranker",
    folder: Annotated[str, typer.Option("--output", "-o", help="Where the project's folder is made.")] = ".",
) -> None:
    """Begin a plugin: a project with an entry point, options, a build function and its contract."""
    need_copier()
    if kind not in KINDS:
        raise PluginError(f"there is no kind called '{kind}'{did_you_mean(kind, KINDS)}")
    place = begin(name, kind, Path(folder))
    typer.echo(f"{place}: a plugin with the {kind} '{name}'")
    typer.echo(f"next: pip install -e '{place}[test]' && imagora plugin test {name}")


@app.command()
def update(
    project: Annotated[str, typer.Argument(help="The project's folder.")] = ".",
) -> None:
    """Bring a project that `new` began up to this version's template; your changes stay, conflicts are marked."""
    need_copier()
    before, after = bring_up_to_date(Path(project))
    if before == after:
        typer.echo(f"'{project}' has the newest template, version {after}")
    else:
        typer.echo(f"'{project}' has version {after} of the template, and had {before}; look at: git diff")


@app.command()
def test(
    names: Annotated[
        list[str] | None, typer.Argument(help="Plugins by name; all that are installed without one.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Run the contracts of all that a plugin offers, and print a table; exit code 1 where a test fails."""
    screen = Console(stderr=True)
    with screen.status("collecting") as status:

        def progress(done: int, total: int, row: Row) -> None:
            status.update(f"{done} of {total}: {escape(row.component)}")

        rows = run(names or [], progress)
    if not rows:
        raise PluginError("there is nothing to test: no plugin offers anything")
    if as_json:
        typer.echo(json.dumps([row.plain() for row in rows], indent=2))
    else:
        _show(rows)
    if any(row.failed for row in rows):
        raise typer.Exit(1)


def _show(rows: list[Row]) -> None:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("plugin", "kind", "component", "passed", "failed", "skipped", "why skipped"):
        last = heading == "why skipped"
        justify: Literal["left", "right"] = "right" if heading in _NUMBERS else "left"
        table.add_column(heading, overflow="fold", no_wrap=not last, justify=justify)
    for row in rows:
        reasons = _reasons(row)
        counts = (row.passed, len(row.failed), len(row.skipped))
        said = "\n".join(escape(reason) for reason in reasons)
        table.add_row(row.plugin, row.kind, row.component, *(str(count or "") for count in counts), said)
    console = Console()
    console.print(table)
    for row in rows:
        for sentence, why in row.failed:
            first = why.strip().splitlines()[:4]
            console.print(
                f"\nfailed: {row.kind} '{row.component}': {sentence}", style="bold", highlight=False, markup=False
            )
            console.print("\n".join(f"  {line}" for line in first), highlight=False, markup=False)


def _reasons(row: Row) -> list[str]:
    """Say each reason once; what a component does not claim to do is said in one line."""
    reasons = list(dict.fromkeys(why for _, why in row.skipped))
    unclaimed = [match for why in reasons if (match := re.fullmatch(r"this component has (\w+) = False", why))]
    others = [why for why in reasons if why not in {match[0] for match in unclaimed}]
    return [*(["does not claim: " + ", ".join(match[1] for match in unclaimed)] if unclaimed else []), *others]


_NUMBERS = {"passed", "failed", "skipped"}
