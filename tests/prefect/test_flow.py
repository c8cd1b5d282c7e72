"""The nightly flow on a Prefect server that its own harness starts for the test."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from imagora.catalog import installed_catalog
from PIL import Image
from toy_distributions import install_toys

prefect = pytest.importorskip("prefect", reason="Prefect is not installed; tox run -e prefect does it")

from imagora_evals import flow  # noqa: E402 - it imports Prefect
from imagora_evals.flow import GateNotPassed, nightly  # noqa: E402
from imagora_evals.history import History  # noqa: E402
from imagora_evals.webhook import VARIABLE  # noqa: E402
from prefect.client.orchestration import get_client  # noqa: E402
from prefect.testing.utilities import prefect_test_harness  # noqa: E402

from ..evals.chat import SECRET, Chat, chat  # noqa: E402, TID252 - a chat as evals' tests have it
from ..evals.eval_toys import written  # noqa: E402, TID252 - and their toys

GATE = {"mrr": {"min": 0.1, "drop": 0.01}}


@pytest.fixture(scope="module", autouse=True)
def server() -> Iterator[None]:
    with prefect_test_harness(server_startup_timeout=180):
        yield


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Chat]:
    """A folder with a suite of two squares and toys installed, and a chat that is told."""
    install_toys(tmp_path / "site")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    monkeypatch.setenv("IMAGORA_CACHE", str(tmp_path / "cache"))
    (tmp_path / "work" / "shop" / "corpus").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "work")
    for name, colour in {"red": (220, 30, 30), "blue": (30, 60, 220)}.items():
        Image.new("RGB", (24, 24), colour).save(f"shop/corpus/{name}.png")
    Path("shop/suite.yaml").write_text("suite: 1\ncorpus: {use: folder, path: corpus}\nmetrics: [RR]\n")
    asked = [json.dumps({"id": name, "text": name}) for name in ("red", "blue")]
    Path("shop/queries.jsonl").write_text("\n".join(asked))
    Path("shop/qrels").write_text("red 0 red.png 1\nblue 0 blue.png 1\n")
    installed_catalog.cache_clear()
    with chat() as there:
        monkeypatch.setenv(VARIABLE, there.url)
        yield there
    installed_catalog.cache_clear()


async def read(kind: str) -> list[str]:
    async with get_client() as client:
        if kind == "tasks":
            return sorted(run.name.rsplit("-", 1)[0] for run in await client.read_task_runs())
        return [run.state_type.value for run in await client.read_flow_runs() if run.state_type]


async def logs() -> str:
    async with get_client() as client:
        return "\n".join(log.message for log in await client.read_logs())


def test_a_night_runs_its_tasks_and_ends_with_the_gate(told: Chat) -> None:
    import asyncio

    said = nightly(str(written({"gate": GATE}, "shop.yaml")), f"file://{Path('shop').absolute()}", search_only=True)
    assert said["passed"] is True
    assert [run.recipe for run in History().runs()] == ["shop"]
    assert [message["text"].split(":")[1] for message in told.told] == ["white_check_mark"]
    assert asyncio.run(read("tasks")) == ["fetch suite", "gate", "report", "retrieve, generate, compute"]
    assert asyncio.run(read("flows")) == ["COMPLETED"]
    assert SECRET not in asyncio.run(logs())


def test_a_gate_that_is_not_passed_fails_the_flow_and_is_told_once(told: Chat) -> None:
    shop = written({"gate": GATE}, "shop.yaml")
    with pytest.raises(GateNotPassed, match=r"FAILED +mrr min 1\.5"):
        nightly(str(shop), "shop", assigned=["gate.mrr.min=1.5"], search_only=True)
    (message,) = told.told
    assert message["text"].startswith(":x: *shop* on *shop*: gate failed")


def test_a_step_that_fails_is_tried_again_and_the_chat_is_told_why(told: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flow.fetch, "retry_delay_seconds", 0)
    with pytest.raises(Exception, match="there is no folder and no shipped suite called 'nowhere'"):
        nightly(str(written({"gate": GATE}, "shop.yaml")), "nowhere")
    (message,) = told.told
    assert "no result: there is no folder and no shipped suite called 'nowhere'" in message["text"]
