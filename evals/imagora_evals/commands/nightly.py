"""`imagora eval nightly`: everything from fetching a suite to telling a chat, in one line for cron."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from imagora.cli.opening import Assigned, Profile, Recipe

from imagora_evals.gate_options import Junit, Markdown, end_with, gate_of

from .options import AsJson, SuiteName


def nightly(  # noqa: PLR0913, PLR0917 - a command's parameters are its options
    recipe: Recipe,
    suite: SuiteName,
    baseline: Annotated[
        str, typer.Option(metavar="FILE|last", help="What drops are judged against: a saved run, or the last recorded.")
    ] = "last",
    junit: Junit = None,
    markdown: Markdown = None,
    search_only: Annotated[bool, typer.Option("--search-only", help="Generate no answers.")] = False,
    profile: Profile = None,
    assigned: Assigned = None,
    as_json: AsJson = False,
) -> None:
    """Fetch a suite, ask a recipe, judge the run by its gate, record it, and tell a chat: one line for cron.

    The report goes to the Slack-compatible webhook in the environment variable IMAGORA_WEBHOOK, failures too;
    without it there is none. Exit codes: 0 passed, 6 not passed, 1 no result.
    """
    from imagora_evals.laying import How
    from imagora_evals.nightly import Night, whole
    from imagora_evals.progress import asking_bar

    how = How(profile, tuple(assigned or ()), search_only=search_only)
    gate_of(recipe, how)
    with asking_bar() as on_query:
        judged = whole(Night(recipe, suite, how, baseline, junit, markdown), on_query)
    if as_json:
        typer.echo(json.dumps(judged.to_dict(), indent=2))
    end_with(judged, None, None, to_stderr=as_json)
