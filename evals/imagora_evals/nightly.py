"""What is done every night, step by step: for a line of cron, and for the Prefect flow in `flow.py` alike."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path

from imagora.errors import ImagoraError

from . import webhook
from .baselines import baseline_of
from .gate_options import gate_of
from .gate_reports import write_reports
from .gating import Gate, judge
from .history import History
from .laying import How
from .results import EvalRun
from .running import OnQuery, run_suite
from .suite import Suite
from .suites import find_suite


@dataclass(frozen=True)
class Night:
    """What a night is told.

    suite: a name, a folder or any fsspec address. baseline: see `baseline_of`. junit, markdown: files to write.
    """

    recipe: str
    suite: str
    how: How = field(default_factory=How)
    baseline: str | None = None
    junit: Path | None = None
    markdown: Path | None = None


def fetched(night: Night) -> Suite:
    """Check the recipe and that it has a gate, so that nothing is asked in vain, and fetch the suite."""
    gate_of(night.recipe, night.how)
    return find_suite(night.suite)


def asked(night: Night, suite: Suite, on_query: OnQuery | None = None) -> EvalRun:
    """Retrieve, generate and compute: each query's metrics are kept when it is done, so that another try goes on."""
    return run_suite(night.recipe, suite, night.how, on_query=on_query)


def judged(night: Night, run: EvalRun) -> Gate:
    """Judge the run by the recipe's gate, record it, and write the files that were asked for."""
    past = History()
    limits = gate_of(night.recipe, night.how).gate or {}
    gate = judge(run, limits, baseline_of(run, night.baseline, past))
    past.add(run)
    write_reports(gate, night.junit, night.markdown)
    return gate


def reported(gate: Gate) -> bool:
    """Tell the chat, where the environment names one; give whether it does."""
    return webhook.deliver(webhook.message(gate))


def whole(night: Night, on_query: OnQuery | None = None) -> Gate:
    """Do all of it; what goes wrong is told to the chat, too, before it is raised."""
    try:
        suite = fetched(night)
        gate = judged(night, asked(night, suite, on_query))
    except Exception as error:
        webhook.complain(night.recipe, night.suite, error)
        raise
    try:
        reported(gate)
    except ImagoraError as undelivered:
        if gate.passed:
            raise
        print(f"warning: {undelivered}", file=sys.stderr)  # that the gate failed matters more
    return gate
