"""`imagora recipe alerts` and `imagora recipe dashboard`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from imagora.cli.opening import Assigned, Profile, Recipe
from imagora.cli.printable import printable
from imagora.errors import MissingExtra

Name = Annotated[
    str | None, typer.Option("--name", help="What the gateway calls it, where that is not its file's name.")
]
Job = Annotated[str, typer.Option("--job", help="What Prometheus calls the gateway: its job.")]
Output = Annotated[Path | None, typer.Option("-o", "--output", help="A file, instead of the screen.")]

alerts = typer.Typer(add_completion=False)
dashboard = typer.Typer(add_completion=False)


@alerts.command("alerts")
def _alerts(  # noqa: PLR0913, PLR0917 - a command's parameters are its options
    recipe: Recipe,
    latency: Annotated[
        float | None,
        typer.Option(help="Seconds of the slowest hundredth; left out: what the recipe's gate allows, or 5."),
    ] = None,
    errors: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Share of queries that fail; left out: what the gate allows, or 0.01."),
    ] = None,
    degraded: Annotated[float, typer.Option(min=0, max=1, help="Share of answers of a fallback.")] = 0.05,
    queue: Annotated[float, typer.Option(min=0, max=1, help="Share of the places to wait that are taken.")] = 0.5,
    misses: Annotated[float, typer.Option(min=0, max=1, help="Share of queries that no cache knows.")] = 0.95,
    stale: Annotated[float, typer.Option(min=0.1, help="Hours since an ingest reached its source's end.")] = 36,
    least: Annotated[int, typer.Option(min=1, help="Queries below which a share means nothing.")] = 20,
    name: Name = None,
    job: Job = "imagora",
    output: Output = None,
    profile: Profile = None,
    assigned: Assigned = None,
) -> None:
    """Write Prometheus's alerting rules for a recipe that a gateway serves.

    Check them with: promtool check rules FILE
    """
    from imagora_recipe.check import check

    _complete()
    from .alerts import rules
    from .thresholds import Thresholds, errors_of, latency_of

    plan = check(recipe, profile=profile, said=assigned)
    than = Thresholds(latency_of(plan, latency), errors_of(plan, errors), degraded, queue, misses, stale, least)
    _write(rules(plan, name or plan.name, than, job), output)


@dashboard.command("dashboard")
def _dashboard(  # noqa: PLR0913, PLR0917 - a command's parameters are its options
    recipe: Recipe,
    name: Name = None,
    job: Job = "imagora",
    output: Output = None,
    profile: Profile = None,
    assigned: Assigned = None,
) -> None:
    """Write a Grafana dashboard for a recipe that a gateway serves; import it, and choose the Prometheus."""
    from imagora_recipe.check import check

    _complete()
    from .dashboard import dashboard as made

    plan = check(recipe, profile=profile, said=assigned)
    _write(json.dumps(made(plan, name or plan.name, job), indent=1, ensure_ascii=False) + "\n", output)


def _complete() -> None:
    try:
        import imagora_gateway.metrics  # noqa: F401 - what it counts is what is watched
    except ImportError as missing:
        what = f"the gateway needs '{missing.name}', which is not installed; type: pip install 'imagora[gateway]'"
        raise MissingExtra(what) from missing


def _write(text: str, output: Path | None) -> None:
    if output is None:
        typer.echo(text, nl=False)
        return
    output.write_text(text, encoding="utf-8")
    typer.echo(f"wrote {printable(str(output))}")
