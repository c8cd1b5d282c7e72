"""The gateway under load, in small: no stream breaks, too many are refused, and nobody's work stays."""

from __future__ import annotations

from pathlib import Path

from imagora_benchmarks.gateway_load import measured


def test_no_stream_breaks_too_many_are_refused_and_leavers_leave_nothing(tmp_path: Path) -> None:
    outcome = measured(tmp_path, number=6, seconds=3, leaving=30)
    assert (outcome.errors, outcome.overload_errors) == (0, 0), outcome
    assert outcome.streams > 6
    assert outcome.refused > 0
    assert (outcome.left, max(outcome.tasks_left, 0)) == (30, 0), outcome
