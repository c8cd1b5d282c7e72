"""`llama_index`: the integrations by name, what is installed, and one of them spoken through."""

from __future__ import annotations

import asyncio
import inspect
import re
from importlib import import_module
from typing import Any

import pytest
from imagora import BuildContext
from imagora.errors import GeneratorError, MissingExtra
from imagora_llama_index import offer_generators
from imagora_llama_index.known import KNOWN
from imagora_llama_index.options import LlamaIndexOptions
from pydantic import ValidationError

from . import test_vllm_faults as faults
from .chat_server import ANSWER, Act, Call, chat_server

needs_openai_like = pytest.mark.skipif(
    not KNOWN["openai_like"].is_there, reason="llama-index-llms-openai-like is not installed"
)
HERE = [name for name, known in KNOWN.items() if known.is_there]
ABSENT = [name for name in KNOWN if name not in HERE]


def chat(**said: Any) -> Any:
    component = next(component for component in offer_generators() if component.name == "llama_index")
    return component.build(LlamaIndexOptions.model_validate({"model": "any", **said}), BuildContext("test"))


def outcome(act: Act, **more: Any) -> tuple[str, list[Call]]:
    async def run() -> tuple[str, list[Call]]:
        async with chat_server(act) as server, asyncio.timeout(faults.WELL_WITHIN):
            llm = chat(integration="openai_like", url=server.url, api_key=faults.KEY, silence=3, **more)
            try:
                parts = [part async for part in await llm.astream_chat(faults.MESSAGES)]
                whole = await llm.achat(faults.MESSAGES)
                assert "".join(part.delta or "" for part in parts) == whole.message.content
                return whole.message.content, server.chats
            except GeneratorError as error:
                return str(error), server.chats

    return asyncio.run(run())


@pytest.mark.skipif(not HERE, reason="no integration of LlamaIndex is installed")
def test_what_the_table_says_of_what_is_installed_is_so() -> None:
    for name in HERE:
        known = KNOWN[name]
        class_ = getattr(import_module(known.module), known.class_)
        takes = {*inspect.signature(class_.__init__).parameters, *class_.model_fields}
        said = {
            known.model,
            known.key,
            known.url,
            known.tokens,
            known.timeout,
            known.retries,
            "temperature",
            *known.more,
        }
        assert said - {None} <= takes, name


def test_what_to_install_is_said() -> None:
    for name in ABSENT:
        package = KNOWN[name].package
        with pytest.raises(MissingExtra, match=f"'{name}' needs the package '{package}'.*type: pip install {package}$"):
            chat(integration=name)
    assert KNOWN["bedrock"].package == "llama-index-llms-bedrock-converse"


def test_only_known_names_can_be_used() -> None:
    with pytest.raises(ValidationError, match=r"no integration 'olama'; did you mean 'ollama'\?"):
        chat(integration="olama")
    for path in ("llama_index.llms.ollama", "os.path", "llama_index.llms.ollama:Ollama", "../ollama"):
        with pytest.raises(ValidationError, match="there is no integration"):
            chat(integration=path)


def test_settings_that_have_an_option_are_refused() -> None:
    with pytest.raises(ValidationError, match="'api_base' in 'settings' has an option of its own"):
        chat(integration="openai_like", settings={"api_base": "http://a"})
    with pytest.raises(ValidationError, match="takes no 'api_key'; see 'settings'"):
        chat(integration="bedrock", api_key="k")


@needs_openai_like
def test_an_integration_is_spoken_through() -> None:
    async def good(call: Call) -> None:
        await call.answer()

    said, calls = outcome(good, max_tokens=77)
    assert said == ANSWER and len(calls) == 2
    assert calls[0].asked["max_tokens"] == 77 and calls[0].asked["messages"][1]["content"] == faults.SECRET


@needs_openai_like
@pytest.mark.parametrize(
    ("act", "means", "calls"),
    [
        (faults.broken_always, r"it fails \(status 503\); tried 3 times", 3),
        (faults.unauthorised, "does not take the key", 1),
        (faults.hangs, "it said nothing for 3 s", 1),
        (faults.resets, "could not be reached, or the connection broke", 3),
        (faults.endless, "it writes without end: more than 4,200 characters", 1),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_its_faults_are_said_in_words(act: Act, means: str, calls: int) -> None:
    said, asked = outcome(act, max_tokens=32)
    assert len(asked) == calls
    assert re.search(means, said) and "xylophone" not in said and "sesame" not in said, said
