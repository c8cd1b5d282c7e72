"""`vllm` and a real server with SmolLM2: real words from passages, whole, streamed and as JSON."""

from __future__ import annotations

import asyncio
import json

import pytest
from imagora.errors import GeneratorError
from imagora.prompt import build_prompt
from imagora.query import Query
from llama_index.core.base.llms.types import ChatMessage

from .conftest import Server
from .prompts import asked, picture

MESSAGES = [
    ChatMessage(role="system", content="Answer in one short sentence."),
    ChatMessage(role="user", content="Passage: The capital of France is Paris.\n\nWhat is the capital of France?"),
]


def test_the_answer_has_the_passages_words(words: Server) -> None:
    answer = asyncio.run(words.chat(max_tokens=40).achat(MESSAGES))
    assert "Paris" in (answer.message.content or "") and answer.raw["finish_reason"] == "stop"


def test_the_stream_says_the_same(words: Server) -> None:
    async def stream() -> str:
        return "".join([part.delta or "" async for part in await words.chat(max_tokens=40).astream_chat(MESSAGES)])

    assert asyncio.run(stream()) == asyncio.run(words.chat(max_tokens=40).achat(MESSAGES)).message.content


def test_the_answer_stops_at_a_text_and_at_its_length(words: Server) -> None:
    whole = asyncio.run(words.chat(max_tokens=40).achat(MESSAGES)).message.content or ""
    stopped = asyncio.run(words.chat(max_tokens=40, stop=[whole[3:]]).achat(MESSAGES))
    assert stopped.message.content == whole[:3] and stopped.raw["finish_reason"] == "stop"
    cut = asyncio.run(words.chat(max_tokens=2).achat(MESSAGES))
    assert cut.raw["finish_reason"] == "length" and cut.additional_kwargs["completion_tokens"] == 2


def test_the_same_seed_gives_the_same_words(words: Server) -> None:
    def say(seed: int) -> str | None:
        return asyncio.run(words.chat(max_tokens=30, temperature=1.5, seed=seed).achat(MESSAGES)).message.content

    assert say(1) == say(1)
    assert len({say(seed) for seed in range(4)}) > 1


def test_an_answer_as_json_names_the_city(words: Server) -> None:
    schema = {"type": "object", "properties": {"capital": {"type": "string", "maxLength": 20}}, "required": ["capital"]}
    answer = asyncio.run(words.chat(json_schema=schema, max_tokens=60).achat(MESSAGES))
    assert "Paris" in json.loads(answer.message.content or "")["capital"]


def test_imagoras_own_prompt_is_answered(words: Server) -> None:
    prompt = build_prompt(Query("what is a triangle?"), [], "Answer in one sentence.")
    assert len((asyncio.run(words.chat(max_tokens=40).achat(prompt)).message.content or "").split()) > 3


def test_a_model_that_cannot_see_refuses_pictures_and_says_what_to_write(words: Server) -> None:
    with pytest.raises(GeneratorError, match=r"cannot see \('images: 0' in the recipe\)"):
        asyncio.run(words.chat().achat(asked("what is it?", picture("red"))))
    with pytest.raises(GeneratorError, match=r"cannot see; write 'images: 0'|at most 0 pictures"):
        asyncio.run(words.chat(images=1).achat(asked("what is it?", picture("red"))))
