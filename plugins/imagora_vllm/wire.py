"""One try: a connection of its own to the server, and the pieces of the answer, each within its time.

Written on httpx and not on OpenAI's client, because that one reads lines, bodies and pauses of any length. A connection
is made for each try: next to the seconds of an answer it costs nothing, it works from any event loop, and no try
falls into a connection that the server has meanwhile closed.
"""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager
from functools import cache

import httpx
from imagora.calls import Passing, Time
from imagora.errors import GeneratorError

from .events import DONE, Broken, Piece, data_lines, piece_of
from .options import VllmOptions
from .refusals import Refusal, models_of, refused

CONNECT = 5.0
"""Seconds to connect in."""
ASIDE = 3.0
"""Seconds for what is only asked to explain a refusal."""
MOST_OF_A_REFUSAL = 64_000
JSON = {"content-type": "application/json", "accept": "text/event-stream", "accept-encoding": "identity"}
MORE_EVENTS = 64
"""Events beside one a token: the role, the end, the usage, and some for servers that are chatty."""


async def pieces(options: VllmOptions, body: bytes, prompt: str, time: Time) -> AsyncGenerator[Piece, None]:
    """Give the pieces of the answer as they come, the last one with its end; closing this stops the server's work."""
    time.heard()
    with _in_words(options):
        async with _posted(options, body, prompt, time) as response:
            lines = data_lines(response.aiter_raw(), options.max_tokens)
            async with aclosing(_events(lines, options, time)) as events:
                try:
                    async for piece in events:
                        yield piece
                except Broken as broken:
                    told = json.dumps({"error": broken.error}).encode()
                    raise refused(Refusal(broken.code, {}, told), options, prompt) from None


async def _events(lines: AsyncIterator[bytes], options: VllmOptions, time: Time) -> AsyncGenerator[Piece, None]:
    count, choices, finish = 0, 0, None
    while True:
        try:
            async with asyncio.timeout_at(time.until()):
                line = await anext(lines, None)
        except TimeoutError:
            raise time.over() from None
        if line is None or line == DONE:
            break
        time.heard()
        piece, count = piece_of(line), count + 1
        choices, finish = choices + piece.choices, piece.finish or finish
        if count > options.max_tokens + MORE_EVENTS:
            raise GeneratorError(f"it writes without end: more than the {options.max_tokens} tokens it was asked for")
        yield piece
    if not choices and line == DONE:
        raise GeneratorError("its answer has no choices, that is, no text at all")
    if finish is None:
        raise Passing("its answer was cut off before its end")


@asynccontextmanager
async def _posted(options: VllmOptions, body: bytes, prompt: str, time: Time) -> AsyncIterator[httpx.Response]:
    key = options.api_key.get_secret_value() if options.api_key else None
    headers = JSON | ({"authorization": f"Bearer {key}"} if key else {})
    # trust_env: else the environment's proxies would get to see the prompts, and ~/.netrc would give passwords away.
    async with httpx.AsyncClient(verify=_trusted(), trust_env=False, timeout=_httpx_time(), headers=headers) as client:
        request = client.build_request("POST", f"{options.url}/chat/completions", content=body)
        try:
            async with asyncio.timeout_at(time.until()):
                response = await client.send(request, stream=True)
        except TimeoutError:
            raise time.over() from None
        try:
            if response.status_code != httpx.codes.OK:
                raise await _refused(client, response, options, prompt, time)
            _check_form(response)
            time.heard()
            yield response
        finally:
            await response.aclose()


async def _refused(
    client: httpx.AsyncClient, response: httpx.Response, options: VllmOptions, prompt: str, time: Time
) -> GeneratorError:
    refusal = Refusal(response.status_code, response.headers, await _some_of(response, time))
    served = None
    if refusal.status == httpx.codes.NOT_FOUND:
        try:
            async with client.stream("GET", f"{options.url}/models") as models:
                served = models_of(await _some_of(models, time)) if models.status_code == httpx.codes.OK else None
        except httpx.HTTPError:
            served = None  # the refusal itself is what matters
    return refused(refusal, options, prompt, served)


async def _some_of(response: httpx.Response, time: Time) -> bytes:
    """Read the beginning of a body; one that comes too slowly or breaks off is as good as none."""
    held = bytearray()
    try:
        async with asyncio.timeout(max(0.0, min(ASIDE, time.left()))):
            async for chunk in response.aiter_raw():
                held += chunk
                if len(held) > MOST_OF_A_REFUSAL:
                    break
    except (TimeoutError, httpx.HTTPError):
        pass  # what came so far may say enough
    return bytes(held[:MOST_OF_A_REFUSAL])


def _check_form(response: httpx.Response) -> None:
    form = response.headers.get("content-type", "").partition(";")[0].strip().lower()[:60]
    if form == "text/html":
        raise GeneratorError("it answers with a web page; is 'url' the address of an OpenAI API, ending with '/v1'?")
    if form != "text/event-stream":
        raise GeneratorError(f"it answers with '{form or 'nothing known'}' where 'text/event-stream' was asked for")
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise GeneratorError("it compresses its answer, which it was asked not to do")


@contextmanager
def _in_words(options: VllmOptions) -> Iterator[None]:
    try:
        yield
    except httpx.ConnectTimeout:
        raise Passing(f"it could not be reached within {CONNECT:g} s") from None
    except httpx.ConnectError as error:
        raise _unreached(error, httpx.URL(options.url)) from None
    except httpx.TransportError as error:
        raise Passing(f"the connection broke ({type(error).__name__})") from None


def _unreached(error: BaseException, url: httpx.URL) -> GeneratorError:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, socket.gaierror):
            return GeneratorError(f"the name '{url.host}' is not known to DNS; is it spelt so?")
        if isinstance(cause, ssl.SSLError):
            why = getattr(cause, "verify_message", "") or cause.reason or "no TLS"
            return GeneratorError(
                f"no safe connection can be made ({why}); is it 'https', and is its certificate known?"
            )
        cause = cause.__cause__ or cause.__context__
    return Passing("the connection was refused; does the server run ('imagora vllm-command' says how to start it)?")


def _httpx_time() -> httpx.Timeout:
    return httpx.Timeout(None, connect=CONNECT)  # all others are ours: `Time`


@cache
def _trusted() -> ssl.SSLContext:
    return ssl.create_default_context()
