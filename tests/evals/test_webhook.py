"""A report to a chat: what it is told, and that the webhook's address is never seen."""

from __future__ import annotations

import logging

import pytest
from imagora.errors import ImagoraError
from imagora_evals.gating import judge
from imagora_evals.webhook import VARIABLE, deliver, failure, message
from imagora_recipe.gate import Limits

from .chat import SECRET, chat
from .made_runs import run_of


def test_a_message_is_posted_as_slack_wants_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with chat() as there:
        monkeypatch.setenv(VARIABLE, there.url)
        assert deliver("hello")
    assert there.told == [{"text": "hello"}]
    assert SECRET not in caplog.text  # httpx writes addresses down, if one lets it


def test_without_an_address_nothing_is_posted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert not deliver("hello")


@pytest.mark.parametrize("status", [302, 404, 500])
def test_a_webhook_that_refuses_is_an_error_without_its_address(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    with chat() as there:
        there.status = status
        monkeypatch.setenv(VARIABLE, there.url)
        with pytest.raises(ImagoraError, match=f"it answers {status}") as error:
            deliver("hello")
    assert SECRET not in str(error.value) and error.value.code == "IMG-144"


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/T0SECRET", "T0SECRET", "http://[T0SECRET", "file:///T0SECRET"])
def test_an_address_that_leads_nowhere_is_not_printed(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, url)
    with pytest.raises(ImagoraError) as error:
        deliver("hello")
    assert SECRET not in str(error.value) and error.value.__cause__ is None


def test_a_message_says_what_failed_first_and_nothing_in_it_is_markup() -> None:
    gate = judge(
        run_of({"AP": [0.5]}, recipe="<!channel> & `x`"), {"map": Limits(min=0.1, drop=0), "mrr": Limits(min=1)}
    )
    lines = message(gate).splitlines()
    assert lines[0] == ":x: *&lt;!channel&gt; &amp; 'x'* on *gallery*: gate failed, 1 queries"
    assert [line.split()[0] for line in lines[1:]] == [
        *(":x:", ":white_circle:"),
        *(":white_check_mark:", ":white_check_mark:"),
    ]


def test_of_a_strangers_error_only_its_kind_is_told() -> None:
    assert "password" not in failure("shop", "gallery", ValueError("password=x"))
    assert failure("shop", "gallery", ImagoraError("no index <yet>")).endswith("no result: no index &lt;yet&gt;")
