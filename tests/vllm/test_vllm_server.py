"""`vllm` and a real server with a tiny model that sees: pictures, streams, refusals, and a restart in the middle."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from imagora.errors import GeneratorError
from imagora.prompt import PromptMessage
from imagora.testing import GeneratorContract
from imagora_vllm.llm import VllmChat
from llama_index.core.base.llms.types import ChatMessage, ChatResponse

from .conftest import IMAGES, KEY, Server
from .prompts import asked, picture

LONG = 16_000
TOKENS_OF_A_PICTURE = 16 + 1  # its patches, and the line's end behind it in the template


def said(llm: VllmChat, messages: list[ChatMessage]) -> ChatResponse:
    answer: ChatResponse = asyncio.run(llm.achat(messages))
    return answer


def wait_for(what: Callable[[], bool]) -> None:
    until = time.monotonic() + 90
    while not what():
        assert time.monotonic() < until
        time.sleep(0.05)


class TestVllmGenerator(GeneratorContract):
    @pytest.fixture
    def stage(self, server: Server) -> VllmChat:
        return server.chat(max_tokens=24, max_pixels=10_000)


def test_another_picture_leads_to_other_words(server: Server) -> None:
    llm = server.chat(max_tokens=24)
    answers = {colour: said(llm, asked("what is it?", picture(colour))).message.content for colour in ("red", "blue")}
    again = said(llm, asked("what is it?", picture("red"))).message.content
    assert again == answers["red"] != answers["blue"]


def test_every_picture_of_a_prompt_reaches_the_model(server: Server) -> None:
    llm, colours = server.chat(choice=["seen"]), ["red", "green", "blue", "white", "black", "grey", "pink", "gold"]
    tokens = []
    for number in (0, 1, 2, IMAGES):
        answer = said(llm, asked("what is it?", *(picture(colour, 2000) for colour in colours[:number])))
        tokens.append(answer.additional_kwargs["prompt_tokens"])
    assert [count - tokens[0] for count in tokens] == [TOKENS_OF_A_PICTURE * number for number in (0, 1, 2, IMAGES)]


def test_a_stream_says_how_it_ended_and_what_it_cost(server: Server) -> None:
    async def parts() -> list[ChatResponse]:
        stream = await server.chat(max_tokens=40).astream_chat(asked("what is it?", picture("red")))
        return [part async for part in stream]

    heard = asyncio.run(parts())
    assert sum(bool(part.delta) for part in heard) > 5
    assert (
        heard[-1].raw["finish_reason"] in ("length", "stop") and heard[-1].additional_kwargs["completion_tokens"] <= 40
    )


@pytest.mark.parametrize("how", ["cancelled", "left"])
def test_the_server_stops_writing_where_nobody_listens_any_more(server: Server, how: str) -> None:
    def written() -> float:
        return server.metric("vllm:generation_tokens_total")

    async def listen(begun: asyncio.Event) -> None:
        llm = server.chat(max_tokens=LONG, timeout=600)
        async for _ in await llm.astream_chat(asked("write for long", picture("red"))):
            begun.set()
            if how == "left":
                break

    async def run() -> None:
        begun = asyncio.Event()
        listening = asyncio.ensure_future(listen(begun))
        beginning = asyncio.ensure_future(begun.wait())
        await asyncio.wait({beginning, listening}, return_when=asyncio.FIRST_COMPLETED)
        assert begun.is_set(), f"it ended without a word: {listening}"
        if how == "cancelled":
            listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        await asyncio.sleep(1)  # a loop that ends at once may leave the connection to the garbage collector

    before, ended = written(), server.metric("vllm:request_success_total")
    asyncio.run(run())
    wait_for(lambda: written() > before)  # the server counts a moment after the first word has left it
    wait_for(lambda: server.metric("vllm:num_requests_running") == 0)
    assert written() - before < LONG / 2
    assert server.metric("vllm:request_success_total") == ended, "the answer had come to its own end"


REFUSED: list[tuple[str, dict[str, Any], list[ChatMessage], str]] = [
    ("too many for the recipe", {}, asked("x", *[picture("red")] * 9), "has 9 pictures and the model takes at most 8"),
    ("too many for the server", {"images": 9}, asked("x", *[picture("red")] * 9), "at most 8 pictures .* 'images: 8'"),
    ("a long prompt", {}, asked("word " * 20_000), "longer than its 16384 tokens; lower 'max_tokens'"),
    ("a long answer", {"max_tokens": 20_000}, asked("x"), "longer than its 16384 tokens; lower 'max_tokens'"),
    ("bad bytes", {}, asked("x", b"no picture at all"), "its bytes are not those of a PNG"),
    ("half a picture", {}, asked("x", picture("red", 900)[:200]), "its bytes are not those of a PNG"),
    ("an unknown model", {"model": "tinyvlm"}, asked("x"), r"did you mean 'tiny-vlm'\? \(there is: tiny-vlm\)"),
    ("a bad key", {"api_key": "wrong"}, asked("x"), "does not take the key in 'api_key'"),
    ("no key", {"api_key": None}, asked("x"), r"wants a key .* write 'api_key: \"\$\{VLLM_API_KEY\}\"'"),
    ("another path", {"url": "/v2"}, asked("x"), "no OpenAI API there .* ends with '/v1'"),
    ("a broken schema", {"json_schema": {"type": "nosuch"}}, asked("x"), "refuses the prompt with status 400"),
]


@pytest.mark.parametrize(("more", "messages", "means"), [case[1:] for case in REFUSED], ids=[c[0] for c in REFUSED])
def test_what_is_refused_says_why(server: Server, more: dict[str, Any], messages: Any, means: str) -> None:
    more = {**more, "url": server.url + more["url"]} if "url" in more else more
    with pytest.raises(GeneratorError, match=means) as refused:
        said(server.chat(**more), messages)
    assert KEY not in str(refused.value) and "Traceback" not in str(refused.value)


def test_the_line_lets_the_server_fetch_no_picture_by_its_address(server: Server) -> None:
    content = [{"type": "image_url", "image_url": {"url": f"{server.url}/health"}}]
    body = {"model": "tiny-vlm", "messages": [{"role": "user", "content": content}], "max_tokens": 2}
    headers = {"authorization": f"Bearer {KEY}"}
    answer = httpx.post(f"{server.url}/v1/chat/completions", json=body, headers=headers, trust_env=False, timeout=60)
    assert answer.status_code in (400, 422) and "domain" in answer.text


def test_an_answer_is_one_of_the_choices_or_fits_the_schema(server: Server) -> None:
    assert said(server.chat(choice=["red", "blue"]), asked("x", picture("red"))).message.content in ("red", "blue")
    number = {"type": "integer", "minimum": 0, "maximum": 9}
    schema = {"type": "object", "properties": {"n": number}, "required": ["n"], "additionalProperties": False}
    made = json.loads(said(server.chat(json_schema=schema, max_tokens=60), asked("x")).message.content or "")
    assert set(made) == {"n"} and 0 <= made["n"] <= 9


def test_no_tenant_gets_what_the_server_cached_for_another(server: Server) -> None:
    @dataclass
    class Principal:
        tenant: str

    class Asked:
        def __init__(self, tenant: str) -> None:
            self.principal = Principal(tenant)

    def hits(tenant: str) -> float:
        message = PromptMessage(role="user", content="The same long words for all. " * 40)
        message._query = Asked(tenant)  # type: ignore[assignment]  # a query that knows who asks
        before = server.metric("vllm:prefix_cache_hits_total")
        said(server.chat(max_tokens=2, cache_salt="pepper"), [message])
        return server.metric("vllm:prefix_cache_hits_total") - before

    assert hits("north") == 0 and hits("north") > 100
    assert hits("south") == 0 and hits("south") > 100


def test_many_at_once_get_what_each_gets_alone(server: Server) -> None:
    llm = server.chat(max_tokens=12)
    prompts = [asked(f"what is number {n}?", picture(colour)) for n, colour in enumerate(("red", "blue", "lime") * 3)]

    async def at_once() -> list[Any]:
        return await asyncio.gather(*(llm.achat(prompt) for prompt in prompts))

    together = [answer.message.content for answer in asyncio.run(at_once())]
    assert together == [said(llm, prompt).message.content for prompt in prompts]


def test_a_server_that_is_restarted_in_the_middle_is_spoken_to_again(server: Server) -> None:
    llm = server.chat(max_tokens=LONG, timeout=600, retries=0)
    short = server.chat(max_tokens=12)
    before = said(short, asked("what is it?", picture("red"))).message.content

    async def listen() -> int:
        heard = 0
        async for _ in await llm.astream_chat(asked("write for long")):
            heard += 1
            if heard == 5:
                await asyncio.to_thread(server.end, signal.SIGKILL)
        return heard

    with pytest.raises(GeneratorError, match="the connection broke|its answer was cut off"):
        asyncio.run(listen())
    with pytest.raises(GeneratorError, match=r"the connection was refused; .* tried 3 times"):
        said(short, asked("what is it?", picture("red")))
    server.start()
    assert said(short, asked("what is it?", picture("red"))).message.content == before
