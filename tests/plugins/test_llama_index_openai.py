"""`openai` and a server on this machine that speaks its protocol: what is asked, and every fault within its bounds."""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import Callable, Sequence
from io import BytesIO
from typing import Any

import pytest
from imagora import BuildContext
from imagora.errors import GeneratorError
from imagora.testing import ComponentContract
from imagora_llama_index import offer_generators
from imagora_llama_index.options import OpenAIOptions
from llama_index.core.base.llms.types import ChatMessage, ImageBlock, TextBlock
from PIL import Image

from tests.core.toy_embedders import ToyColour
from tests.core.toy_index import ToyMemory

from . import test_vllm_faults as faults
from .chat_server import ANSWER, Act, Call, ChatServer, chat_server

pytest.importorskip("llama_index.llms.openai", reason="the extra 'openai' is not installed")
KEY = faults.KEY
WELL_WITHIN = 30.0


class TestLlamaIndexComponents(ComponentContract):
    plugin = "imagora_llama_index"
    examples = {  # noqa: RUF012 - as the contract has it
        "openai": {"model": "gpt-4o-mini", "api_key": "k"},
        "llama_index": {"model": "any", "integration": "openai_like"},
        **{name: {"path": "index"} for name in ("faiss", "milvus", "chroma", "lancedb")},
        "weaviate": {"path": "index", "url": "http://localhost:8080"},
        "pinecone": {"path": "index", "api_key": "k"},
        "pgvector": {"path": "index", "url": "postgresql://reader@localhost/shop"},
        "similarity_cutoff": {"cutoff": 0.5},
        **{name: {"generator": {"use": "extractive"}} for name in ("llm_rerank", "rank_gpt")},
        **{f"{name}_rerank": {"model": "m", "api_key": "k"} for name in ("cohere", "jina", "voyage")},
        "query_fusion": {"of": {"use": "hybrid"}, "generator": {"use": "extractive"}},
    }

    @pytest.fixture
    def context(self) -> BuildContext:
        index: Any = ToyMemory()
        colours: Any = ToyColour()
        return BuildContext("contract", {"image": colours}, index)

    @pytest.fixture(autouse=True)
    def integration(self) -> None:
        pytest.importorskip("llama_index.llms.openai_like", reason="llama-index-llms-openai-like is not installed")


def chat(url: str, **more: Any) -> Any:
    component = next(component for component in offer_generators() if component.name == "openai")
    said = {
        "url": url,
        "model": "gpt-4o-mini",
        "api_key": KEY,
        "max_tokens": 32,
        "silence": 3,
        "timeout": 60,
    }
    return component.build(OpenAIOptions.model_validate({**said, **more}), BuildContext("test"))


async def whole_of(llm: Any) -> str:
    return (await llm.achat(faults.MESSAGES)).message.content or ""


async def stream_of(llm: Any) -> str:
    return "".join([part.delta or "" async for part in await llm.astream_chat(faults.MESSAGES)])


def asked(messages: Sequence[ChatMessage] = faults.MESSAGES, **more: Any) -> Call:
    async def run() -> Call:
        async def good(call: Call) -> None:
            await call.answer()

        async with chat_server(good) as server, asyncio.timeout(WELL_WITHIN):
            answer = await chat(server.url, **more).achat(messages)
            assert answer.message.content == ANSWER and answer.raw is not None
            return server.chats[0]

    return asyncio.run(run())


def test_words_are_asked_with_what_the_recipe_says() -> None:
    call = asked(temperature=0.3, top_p=0.9, seed=7, stop=["END"], max_tokens=99)
    assert call.path == "/v1/chat/completions" and call.headers["authorization"] == f"Bearer {KEY}"
    wanted = {"temperature": 0.3, "top_p": 0.9, "seed": 7, "stop": ["END"], "max_tokens": 99, "stream": True}
    assert wanted.items() <= call.asked.items()
    assert call.asked["messages"][1]["content"] == faults.SECRET


def test_pictures_go_inline_and_made_anew() -> None:
    Image.new("RGB", (2000, 1000), "red").save(file := BytesIO(), "PNG")
    blocks = [TextBlock(text="what is it?"), ImageBlock(image=file.getvalue())]
    content = asked([ChatMessage(role="user", blocks=blocks)], images=1, max_pixels=20_000).asked["messages"][0][
        "content"
    ]
    kind, data = content[1]["image_url"]["url"].split(",")
    assert kind == "data:image/jpeg;base64" and Image.open(BytesIO(base64.b64decode(data))).size == (200, 100)
    by_address = ChatMessage(role="user", blocks=[ImageBlock(url="http://127.0.0.1:1/a.png")])
    for messages, images, means in (
        ([ChatMessage(role="user", blocks=blocks)], 0, "cannot see"),
        ([by_address], 1, "an address or a path"),
    ):
        with pytest.raises(GeneratorError, match=means):
            asked(messages, images=images)


# As in test_vllm_faults: what each ends with, and how often the server is asked.
ENDS: dict[Act, tuple[str, int]] = {
    faults.refused: ("could not be reached, .*tried 3 times", 0),
    faults.unauthorised: (r"does not take the key in 'api_key', or not for this model \(status 401\)", 1),
    faults.busy_once: (ANSWER, 2),
    faults.busy_for_long: (r"too much to do \(status 429\).*; it asks to wait 3600 s", 1),
    faults.broken_twice: (ANSWER, 3),
    faults.broken_always: (r"it fails \(status 503\); tried 3 times", 3),
    faults.hangs: ("it said nothing for 3 s", 1),
    faults.stalls: ("it said nothing for 3 s", 1),
    faults.cut_in_a_character: ("not what was expected|was cut off", -1),
    faults.no_utf8: ("not what was expected|was cut off", -1),
    faults.cut_in_json: ("not what was expected", 1),
    faults.web_page: ("answers with a web page", 1),
    faults.no_choices: ("not what was expected|nothing", -1),
    faults.long_line: ("sends without end: more than 1,064,000 bytes", 1),
    faults.endless: ("without end", 1),
    faults.endless_comments: ("sends without end: more than 1,064,000 bytes", 1),
    faults.unknown_model: (r"has no model 'gpt-4o-mini', or 'url' is not", 1),
    faults.byte_by_byte: ("it said nothing for 3 s", 1),
    faults.resets: ("could not be reached, or the connection broke .*tried 3 times", 3),
    faults.resets_in_the_middle: ("could not be reached, or the connection broke", -1),
    faults.dns: ("could not be reached", 0),
}


@pytest.mark.parametrize("ask", [whole_of, stream_of], ids=["whole", "stream"])
@pytest.mark.parametrize(
    "act", [fault[0] for fault in faults.FAULTS], ids=[fault[0].__name__ for fault in faults.FAULTS]
)
def test_an_answer_comes_or_an_error_that_helps(act: Act, ask: Callable[[Any], Any]) -> None:
    urls = {faults.refused: "http://127.0.0.1:9/v1", faults.dns: "http://no-such-host.invalid/v1"}

    async def run() -> tuple[str, ChatServer]:
        async with chat_server(act) as server, asyncio.timeout(WELL_WITHIN):
            try:
                said = await ask(chat(urls.get(act, server.url)))
            except GeneratorError as error:
                said = str(error)
            return said, server

    said, server = asyncio.run(run())
    means, calls = ENDS[act]
    assert re.search(means, said), said
    assert len(server.chats) == calls or (calls == -1 and 1 <= len(server.chats) <= 3)
    assert "xylophone" not in said and "sesame" not in said and "\n" not in said


def test_a_compressed_answer_is_not_unfolded() -> None:
    async def squeezed(call: Call) -> None:
        assert call.headers["accept-encoding"] == "identity"
        await call.head(content_encoding="gzip")

    async def run() -> None:
        async with chat_server(squeezed) as server:
            with pytest.raises(GeneratorError, match="it compresses its answer"):
                await chat(server.url).achat(faults.MESSAGES)

    asyncio.run(run())


@pytest.mark.parametrize("how", ["cancelled", "left"])
def test_the_host_is_left_at_once_where_nobody_listens_any_more(how: str) -> None:
    async def slowly(call: Call) -> None:
        await call.head()
        for _ in range(10_000):
            await call.event("la ")
            await asyncio.sleep(0.01)

    async def listen(llm: Any, begun: asyncio.Event) -> None:
        async for _ in await llm.astream_chat(faults.MESSAGES):
            begun.set()
            if how == "left":
                break

    async def run() -> None:
        async with chat_server(slowly) as server, asyncio.timeout(WELL_WITHIN):
            begun = asyncio.Event()
            listening = asyncio.ensure_future(listen(chat(server.url, max_tokens=20_000, timeout=600), begun))
            await begun.wait()
            if how == "cancelled":
                listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
            await server.left.wait()

    asyncio.run(run())


def test_a_quota_that_is_used_up_is_not_asked_again() -> None:
    async def used_up(call: Call) -> None:
        await call.head(429, "application/json")
        await call.send('{"error": {"message": "You exceeded your quota", "code": "insufficient_quota"}}')

    async def run() -> int:
        async with chat_server(used_up) as server:
            with pytest.raises(GeneratorError, match=r"the account's quota is used up"):
                await chat(server.url).achat(faults.MESSAGES)
            return len(server.chats)

    assert asyncio.run(run()) == 1
