"""The command `imagora trace`: the address of the last trace, and what was lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from imagora import Query
from imagora.tracing import Traced
from typer.testing import CliRunner

pytest.importorskip("opentelemetry.sdk", reason="needs the extra: pip install 'imagora[phoenix]'")

from imagora.cli.main import app
from imagora_phoenix import command
from imagora_phoenix.options import PhoenixOptions
from imagora_phoenix.tracer import PhoenixTracer

from .otlp_receiver import Receiver, receiver


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("IMAGORA_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "phoenix" / "last-trace.json"


@pytest.fixture
def collector() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


def asked(url: str, **options: object) -> PhoenixTracer:
    tracer = PhoenixTracer(PhoenixOptions.model_validate({"url": url, **options}))
    with tracer.query(Traced("answer", "r", "h", {}, Query("rose"), False)):
        pass
    tracer.close()
    return tracer


def test_it_prints_the_address_of_the_last_trace(collector: Receiver) -> None:
    asked(collector.url)
    asked(collector.url, project="shop")
    said = CliRunner().invoke(app, ["trace"])
    (_, last) = collector.spans()
    first, second, third = said.stdout.splitlines()
    assert first == f"{collector.url}/redirects/traces/{last.trace}"
    assert second.startswith("answer, ") and second.endswith("project 'shop'")
    assert third == "1 span arrived"


def test_it_opens_the_address_only_where_that_is_asked_for(
    collector: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(command.webbrowser, "open", opened.append)
    asked(collector.url)
    CliRunner().invoke(app, ["trace"])
    assert opened == []
    said = CliRunner().invoke(app, ["trace", "--open"])
    assert opened == [said.stdout.splitlines()[0]]


def test_it_says_what_was_lost_and_why(collector: Receiver) -> None:
    collector.status = 401
    asked(collector.url)
    said = CliRunner().invoke(app, ["trace"]).stdout
    assert "it did not arrive" in said and "0 spans arrived" in said
    assert f"1 lost: '{collector.url}' did not take them (HTTP 401 Unauthorized)" in said


def test_everything_comes_as_json_too(collector: Receiver) -> None:
    asked(collector.url)
    told = json.loads(CliRunner().invoke(app, ["trace", "--json"]).stdout)
    assert told["address"].endswith(told["last"]["trace"]) and told["sent"] == 1


@pytest.mark.parametrize("written", [None, "", "{", "[]", "{}", '{"last": {"trace": "x"}, "url": "http://h"}'])
def test_without_a_trace_it_says_what_to_type(written: str | None, cache: Path) -> None:
    if written is not None:
        cache.parent.mkdir(parents=True)
        cache.write_text(written)
    said = CliRunner().invoke(app, ["trace"])
    assert said.exit_code == 1 and "ask something" in said.stderr


def test_nothing_but_an_address_of_the_web_is_opened(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(command.webbrowser, "open", opened.append)
    cache.parent.mkdir(parents=True)
    state = {"url": "file:///etc/passwd#", "last": {"trace": "a" * 32, "name": "n", "ended": "e", "arrived": True}}
    numbers = dict.fromkeys(("sent", "failed", "dropped", "waiting"), 0)
    cache.write_text(json.dumps({**state, **numbers, "project": "p", "why": ""}))
    assert CliRunner().invoke(app, ["trace", "--open"]).exit_code == 1
    assert opened == []


def test_a_folder_that_cannot_be_written_to_costs_no_trace(
    collector: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "taken").write_text("a file, and no folder")
    monkeypatch.setenv("IMAGORA_CACHE", str(tmp_path / "taken"))
    assert asked(collector.url).counts.sent == 1


def test_help_needs_no_opentelemetry() -> None:
    program = (
        "import sys, atexit; sys.argv[1:] = ['trace', '--help']\n"
        "atexit.register(lambda: print('opentelemetry' in sys.modules))\n"
        "from imagora.cli.main import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", program], env=dict(os.environ), capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.splitlines()[-1] == "False", done.stderr
