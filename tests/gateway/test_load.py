"""Under load and faults: refusals at once, work that ends with its client, drains, and recipes exchanged under way."""

from __future__ import annotations

import asyncio
import gc
import json
import signal
import threading
import time
import weakref
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import imagora_ingestion
import pytest
import toys
from imagora import Answer, BuildContext, Component, Options, Query, hookimpl
from imagora.catalog import Catalog
from imagora.errors import StageError
from imagora_gateway.access import ROLES
from imagora_gateway.caller import Caller
from imagora_gateway.making import make_gateway, opened
from imagora_gateway.reloading import reload
from imagora_gateway.settings import Bounds, Settings
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, ChatResponseAsyncGen, LLMMetadata
from llama_index.core.llms import CustomLLM

from .live import ByHeader, editor, ingested, served
from .process import serving

ADMIN = {"x-caller": "admin"}
CHAT = {"model": "toys", "messages": [{"role": "user", "content": "a red rose in a vase"}]}


class NoOptions(Options):
    """None."""


class Held:
    """What slow parts wait for, and how many are in them."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.inside = self.cancelled = 0

    async def wait(self) -> None:
        self.inside += 1
        try:
            while not self.go.is_set():
                await asyncio.sleep(0.005)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.inside -= 1

    async def entered(self, number: int) -> None:
        async with asyncio.timeout(10):
            while self.inside != number:
                await asyncio.sleep(0.005)

    @hookimpl
    def offer_generators(self) -> list[Component[Any]]:
        return [Component("held", "says a word, waits, and says another", NoOptions, self._generator)]

    @hookimpl
    def offer_wrappers(self) -> list[Component[Any]]:
        broken = Component("broken", "fails", NoOptions, lambda *_: Broken())
        return [Component("slow", "waits before a query", NoOptions, self._wrapper), broken]

    def _generator(self, options: NoOptions, context: BuildContext) -> Any:
        return HeldGenerator(held=self)

    def _wrapper(self, options: NoOptions, context: BuildContext) -> Any:
        return Slow(self)


class Slow:
    def __init__(self, held: Held) -> None:
        self.held = held

    async def answer(self, query: Query, inner: Callable[[Query], Awaitable[Answer]]) -> Answer:
        await self.held.wait()
        return await inner(query)


class Broken:
    async def answer(self, query: Query, inner: Callable[[Query], Awaitable[Answer]]) -> Answer:
        raise StageError("the secret canary broke")


class HeldGenerator(CustomLLM):
    held: Any

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(model_name="held", is_chat_model=True)

    async def astream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseAsyncGen:
        async def parts() -> ChatResponseAsyncGen:
            yield ChatResponse(message=ChatMessage(role="assistant", content="one "), delta="one ")
            await self.held.wait()
            if self.held.go.is_set() and getattr(self.held, "fail", False):
                raise RuntimeError("canary")
            yield ChatResponse(message=ChatMessage(role="assistant", content="one two [1]"), delta="two [1]")

        return parts()

    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> Any:
        raise AssertionError("nobody asks for it")

    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> Any:
        raise AssertionError("nobody asks for it")


@pytest.fixture
def held() -> Held:
    return Held()


def catalog_of(held: Held) -> Catalog:
    return Catalog.of(toys, imagora_ingestion, held)


def ask(client: httpx.AsyncClient, who: str = "") -> asyncio.Task[httpx.Response]:
    asked, headers = {"recipe": "toys", "words": "a red rose"}, {"x-caller": who}
    return asyncio.create_task(client.post("/v1/ask", json=asked, headers=headers))


def run(test: Awaitable[None]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(30):
            await test

    asyncio.run(bounded())


def test_what_comes_beyond_capacity_is_told_at_once_to_come_again_and_the_rest_is_answered(
    tmp_path: Path, held: Held
) -> None:
    recipe = ingested(tmp_path, catalog=catalog_of(held), wrappers=[{"use": "slow"}])

    async def test(url: str) -> None:
        async with httpx.AsyncClient(base_url=url, timeout=20) as client:
            asked = [ask(client) for _ in range(3)]
            await held.entered(2)
            while "imagora_waiting_queries 1.0" not in (await client.get("/metrics")).text:
                await asyncio.sleep(0.01)
            refused = [await ask(client), await client.post("/v1/chat/completions", json={**CHAT, "stream": True})]
            held.go.set()
            answers = await asyncio.gather(*asked)
        assert [one.status_code for one in refused] == [503, 503]
        assert [one.json()["error"]["code"] for one in refused] == ["overloaded"] * 2
        assert all(int(one.headers["retry-after"]) >= 1 for one in refused)
        assert [one.status_code for one in answers] == [200] * 3

    with served(tmp_path, recipe, catalog=catalog_of(held), bounds=Bounds(concurrent=2, waiting=1)) as live:
        run(test(live.url))


def test_a_query_that_could_not_even_wait_is_refused_before_it_is_read_and_a_large_one_when_it_was(
    tmp_path: Path, held: Held
) -> None:
    recipe = ingested(tmp_path, catalog=catalog_of(held), wrappers=[{"use": "slow"}])

    async def test(url: str) -> None:
        async with httpx.AsyncClient(base_url=url, timeout=20) as client:
            first = ask(client)
            await held.entered(1)
            own = {"recipe": "toys", "words": "a red rose"}
            refused = [
                await client.post(path, content=body, headers={"content-type": "application/json"})
                for path, asked in (("/v1/ask", own), ("/v1/search", own), ("/v1/chat/completions", CHAT))
                for body in (b"no json", json.dumps(asked).encode() + b" " * 70_000)
            ]
            others = [await client.post("/v1/feedback", content=b"no json"), await client.get("/v1/models")]
            told = (await client.get("/metrics")).text
            held.go.set()
            assert (await first).status_code == 200
        assert {one.status_code for one in refused[::2]} == {503}
        assert {one.json()["error"]["code"] for one in refused[::2]} == {"overloaded"}
        assert [one.headers["retry-after"] for one in refused[::2]] == ["1"] * 3
        assert [one.status_code for one in refused[1::2]] == [503] * 3
        assert [one.status_code for one in others] == [400, 200]
        assert 'imagora_queries_total{modality="none",outcome="overloaded",recipe="none"} 3.0' in told
        assert 'imagora_requests_total{method="POST",route="/v1/search",status="503"} 2.0' in told

    with served(tmp_path, recipe, catalog=catalog_of(held), bounds=Bounds(concurrent=1, waiting=0)) as live:
        run(test(live.url))


def test_what_is_here_to_stay_is_not_looked_at_by_the_garbage_collector_again(tmp_path: Path) -> None:
    bounds = Bounds(deadline=0.1)
    settings = Settings(recipes=(str(ingested(tmp_path)),), folder=tmp_path / "gateway", bounds=bounds)

    async def test() -> tuple[int, int]:
        gateway = make_gateway(settings, Catalog.of(toys, imagora_ingestion), alone=True)
        async with opened(gateway), asyncio.timeout(30):
            before, old = gc.get_freeze_count(), weakref.ref(gateway.recipes.router.pipeline("toys"))
            await reload(gateway)
            reloaded = time.monotonic()
            while old() is not None:  # what was replaced goes all the same, as soon as nobody has it
                await asyncio.sleep(0.05)
                if time.monotonic() > reloaded + 5:  # on a machine so busy that it took longer than that to close
                    gateway.settle()
            return before, gc.get_freeze_count()

    try:
        before, after = asyncio.run(test())
    finally:
        gc.unfreeze()
    assert before > 10_000
    assert after > 10_000


def test_one_key_cannot_take_all_turns_and_its_bound_is_its_own(tmp_path: Path, held: Held) -> None:
    recipe = ingested(tmp_path, catalog=catalog_of(held), wrappers=[{"use": "slow"}])
    greedy, other = editor("greedy"), editor("other")
    large = replace(editor("large"), concurrent=3)

    async def test(url: str) -> None:
        async with httpx.AsyncClient(base_url=url, timeout=20) as client:
            asked = [ask(client, "greedy") for _ in range(2)]
            await held.entered(2)
            refused = [await ask(client, "greedy")]
            chat = client.post("/v1/chat/completions", json={**CHAT, "stream": True}, headers={"x-caller": "greedy"})
            refused.append(await chat)
            asked += [ask(client, "other"), *(ask(client, "large") for _ in range(3))]
            while "imagora_waiting_queries 2.0" not in (await client.get("/metrics", headers=ADMIN)).text:
                await asyncio.sleep(0.01)
            refused.append(await ask(client, "large"))  # those that wait are under way, too
            held.go.set()
            answers = await asyncio.gather(*asked)
            answers.append(await ask(client, "greedy"))
        assert [one.status_code for one in refused] == [429] * 3
        assert {one.json()["error"]["code"] for one in refused} == {"too_many_at_once"}
        assert all(int(one.headers["retry-after"]) >= 1 for one in refused)
        assert [one.status_code for one in answers] == [200] * 7

    with served(tmp_path, recipe, catalog=catalog_of(held), bounds=Bounds(concurrent=4, waiting=4)) as live:
        live.app.state.gateway.doorkeeper = ByHeader(greedy, other, large, Caller("admin", roles=ROLES))
        run(test(live.url))
        assert live.app.state.gateway.capacity._under_way == {}


def test_who_waits_too_long_for_a_turn_is_told_to_come_again(tmp_path: Path, held: Held) -> None:
    recipe = ingested(tmp_path, catalog=catalog_of(held), wrappers=[{"use": "slow"}])

    async def test(url: str) -> None:
        async with httpx.AsyncClient(base_url=url, timeout=20) as client:
            first = ask(client)
            await held.entered(1)
            late = await ask(client)
            held.go.set()
            assert (late.status_code, (await first).status_code) == (503, 200)
        assert "no turn within 0.05 s" in late.json()["error"]["message"]

    with served(tmp_path, recipe, catalog=catalog_of(held), bounds=Bounds(concurrent=1, patience=0.05)) as live:
        run(test(live.url))


@pytest.mark.parametrize("stream", [False, True])
def test_a_query_that_takes_too_long_ends_with_the_deadline(tmp_path: Path, held: Held, stream: bool) -> None:
    recipe = ingested(tmp_path, catalog=catalog_of(held), wrappers=[{"use": "slow"}])
    with (
        served(tmp_path, recipe, catalog=catalog_of(held), bounds=Bounds(deadline=0.1)) as live,
        live.client() as client,
    ):
        late = client.post("/v1/chat/completions", json={**CHAT, "stream": stream})
    assert (late.status_code, late.json()["error"]["code"]) == (504, "deadline")
    assert (held.inside, held.cancelled) == (0, 1)


@pytest.mark.parametrize("stream", [False, True])
def test_the_work_for_a_client_that_leaves_is_cancelled_in_the_generator_too(
    tmp_path: Path, held: Held, stream: bool
) -> None:
    part = {"generator": {"use": "held"}} if stream else {"wrappers": [{"use": "slow"}]}
    recipe = ingested(tmp_path, catalog=catalog_of(held), **part)

    async def test(url: str) -> None:
        async with httpx.AsyncClient(base_url=url, timeout=20) as client:
            leaver = asyncio.create_task(_read_all(client, stream=stream))
            await held.entered(1)
            leaver.cancel()
            await held.entered(0)
        async with httpx.AsyncClient(base_url=url) as client:
            text = (await client.get("/metrics")).text
            while 'outcome="left"' not in text:
                await asyncio.sleep(0.01)
                text = (await client.get("/metrics")).text
        assert "imagora_running_queries 0.0" in text
        assert held.cancelled == 1

    with served(tmp_path, recipe, catalog=catalog_of(held)) as live:
        run(test(live.url))


async def _read_all(client: httpx.AsyncClient, *, stream: bool) -> None:
    async with client.stream("POST", "/v1/chat/completions", json={**CHAT, "stream": stream}) as response:
        async for _ in response.aiter_text():
            pass


def test_what_fails_after_the_first_word_comes_as_an_event_and_the_stream_ends_as_ever(
    tmp_path: Path, held: Held
) -> None:
    recipe = ingested(tmp_path, catalog=catalog_of(held), generator={"use": "held"})
    held.go.set()
    held.fail = True
    with served(tmp_path, recipe, catalog=catalog_of(held)) as live, live.client() as client:
        done = client.post("/v1/chat/completions", json={**CHAT, "stream": True})
    blocks = done.text.removesuffix("\n\n").split("\n\n")
    assert done.status_code == 200
    assert blocks[-1] == "data: [DONE]"
    error = json.loads(blocks[-2].removeprefix("data: "))["error"]
    assert (error["type"], error["code"]) == ("server_error", "IMG-802")
    assert "canary" not in done.text
    assert '"content":"one' in done.text


def test_what_is_wrong_here_is_told_without_its_words(tmp_path: Path, held: Held) -> None:
    recipe = ingested(tmp_path, catalog=catalog_of(held), wrappers=[{"use": "broken"}])
    with served(tmp_path, recipe, catalog=catalog_of(held)) as live, live.client() as client:
        failed = client.post("/v1/ask", json={"recipe": "toys", "words": "x"})
    assert failed.status_code == 500
    assert "canary" not in failed.text
    assert failed.json()["error"]["code"] == "IMG-801"


def test_a_recipe_is_exchanged_under_answers_and_none_of_them_fails(tmp_path: Path) -> None:
    recipe = ingested(tmp_path)
    statuses: list[int] = []

    async def test(url: str) -> None:
        over = asyncio.Event()

        async def asking(client: httpx.AsyncClient) -> None:
            while not over.is_set():
                answers = await asyncio.gather(ask(client), client.post("/v1/chat/completions", json=CHAT))
                statuses.extend(answer.status_code for answer in answers)

        async with httpx.AsyncClient(base_url=url, timeout=20) as client:
            tasks = [asyncio.create_task(asking(client)) for _ in range(3)]
            before = (await client.get("/v1/models")).json()["data"][1]["id"]
            said = json.loads(recipe.read_text())
            recipe.write_text(json.dumps({**said, "prompt": {"passages": 3}}))
            for _ in range(3):
                reloaded = await client.post("/admin/reload")
                assert reloaded.status_code == 200
            after = (await client.get("/v1/models")).json()["data"][1]["id"]
            recipe.write_text("recipe: 1\nretreiver: {}\n")
            wrong = await client.post("/admin/reload")
            still = (await client.get("/v1/models")).json()["data"][1]["id"]
            over.set()
            await asyncio.gather(*tasks)
        assert before != after == still
        assert (wrong.status_code, wrong.json()["code"][:4]) == (422, "IMG-")
        assert "retreiver" in wrong.json()["detail"]
        assert len(statuses) > 5
        assert set(statuses) == {200}

    with served(tmp_path, recipe) as live:
        run(test(live.url))


def test_sigterm_lets_streams_end_and_sighup_reads_recipes_again(tmp_path: Path) -> None:
    recipe = ingested(tmp_path)

    with serving(tmp_path, str(recipe), site=_site(tmp_path)) as running:
        with running.client() as client:
            before = client.get("/v1/models").json()["data"][1]["id"]
            said = json.loads(recipe.read_text())
            recipe.write_text(json.dumps({**said, "generator": {"use": "slow_words"}}))
            running.process.send_signal(signal.SIGHUP)
            while (after := client.get("/v1/models").json()["data"][1]["id"]) == before:
                time.sleep(0.02)
            with client.stream("POST", "/v1/chat/completions", json={**CHAT, "stream": True}) as response:
                lines = response.iter_lines()
                first = next(lines)
                running.process.send_signal(signal.SIGTERM)
                rest = list(lines)
        assert running.process.wait(30) == 0
    assert before != after
    assert '"role":"assistant"' in first
    assert [line for line in rest if line][-1] == "data: [DONE]"
    assert sum('"content":"' in line for line in rest) > 5
    assert [event["recipes"] for event in running.events("reloaded")] == [[after]]


def _site(folder: Path) -> Path:
    from toy_distributions import install, install_toys

    install_toys(site := folder / "site")
    source = Path(__file__).with_name("slow_words.py").read_text()
    install(site, "slow-words", {"slow_words": "slow_words"}, {"slow_words": source})
    return site
