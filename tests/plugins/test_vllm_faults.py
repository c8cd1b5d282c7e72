"""`vllm` and everything that a server can do wrong: each ends well within the deadline, with words that help."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

import pytest
from imagora.calls import retry_after
from imagora.errors import GeneratorError
from imagora_vllm.llm import VllmChat
from imagora_vllm.options import VllmOptions
from llama_index.core.base.llms.types import ChatMessage

from .chat_server import ANSWER, Act, Call, ChatServer, chat_server

TIMEOUT, SILENCE = 60.0, 2.0
WELL_WITHIN = 20.0
SECRET, KEY = "the hidden word is xylophone-4711", "key-8f3a-sesame"
MESSAGES = [ChatMessage(role="system", content="Answer."), ChatMessage(role="user", content=SECRET)]


async def refused(call: Call) -> None:
    raise AssertionError("nobody listens")


async def unauthorised(call: Call) -> None:
    await call.head(401, "application/json")
    await call.send('{"error": "Unauthorized"}')


async def busy_once(call: Call) -> None:
    await (call.refuse(429, "slow down", retry_after="1") if call.number == 1 else call.answer())


async def busy_for_long(call: Call) -> None:
    await call.refuse(429, "slow down", retry_after="3600")


async def broken_twice(call: Call) -> None:
    await (call.refuse(500, "CUDA error") if call.number <= 2 else call.answer())


async def broken_always(call: Call) -> None:
    await call.refuse(503, f"out of memory at {SECRET}")


async def hangs(call: Call) -> None:
    await asyncio.sleep(600)


async def stalls(call: Call) -> None:
    await call.head()
    await call.event("Red")
    await asyncio.sleep(600)


async def cut_in_a_character(call: Call) -> None:
    await call.head()
    await call.event("Red")
    await call.send(b'data: {"choices": [{"index": 0, "delta": {"content": "' + "🦊".encode()[:2])


async def no_utf8(call: Call) -> None:
    await call.head()
    await call.event("Red")
    await call.send(b'data: {"choices": [{"index": 0, "delta": {"content": "\xf0\x9f"}}]}\n\n')


async def cut_in_json(call: Call) -> None:
    await call.head()
    await call.event("Red")
    await call.send('data: {"choices": [{"index": 0, "del\n\n')


async def web_page(call: Call) -> None:
    await call.head(form="text/html; charset=utf-8")
    await call.send("<html><body>It works!</body></html>")


async def no_choices(call: Call) -> None:
    await call.head()
    await call.send('data: {"choices": []}\n\ndata: {}\n\ndata: [DONE]\n\n')


async def long_line(call: Call) -> None:
    await call.head()
    await call.send('data: {"choices": "')
    for _ in range(160):
        await call.send(b"x" * 65_536)


async def endless(call: Call) -> None:
    await call.head()
    while True:
        await call.event("la ")


async def endless_comments(call: Call) -> None:
    await call.head()
    while True:
        await call.send(b": still here\n\n" * 1000)


async def unknown_model(call: Call) -> None:
    await call.refuse(404, "The model `tiny-vlm2` does not exist.")


async def byte_by_byte(call: Call) -> None:
    await call.head()
    for byte in b'data: {"choices": [{"index": 0, "delta": {"content": "Red"}}]}\n\n' * 99:
        await call.send(bytes([byte]))
        await asyncio.sleep(0.9)


async def resets(call: Call) -> None:
    call.reset()


async def resets_in_the_middle(call: Call) -> None:
    await call.head()
    await call.event("Red")
    await asyncio.sleep(0.05)  # a reset throws away what was not yet read
    call.reset()


async def dns(call: Call) -> None:
    raise AssertionError("nobody is found")


# What a fault ends with, and how often the server is asked for the whole answer and for a stream.
FAULTS: list[tuple[Act, str, int, int]] = [
    (refused, r"the connection was refused; does the server run .*tried 3 times", 0, 0),
    (unauthorised, r"it does not take the key in 'api_key' \(status 401\)", 1, 1),
    (busy_once, ANSWER, 2, 2),
    (busy_for_long, r"too much to do \(status 429\): 'slow down'; tried 1 time; it asks to wait 3600 s", 1, 1),
    (broken_twice, ANSWER, 3, 3),
    (broken_always, r"it fails \(status 503\); tried 3 times", 3, 3),
    (hangs, r"it said nothing for 2 s, the 'silence'", 1, 1),
    (stalls, r"it said nothing for 2 s, the 'silence'", 1, 1),
    (cut_in_a_character, r"its answer was cut off in the middle of a line", 3, 1),
    (no_utf8, r"bytes that are not UTF-8", 1, 1),
    (cut_in_json, r"an event that is not JSON", 1, 1),
    (web_page, r"a web page; is 'url' the address of an OpenAI API", 1, 1),
    (no_choices, r"its answer has no choices", 1, 1),
    (long_line, r"a line of more than 256,000 bytes", 1, 1),
    (endless, r"it writes without end: more than the 32 tokens", 1, 1),
    (endless_comments, r"it sends without end: more than 1,064,000 bytes", 1, 1),
    (unknown_model, r"no model 'tiny-vlm2'; did you mean 'tiny-vlm'\? \(there is: tiny-llm, tiny-vlm\)", 1, 1),
    (byte_by_byte, r"it said nothing for 2 s, the 'silence'", 1, 1),
    (resets, r"the connection broke \(\w+\); tried 3 times", 3, 3),
    (resets_in_the_middle, r"the connection broke \(\w+\)", 3, 1),
    (dns, r"the name 'no-such-host.invalid' is not known to DNS", 0, 0),
]
EACH = pytest.mark.parametrize(("act", "end", "whole", "streamed"), FAULTS, ids=[fault[0].__name__ for fault in FAULTS])


def chat(server: ChatServer, **more: Any) -> VllmChat:
    urls = {refused: "http://127.0.0.1:9", dns: "http://no-such-host.invalid"}  # port 9: nothing listens there
    said = {"url": urls.get(server.act, server.url), "model": "tiny-vlm2", "api_key": KEY, "max_tokens": 32}
    return VllmChat(VllmOptions.model_validate({**said, "timeout": TIMEOUT, "silence": SILENCE, **more}))


async def whole_of(llm: VllmChat) -> str:
    return (await llm.achat(MESSAGES)).message.content or ""


async def stream_of(llm: VllmChat) -> str:
    return "".join([part.delta or "" async for part in await llm.astream_chat(MESSAGES)])


def outcome(act: Act, ask: Callable[[VllmChat], Any], **more: Any) -> tuple[str, int]:
    async def run() -> tuple[str, int]:
        async with chat_server(act) as server, asyncio.timeout(WELL_WITHIN):
            try:
                said = await ask(chat(server, **more))
            except GeneratorError as error:
                said = str(error)
                assert error.__cause__ is None and said.startswith("the generator 'vllm' has no answer from 'http://")
            return said, len(server.chats)

    return asyncio.run(run())


@EACH
def test_the_whole_answer_comes_or_an_error_that_helps(act: Act, end: str, whole: int, streamed: int) -> None:
    said, calls = outcome(act, whole_of)
    assert re.search(end, said), said
    assert calls == whole
    assert "xylophone" not in said and "sesame" not in said and "\n" not in said


@EACH
def test_the_stream_comes_or_an_error_that_helps(act: Act, end: str, whole: int, streamed: int) -> None:
    said, calls = outcome(act, stream_of)
    assert re.search(end, said), said
    assert calls == streamed
    assert "xylophone" not in said and "sesame" not in said and "\n" not in said


def test_a_call_is_made_again_only_as_often_as_the_recipe_says() -> None:
    assert outcome(broken_always, whole_of, retries=0)[1] == 1
    assert outcome(broken_always, whole_of, retries=1)[1] == 2
    said, calls = outcome(broken_twice, whole_of, retries=1)
    assert "CUDA error" in said and "tried 2 times" in said and calls == 2


def test_words_that_came_steadily_but_too_slowly_end_at_the_timeout() -> None:
    async def steady(call: Call) -> None:
        await call.head()
        for _ in range(30):
            await call.event("la ")
            await asyncio.sleep(0.4)

    for ask in (whole_of, stream_of):
        said, calls = outcome(steady, ask, timeout=2)
        assert "it did not end within 2 s, the 'timeout'" in said and calls == 1


def test_what_was_streamed_before_a_fault_was_given_on() -> None:
    async def run() -> list[str]:
        heard: list[str] = []
        async with chat_server(resets_in_the_middle) as server, asyncio.timeout(WELL_WITHIN):
            with pytest.raises(GeneratorError, match="the connection broke"):
                async for part in await chat(server).astream_chat(MESSAGES):
                    heard.append(part.delta or "")
        return heard

    assert asyncio.run(run()) == ["Red"]


@pytest.mark.parametrize("how", ["cancelled", "closed", "left", "whole"])
def test_the_server_is_left_at_once_where_nobody_listens_any_more(how: str) -> None:
    async def slowly(call: Call) -> None:
        await call.head()
        for _ in range(10_000):
            await call.event("la ")
            await asyncio.sleep(0.01)

    async def listen(llm: VllmChat, begun: asyncio.Event) -> None:
        if how == "whole":
            begun.set()
            await llm.achat(MESSAGES)
        async for _ in await llm.astream_chat(MESSAGES):
            begun.set()
            if how == "left":
                break

    async def run() -> None:
        async with chat_server(slowly) as server, asyncio.timeout(WELL_WITHIN):
            llm, begun = chat(server, max_tokens=20_000, timeout=600), asyncio.Event()
            if how == "closed":
                async with aclosing(await llm.astream_chat(MESSAGES)) as parts:
                    await anext(parts)
            else:
                listening = asyncio.ensure_future(listen(llm, begun))
                await begun.wait()
                while not server.chats:
                    await asyncio.sleep(0.01)
                if how != "left":
                    listening.cancel()
                await asyncio.gather(listening, return_exceptions=True)
            await server.left.wait()

    asyncio.run(run())


@pytest.mark.parametrize(
    ("status", "message", "means"),
    [
        (
            400,
            "At most 2 image(s) may be provided in one prompt. (parameter=image)",
            "at most 2 pictures .* 'images: 2'",
        ),
        (
            400,
            "This model's maximum context length is 2048 tokens. However, your",
            "longer than its 2048 tokens; lower",
        ),
        (
            400,
            "max_tokens=5000 cannot be greater than max_model_len=4096. Please",
            "longer than its 4096 tokens; lower",
        ),
        (400, "tiny-llm is not a multimodal model", "the model 'tiny-vlm2' cannot see; write 'images: 0'"),
        (400, "temperature must be non-negative", "refuses the prompt with status 400: 'temperature must be"),
        (422, f"input: {SECRET}", "refuses the prompt with status 422$"),
        (400, "Failed on data:image/png;base64,iVBOR", "refuses the prompt with status 400$"),
        (400, "a\x1b[31m\nb" + "c" * 500, r"status 400: 'a \[31m bc+…'$"),
        (307, "", "another address .status 307.; write that one as 'url'"),
        (403, "Incorrect key: " + KEY, "does not take the key"),
    ],
)
def test_a_refusal_says_what_it_means_and_what_to_type(status: int, message: str, means: str) -> None:
    async def refuse(call: Call) -> None:
        await call.refuse(status, message)

    said, calls = outcome(refuse, whole_of)
    assert re.search(means, said), said
    assert calls == 1 and "xylophone" not in said and "sesame" not in said and "\x1b" not in said


def test_an_error_inside_of_the_stream_is_one() -> None:
    async def broken(call: Call) -> None:
        await call.head()
        await call.event("Red")
        error = {"error": {"message": "Grammar error: Invalid type", "type": "BadRequestError", "code": 400}}
        await call.send(f"data: {json.dumps(error)}\n\ndata: [DONE]\n\n")

    for ask in (whole_of, stream_of):
        said, calls = outcome(broken, ask)
        assert "refuses the prompt with status 400: 'Grammar error: Invalid type'" in said and calls == 1


def test_a_model_that_writes_nothing_is_an_error() -> None:
    async def empty(call: Call) -> None:
        await call.answer([""])

    for ask in (whole_of, stream_of):
        assert "the model wrote nothing (its answer ended with 'stop')" in outcome(empty, ask)[0]


def test_retry_after_is_seconds_or_a_date() -> None:
    assert retry_after("7") == 7.0 and retry_after(" 0 ") == 0.0
    assert retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0.0
    assert (retry_after("Fri, 31 Dec 2099 23:59:59 GMT") or 0) > 1e9
    assert [retry_after(value) for value in ("", "soon", "-3", "1.5.2")] == [None] * 4
