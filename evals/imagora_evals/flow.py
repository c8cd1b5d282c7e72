"""The Prefect flow `imagora-nightly`; it needs the extra `prefect`, and `imagora eval nightly` does the same without.

Serve it from a file of your own:

    from imagora_evals.flow import nightly

    nightly.serve(name="shop", cron="0 3 * * *", parameters={"recipe": "shop.yaml", "suite": "s3://bucket/suites/shop"})
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefect import flow, get_run_logger, task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE

from . import nightly as steps
from . import webhook
from .gate_reports import line, markdown
from .gating import Gate
from .laying import How
from .nightly import Night
from .results import EvalRun
from .suite import Suite

TRIES, BETWEEN = 2, 30
"""How often a step that fails is tried again, and how many seconds later."""


class GateNotPassed(RuntimeError):
    """A run does not pass its recipe's gate; this fails the flow."""


@task(name="fetch suite", retries=TRIES, retry_delay_seconds=BETWEEN, cache_policy=NO_CACHE)
def fetch(night: Night) -> Suite:
    """Fetch the suite and check the recipe."""
    return steps.fetched(night)


@task(name="retrieve, generate, compute", retries=TRIES, retry_delay_seconds=BETWEEN, cache_policy=NO_CACHE)
def ask(night: Night, suite: Suite) -> EvalRun:
    """Ask and score every query; one task, because each query is kept when it is scored, and a retry goes on there."""
    return steps.asked(night, suite)


@task(name="gate", cache_policy=NO_CACHE)
def gate(night: Night, run: EvalRun) -> Gate:
    """Judge the run, and record it."""
    made = steps.judged(night, run)
    for check in made.checks:
        get_run_logger().info(line(check))
    return made


@task(name="report", retries=TRIES, retry_delay_seconds=BETWEEN, cache_policy=NO_CACHE)
def report(made: Gate) -> bool:
    """Tell the chat, and keep the table as an artifact of the flow's run."""
    create_markdown_artifact(markdown(made), key="imagora-gate", description=f"{made.run.recipe} on {made.run.suite}")
    return steps.reported(made)


@flow(name="imagora-nightly")
def nightly(  # noqa: PLR0913, PLR0917 - a flow's parameters are its form
    recipe: str,
    suite: str,
    baseline: str | None = "last",
    profile: str | None = None,
    assigned: list[str] | None = None,
    search_only: bool = False,
    junit: str | None = None,
) -> dict[str, Any]:
    """Fetch a suite, ask a recipe, judge it by its gate, and report; raises GateNotPassed.

    Parameters are those of `imagora eval nightly`; the webhook's address comes from IMAGORA_WEBHOOK where the flow
    runs.
    """
    how = How(profile, tuple(assigned or ()), search_only=search_only)
    night = Night(recipe, suite, how, baseline, Path(junit) if junit else None)
    try:
        made = gate(night, ask(night, fetch(night)))
    except Exception as error:
        webhook.complain(recipe, suite, error)
        raise
    report(made)
    if not made.passed:
        raise GateNotPassed("; ".join(line(check) for check in made.checks if check.state == "failed"))
    said: dict[str, Any] = made.to_dict()
    return said
