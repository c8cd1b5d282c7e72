"""Every route, asked at random within and beyond what OpenAPI says of it; evals/ has 5,000 of these."""

from __future__ import annotations

from imagora_benchmarks.gateway_fuzz import broken

from .live import Live


def test_any_request_is_answered_as_described_and_without_a_server_error(live: Live) -> None:
    asked, wrong = broken(live.url, cases=160, name="toys")
    assert wrong == [], "\n\n".join(wrong)
    assert asked > 100
