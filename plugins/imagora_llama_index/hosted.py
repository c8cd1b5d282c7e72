"""How the LLMs that are spoken through are made: OpenAI's with a bounded connection, the others by their table."""

from __future__ import annotations

import asyncio
import ssl
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import httpx
from imagora.errors import GeneratorError, MissingExtra
from pydantic import SecretStr

from .chat import BoundedChat, Host
from .known import KNOWN, Integration
from .options import LlamaIndexOptions, OpenAIOptions

if TYPE_CHECKING:
    from llama_index.core.llms import LLM
    from llama_index.llms.openai import OpenAI

PLAIN = {"accept-encoding": "identity"}  # what is compressed could unfold into all memory
MOST_BESIDES, MOST_OF_A_TOKEN = 1_000_000, 2_000
"""Bytes of an answer: so many, and so many more for each token."""


def openai_chat(options: OpenAIOptions) -> BoundedChat:
    """Make the generator `openai`."""
    key = options.api_key.get_secret_value()
    place = f"'openai' at '{options.url}'" if options.url else "'openai'"
    most = MOST_BESIDES + MOST_OF_A_TOKEN * options.max_tokens

    @asynccontextmanager
    async def client() -> AsyncIterator[LLM]:
        made = await asyncio.to_thread(_openai)

        async def bound(response: httpx.Response) -> None:
            _check_form(response)
            response.stream = _Counted(response.stream, most)

        # A connection for each try: closed with it, so that the host stops when we do, and of no certain event loop.
        # Without tries of its own: its two layers of them, one inside of the other, would multiply with ours.
        async with httpx.AsyncClient(
            event_hooks={"response": [bound]}, headers=PLAIN, verify=_trusted(), timeout=options.timeout
        ) as connection:
            yield made(
                model=options.model,
                api_key=key,
                api_base=options.url,
                max_tokens=options.max_tokens,
                temperature=options.temperature,
                max_retries=0,
                timeout=options.timeout,
                async_http_client=connection,
                additional_kwargs=_more(options),
            )

    return BoundedChat(options, Host(place, client, (key,), tells_ends=True))


def integrated_chat(options: LlamaIndexOptions) -> BoundedChat:
    """Make the generator `llama_index`; MissingExtra says what to install where the integration is not there."""
    known = KNOWN[options.integration]
    if not known.is_there:
        what = f"'llama_index' with the integration '{options.integration}' needs the package '{known.package}'"
        raise MissingExtra(f"{what}, which is not installed; type: pip install {known.package}")
    # One for each event loop, since many of them keep connections, which belong to the loop that opened them.
    made: WeakKeyDictionary[asyncio.AbstractEventLoop, LLM] = WeakKeyDictionary()
    arguments, secrets = _arguments(options)

    @asynccontextmanager
    async def client() -> AsyncIterator[LLM]:
        loop = asyncio.get_running_loop()
        if loop not in made:
            made[loop] = (await asyncio.to_thread(_class_of, known))(**arguments)
        yield made[loop]

    return BoundedChat(options, Host(f"'llama_index' with '{options.integration}'", client, secrets))


# In a thread: imports take a second or two, in which the event loop has others to look after. OpenAI's client, which
# many integrations are built on, would else make the second import in the middle of the first call.


def _openai() -> type[OpenAI]:
    import openai.resources.chat.completions  # noqa: F401 - importing it is what is wanted
    from llama_index.llms.openai import OpenAI

    return OpenAI


def _class_of(known: Integration) -> Callable[..., LLM]:
    made: Callable[..., LLM] = getattr(import_module(known.module), known.class_)
    if "openai" in sys.modules:
        import_module("openai.resources.chat.completions")
    return made


def _arguments(options: LlamaIndexOptions) -> tuple[dict[str, Any], tuple[str, ...]]:
    known, key = KNOWN[options.integration], options.api_key and options.api_key.get_secret_value()
    hidden = {
        name: value.get_secret_value() for name, value in options.settings.items() if isinstance(value, SecretStr)
    }
    said: dict[str | None, Any] = {
        known.model: options.model,
        known.key: key or None,
        known.url: options.url,
        known.tokens: options.max_tokens,
        known.timeout: options.timeout,
    }
    arguments: dict[str, Any] = {name: value for name, value in said.items() if name and value is not None}
    arguments |= {known.retries: 0} if known.retries else {}
    arguments |= {"temperature": options.temperature, **known.more, **options.settings, **hidden}
    return arguments, tuple(secret for secret in (key, *hidden.values()) if secret)


def _more(options: OpenAIOptions) -> dict[str, Any]:
    more: dict[str, Any] = {"stream_options": {"include_usage": True}}
    more |= {"top_p": options.top_p} if options.top_p is not None else {}
    more |= {"seed": options.seed} if options.seed is not None else {}
    return more | ({"stop": list(options.stop)} if options.stop else {})


def _check_form(response: httpx.Response) -> None:
    form = response.headers.get("content-type", "").partition(";")[0].strip().lower()[:60]
    if response.status_code == httpx.codes.OK and form != "text/event-stream":
        what = "a web page" if form == "text/html" else f"'{form or 'nothing known'}'"
        raise GeneratorError(f"it answers with {what}; is 'url' the address of an OpenAI API, ending with '/v1'?")
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise GeneratorError("it compresses its answer, which it was asked not to do")


@cache
def _trusted() -> ssl.SSLContext:
    return ssl.create_default_context()  # reading all certificates takes longer than many a call


class _Counted(httpx.AsyncByteStream):
    """A body of which no more than `most` bytes are read."""

    def __init__(self, stream: Any, most: int) -> None:
        self._stream, self._most = stream, most

    async def __aiter__(self) -> AsyncIterator[bytes]:
        total = 0
        async for chunk in self._stream:
            total += len(chunk)
            if total > self._most:
                raise GeneratorError(f"it sends without end: more than {self._most:,} bytes")
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()
