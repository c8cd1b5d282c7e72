"""The options of commands that judge a run, and what these commands say of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from imagora.errors import QueryError

if TYPE_CHECKING:
    from imagora_recipe.plan import Plan

    from .gating import Gate
    from .laying import How
    from .results import EvalRun
    from .suite import Suite

Baseline = Annotated[
    str | None,
    typer.Option(metavar="FILE|last", help="With --gate, judge drops against a saved run, or the last recorded."),
]
Junit = Annotated[Path | None, typer.Option(metavar="FILE", help="Write the gate as JUnit XML.")]
Phoenix = Annotated[str | None, typer.Option(metavar="URL", help="Send the run to Phoenix as an experiment.")]
Markdown = Annotated[Path | None, typer.Option(metavar="FILE", help="Write the gate as a Markdown table.")]


def gate_of(recipe: str, how: How) -> Plan:
    """Give the plan of a recipe that has a gate, before anything is asked; raises QueryError where it has none."""
    from imagora_recipe.check import check

    plan = check(recipe, profile=how.profile, said=how.assigned)
    if not plan.gate:
        what = f"the recipe '{plan.name}' has no gate"
        raise QueryError(f"{what}; add one, e.g. gate: {{ndcg@10: {{min: 0.6, drop: 0.01}}}}", code="IMG-143")
    return plan


def judged_by(plan: Plan, run: EvalRun, baseline: str | None) -> Gate:
    """Judge a run that is not recorded yet."""
    from .baselines import baseline_of
    from .gating import judge
    from .history import History

    return judge(run, plan.gate or {}, baseline_of(run, baseline, History()))


def end_with(gate: Gate, junit: Path | None, markdown: Path | None, *, to_stderr: bool) -> None:
    """Write the reports that are asked for, print every check, and end with 6 where the run does not pass."""
    from imagora.cli.printable import printable

    from .gate_reports import line, write_reports
    from .gating import NOT_PASSED

    write_reports(gate, junit, markdown)
    for check in gate.checks:
        typer.echo(printable(line(check)), err=to_stderr)
    typer.echo(f"gate {'passed' if gate.passed else 'not passed'}", err=to_stderr)
    if not gate.passed:
        raise typer.Exit(NOT_PASSED)


def send_to(url: str, run: EvalRun, suite: Suite) -> None:
    """Send a run to Phoenix, and say where it shows it."""
    from .phoenix import send

    sent = send(run, suite, url)
    typer.echo(f"in Phoenix: {sent.experiment}", err=True)
