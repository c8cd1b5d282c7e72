"""`vllm`: what is asked of the server, with which pictures and whose cache, and from which event loops."""

from __future__ import annotations

import asyncio
import base64
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from imagora.errors import GeneratorError
from imagora.prompt import PromptMessage
from imagora.testing import ComponentContract
from imagora_vllm.llm import VllmChat
from imagora_vllm.options import VllmOptions
from llama_index.core.base.llms.types import AudioBlock, ChatMessage, ImageBlock, TextBlock
from PIL import Image
from pydantic import ValidationError

from .chat_server import ANSWER, Call, chat_server

HELLO = [ChatMessage(role="user", content="hello")]


class TestVllmComponent(ComponentContract):
    plugin = "imagora_vllm"
    examples = {"vllm": {"url": "http://localhost:8000/v1", "model": "any"}}  # noqa: RUF012 - as the contract has it


async def good(call: Call) -> None:
    await call.answer()


def options(url: str = "http://localhost:1", **more: Any) -> VllmOptions:
    return VllmOptions.model_validate({"url": url, "model": "tiny-vlm", **more})


def asked(messages: Sequence[ChatMessage] = HELLO, **more: Any) -> Call:
    """Give the request that a chat with these options makes."""

    async def run() -> Call:
        async with chat_server(good) as server, asyncio.timeout(20):
            answer = await VllmChat(options(server.url, **more)).achat(messages)
            assert answer.message.content == ANSWER
            return server.chats[0]

    return asyncio.run(run())


def png(mode: str = "RGB", size: tuple[int, int] = (64, 48), colour: Any = "red") -> bytes:
    Image.new(mode, size, colour).save(file := BytesIO(), "PNG")
    return file.getvalue()


def with_pictures(*pictures: bytes) -> list[ChatMessage]:
    blocks = [TextBlock(text="what is it?"), *(ImageBlock(image=picture) for picture in pictures)]
    return [ChatMessage(role="system", content="Answer."), ChatMessage(role="user", blocks=blocks)]


def sent(call: Call) -> list[Image.Image]:
    content = call.asked["messages"][-1]["content"]
    urls = [part["image_url"]["url"] for part in content if part["type"] == "image_url"]
    assert all(url.startswith("data:image/jpeg;base64,") for url in urls)
    return [Image.open(BytesIO(base64.b64decode(url.partition(",")[2]))) for url in urls]


def test_words_are_asked_with_what_the_recipe_says() -> None:
    call = asked(temperature=0.3, top_p=0.9, seed=7, stop=["END"], max_tokens=99, api_key="sesame")
    assert call.path == "/v1/chat/completions" and call.headers["authorization"] == "Bearer sesame"
    wanted = {"temperature": 0.3, "top_p": 0.9, "seed": 7, "stop": ["END"], "max_tokens": 99, "model": "tiny-vlm"}
    assert wanted.items() <= call.asked.items()
    assert call.asked["messages"] == [{"role": "user", "content": "hello"}]
    plain = asked()
    assert "authorization" not in plain.headers
    assert not {"seed", "stop", "structured_outputs", "cache_salt"} & set(plain.asked)


def test_forms_of_an_answer_are_asked_as_vllm_has_them() -> None:
    assert asked(choice=["red", "blue"]).asked["structured_outputs"] == {"choice": ["red", "blue"]}
    assert asked(json_schema={"type": "object"}).asked["structured_outputs"]["json"] == {"type": "object"}
    with pytest.raises(ValidationError, match="two forms of an answer"):
        options(choice=["a"], json_schema={})


def test_pictures_go_inline_between_the_words_and_made_anew() -> None:
    large = png(size=(3000, 1000))
    hidden = large[:-12] + b"\0\0\0\x09tEXtsecret\0hi\0\0\0\0" + large[-12:]  # a text beside the pixels
    call = asked(with_pictures(png("RGBA", colour=(0, 0, 255, 255)), hidden), images=2, max_pixels=30_000)
    parts = call.asked["messages"][-1]["content"]
    assert [part["type"] for part in parts] == ["text", "image_url", "image_url"]
    first, second = sent(call)
    assert first.size == (64, 48) and first.mode == "RGB" and first.getpixel((9, 9))[2] > 240  # type: ignore[index]  # RGB
    assert second.size == (300, 100) and b"secret" not in base64.b64decode(parts[2]["image_url"]["url"].split(",")[1])


def test_fine_red_lines_on_blue_stay_red() -> None:
    picture = Image.new("RGB", (64, 64), "blue")
    for x in range(0, 64, 4):
        picture.paste("red", (x, 0, x + 1, 64))
    picture.save(file := BytesIO(), "PNG")
    (seen,) = sent(asked(with_pictures(file.getvalue()), images=1))
    colours: Any = [seen.getpixel((x, 30)) for x in range(8, 56, 4)]
    assert all(red > 150 > blue for red, _, blue in colours)


def refusal(messages: Sequence[ChatMessage], **more: Any) -> str:
    with pytest.raises(GeneratorError) as refused:
        asyncio.run(VllmChat(options(**more)).achat(messages))
    return str(refused.value)


@pytest.mark.filterwarnings("ignore:Image size")  # Pillow warns of what we then refuse
def test_pictures_that_cannot_be_sent_are_refused_before_anything_is(tmp_path: Path) -> None:
    (file := tmp_path / "a.png").write_bytes(png())
    messages = {
        "has 2 pictures and the model takes at most 1": with_pictures(png(), png()),
        "its bytes are not those of a PNG": with_pictures(b"hello"),
        "more than 100 megapixels": with_pictures(png("1", (20_000, 6_000), 1)),
        "is an address or a path": [ChatMessage(role="user", blocks=[ImageBlock(url="http://127.0.0.1:1/a.png")])],
    }
    for reason, asks in messages.items():
        assert reason in refusal(asks, images=1)
    assert "is an address or a path" in refusal([ChatMessage(role="user", blocks=[ImageBlock(path=file)])], images=1)
    assert "cannot see ('images: 0' in the recipe)" in refusal(with_pictures(png()))
    Image.new("RGB", (8, 8)).save(jpeg := BytesIO(), "JPEG")
    assert "not those of a PNG" in refusal(with_pictures(jpeg.getvalue()), images=1)
    sound = ChatMessage(role="user", blocks=[AudioBlock(audio=b"beep")])
    assert "holds a AudioBlock" in refusal([sound])


@dataclass
class Principal:
    tenant: str | None


class Asked:
    def __init__(self, tenant: str | None) -> None:
        self.principal = Principal(tenant)


def salt(tenant: str | None, **more: Any) -> str | None:
    message = PromptMessage(role="user", content="hello")
    query: Any = Asked(tenant)
    message._query = query
    found = asked([message], **more).asked.get("cache_salt")
    assert found is None or isinstance(found, str)
    return found


def test_each_tenant_has_a_cache_of_its_own() -> None:
    north, south = salt("north", cache_salt="pepper"), salt("south", cache_salt="pepper")
    assert north and south and north != south and north == salt("north", cache_salt="pepper")
    assert north != salt("north", cache_salt="other") != salt("north") and "north" not in north
    assert salt(None) is None and salt(None, cache_salt="pepper") not in (None, north, south)


def test_no_proxy_of_the_environment_gets_to_see_a_prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "")
    assert asked().path == "/v1/chat/completions"


def test_it_is_asked_from_many_loops_and_threads_and_without_one() -> None:
    async def run() -> list[str]:
        async with chat_server(good) as server, asyncio.timeout(30):
            llm, heard = VllmChat(options(server.url)), []

            def plain() -> None:
                heard.append(llm.chat(HELLO).message.content or "")
                heard.append(llm.complete("hello").text)
                heard.append("".join(part.delta or "" for part in llm.stream_chat(HELLO)))
                heard.append("".join(part.delta or "" for part in llm.stream_complete("hello")))
                heard.append(asyncio.run(llm.achat(HELLO)).message.content or "")

            threads = [threading.Thread(target=plain) for _ in range(3)]
            for thread in threads:
                thread.start()
            await asyncio.gather(*(asyncio.to_thread(thread.join) for thread in threads))
            heard.append((await llm.achat(HELLO)).message.content or "")
            return heard

    heard = asyncio.run(run())
    assert heard == [ANSWER] * 16


def test_what_it_takes_is_declared() -> None:
    llm = VllmChat(options(images=4, max_pixels=50_000, context=8192, max_tokens=64))
    assert (llm.images, llm.max_pixels) == (4, 50_000)
    assert (llm.metadata.model_name, llm.metadata.context_window, llm.metadata.num_output) == ("tiny-vlm", 8192, 64)
    assert llm.metadata.is_chat_model


def test_no_secret_is_in_what_instrumentation_gets() -> None:
    llm = VllmChat(options(api_key="sesame", cache_salt="pepper"))
    said = f"{llm.to_payload()} {llm!r} {llm.model_dump()} {options(api_key='sesame', cache_salt='pepper')!r}"
    assert "sesame" not in said and "pepper" not in said


@pytest.mark.parametrize(
    ("url", "means"),
    [
        ("http://localhost:8000", "http://localhost:8000/v1"),
        ("http://localhost:8000/v1/", "http://localhost:8000/v1"),
        ("https://models.example/vllm/v1", "https://models.example/vllm/v1"),
        ("http://[::1]:8000", "http://[::1]:8000/v1"),
    ],
)
def test_an_address_may_be_said_short(url: str, means: str) -> None:
    assert options(url).url == means


@pytest.mark.parametrize(
    "url",
    ["localhost:8000", "ftp://a/v1", "http://", "http://me:pw@a/v1", "http://a/v1?k=1", "http://a:x", "http://a\n/"],
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValidationError, match="the url must be like http://localhost:8000/v1"):
        options(url)
