"""OpenAI's door, through the clients that people use: the openai package, LlamaIndex's OpenAILike and curl."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from imagora_gateway.completion import cut, tokens
from imagora_gateway.conversation import Message, question
from imagora_gateway.errors import Refusal
from imagora_gateway.settings import Bounds
from llama_index.core.base.llms.types import ChatMessage, ImageBlock, TextBlock
from llama_index.llms.openai_like import OpenAILike
from toy_stages import square

from .live import Live, ingested, served

ROSE = [{"role": "user", "content": "a red rose in a vase"}]
BLUE = "data:image/png;base64," + base64.b64encode(square("blue")).decode()


@pytest.fixture(scope="module")
def official(live: Live) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{live.url}/v1", api_key="any", max_retries=0)


def chat(client: httpx.Client, messages: list[Any], **more: Any) -> httpx.Response:
    return client.post("/v1/chat/completions", json={"model": "toys", "messages": messages, **more})


def events_of(text: str) -> list[Any]:
    blocks = text.split("\n\n")
    assert blocks.pop() == ""
    assert all(block.startswith("data: ") for block in blocks)
    said = [block.removeprefix("data: ") for block in blocks]
    assert said.pop() == "[DONE]"
    return [json.loads(one) for one in said]


# The openai package.


def test_the_openai_package_lists_recipes_and_gets_an_answer_with_citations(official: openai.OpenAI) -> None:
    assert next(iter(official.models.list())).id == "toys"
    done = official.chat.completions.create(model="toys", messages=ROSE, temperature=0.2, seed=1)
    choice = done.choices[0]
    text = choice.message.content or ""
    assert (done.object, choice.finish_reason, choice.message.role) == ("chat.completion", "stop", "assistant")
    assert text.startswith("A red rose in a vase.")
    (note,) = choice.message.annotations or []
    cited = note.url_citation
    assert (note.type, cited.title, text[cited.start_index : cited.end_index]) == ("url_citation", "a rose", "[1]")
    assert done.usage is not None
    assert done.usage.total_tokens == done.usage.prompt_tokens + done.usage.completion_tokens > 10
    extra = done.model_extra or {}
    assert extra["citations"] == [cited.url]
    assert extra["search_results"][0]["title"] == "a rose"


def test_the_openai_package_streams_chunks_in_openais_order(official: openai.OpenAI) -> None:
    stream = official.chat.completions.create(
        model="toys",
        messages=ROSE,
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = list(stream)
    assert {chunk.object for chunk in chunks} == {"chat.completion.chunk"}
    assert len({chunk.id for chunk in chunks}) == len({chunk.created for chunk in chunks}) == 1
    assert (chunks[0].choices[0].delta.role, chunks[0].choices[0].delta.content) == ("assistant", "")
    *spoken, last, usage = chunks
    assert all(chunk.choices[0].finish_reason is None and chunk.usage is None for chunk in spoken)
    assert (last.choices[0].finish_reason, usage.choices) == ("stop", [])
    assert usage.usage is not None and usage.usage.completion_tokens > 5
    text = "".join(chunk.choices[0].delta.content or "" for chunk in spoken)
    notes = (last.choices[0].delta.model_extra or {})["annotations"]
    spans = [text[n["url_citation"]["start_index"] : n["url_citation"]["end_index"]] for n in notes]
    assert spans == ["[1]"]
    assert (last.model_extra or {})["citations"] == [notes[0]["url_citation"]["url"]]
    assert len(spoken) > 3  # it grew


def test_a_picture_as_an_image_part_is_searched_with(official: openai.OpenAI) -> None:
    parts = [{"type": "text", "text": "these waves"}, {"type": "image_url", "image_url": {"url": BLUE}}]
    done = official.chat.completions.create(model="toys", messages=[{"role": "user", "content": parts}])
    assert done.choices[0].message.content == "Blue waves. [1]"


def test_errors_arrive_as_the_openai_packages_own(official: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as missing:
        official.chat.completions.create(model="rose", messages=ROSE)
    assert missing.value.code == "model_not_found"
    assert "there is: toys" in str(missing.value)
    with pytest.raises(openai.BadRequestError, match="n must be 1"):
        official.chat.completions.create(model="toys", messages=ROSE, n=2)
    with pytest.raises(openai.BadRequestError, match="asks nothing"):
        official.chat.completions.create(model="toys", messages=[{"role": "user", "content": " "}])


# LlamaIndex's OpenAILike.


def test_llama_index_chats_and_streams_with_words_and_a_picture(live: Live) -> None:
    llm = OpenAILike(api_base=f"{live.url}/v1", api_key="any", model="toys", is_chat_model=True, max_retries=0)
    assert str(llm.chat([ChatMessage("a red rose in a vase")]).message.content).startswith("A red rose in a vase.")
    blocks = [TextBlock(text="these waves"), ImageBlock(image=square("blue"), image_mimetype="image/png")]
    *_, last = llm.stream_chat([ChatMessage(role="user", blocks=blocks)])
    assert last.message.content == "Blue waves. [1]"


# curl.


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl_gets_the_transcript_of_a_stream(live: Live, tmp_path: Path) -> None:
    body = tmp_path / "body.json"
    body.write_text(json.dumps({"model": "toys", "messages": ROSE, "stream": True}))
    command = ["curl", "-sSN", "-i", f"{live.url}/v1/chat/completions", "--json", f"@{body}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
    head, _, rest = done.stdout.replace("\r\n", "\n").partition("\n\n")
    assert head.startswith("HTTP/1.1 200")
    assert "content-type: text/event-stream; charset=utf-8" in head
    assert "x-request-id: " in head
    chunks = events_of(rest)
    first, last = chunks[0], chunks[-1]
    assert list(first) == ["id", "object", "created", "model", "system_fingerprint", "choices"]
    role = {"role": "assistant", "content": "", "refusal": None}
    assert first["choices"] == [{"index": 0, "delta": role, "logprobs": None, "finish_reason": None}]
    assert last["choices"][0]["finish_reason"] == "stop"


# To the letter.


def test_fields_that_are_not_known_are_left_aside(client: httpx.Client) -> None:
    more = {"tools": [{"x": 1}], "response_format": {"type": "text"}, "brand_new": True, "user": "u", "stop": ["x"]}
    assert chat(client, ROSE, **more).status_code == 200


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"model": "toys", "messages": []}, "invalid_request"),
        ({"messages": ROSE}, "invalid_request"),
        ({"model": "toys", "messages": [{"role": "wizard", "content": "x"}]}, "invalid_request"),
        ({"model": "toys", "messages": [{"role": "user", "content": "x " * 16_000}]}, "context_length_exceeded"),
        ({"model": "toys", "messages": ROSE * 300}, "too_many_messages"),
        ({"model": "toys", "messages": [{"role": "system", "content": "x"}]}, "no_question"),
        (
            {"model": "toys", "messages": [{"role": "user", "content": [{"type": "input_audio", "data": "x"}]}]},
            "unsupported_content",
        ),
    ],
)
def test_what_cannot_be_served_is_refused_in_openais_shape(client: httpx.Client, body: Any, code: str) -> None:
    refused = client.post("/v1/chat/completions", json=body)
    assert refused.status_code == 400
    error = refused.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert (error["type"], error["code"]) == ("invalid_request_error", code)


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("https://example.org/cat.png", "picture_address"),
        ("file:///etc/passwd", "picture_address"),
        ("data:text/html;base64,PGI+", "picture_address"),
        ("data:image/png;base64,@@@", "picture_address"),
        ("data:image/png;base64,AAAA", "IMG-601"),
    ],
)
def test_a_picture_that_cannot_be_used_is_refused(client: httpx.Client, url: str, code: str) -> None:
    parts = [{"type": "image_url", "image_url": {"url": url}}]
    refused = chat(client, [{"role": "user", "content": parts}])
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, code)


def test_a_body_that_is_no_json_is_told_so(client: httpx.Client) -> None:
    refused = client.post("/v1/chat/completions", content="{", headers={"Content-Type": "application/json"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "invalid_json")


def test_a_body_is_bounded_whatever_its_headers_say(tmp_path: Path) -> None:
    def parts() -> Any:
        for _ in range(20):
            yield b" " * 1_000

    with served(tmp_path, ingested(tmp_path), bounds=Bounds(body_bytes=5_000)) as live, live.client() as client:
        said = client.post("/v1/chat/completions", content=b" " * 6_000)
        hidden = client.post("/v1/chat/completions", content=parts(), headers={"Content-Type": "application/json"})
        health = client.get("/health")
    assert [said.status_code, hidden.status_code, health.status_code] == [413, 413, 200]
    assert "0.005 MB" in hidden.json()["error"]["message"]


def test_max_tokens_cuts_the_answer_and_its_citations_in_both_ways(client: httpx.Client) -> None:
    whole = chat(client, ROSE, max_tokens=3).json()
    choice = whole["choices"][0]
    assert (choice["message"]["content"], choice["finish_reason"]) == ("A red rose", "length")
    assert (choice["message"]["annotations"], whole["citations"]) == ([], [])
    assert whole["usage"]["completion_tokens"] == 3
    chunks = events_of(chat(client, ROSE, max_completion_tokens=3, stream=True).text)
    assert "".join(c["choices"][0]["delta"].get("content", "") for c in chunks) == "A red rose"
    assert chunks[-1]["choices"][0]["finish_reason"] == "length"


def test_a_refusal_of_a_guardrail_ends_with_content_filter_in_both_ways(tmp_path: Path) -> None:
    guarded = ingested(tmp_path, "guarded", guardrails={"query": [{"use": "toy_emails", "action": "refuse"}]})
    asked = {"model": "guarded", "messages": [{"role": "user", "content": "mail ann@example.org"}]}
    with served(tmp_path, guarded) as live, live.client() as client:
        whole = client.post("/v1/chat/completions", json=asked).json()["choices"][0]
        chunks = events_of(client.post("/v1/chat/completions", json={**asked, "stream": True}).text)
    assert whole["finish_reason"] == chunks[-1]["choices"][0]["finish_reason"] == "content_filter"
    said = "".join(c["choices"][0]["delta"].get("content", "") for c in chunks)
    assert said == whole["message"]["content"] != ""


def test_what_fails_before_the_first_word_has_a_status_in_a_stream_too(tmp_path: Path) -> None:
    from toy_recipes import recipe_of, write

    empty = write(tmp_path, recipe_of(index={"use": "toy_memory", "path": "none.json"}))
    with served(tmp_path, empty) as live, live.client() as client:
        answers = [chat(client, ROSE, stream=stream) for stream in (False, True)]
    assert [answer.status_code for answer in answers] == [503, 503]
    error = answers[1].json()["error"]
    assert (error["type"], error["code"]) == ("server_error", "IMG-902")
    assert str(tmp_path) not in answers[1].text  # paths are for the log


# Conversations.


def said(role: str, content: Any) -> Message:
    return Message(role=role, content=content)


def test_the_last_message_of_the_user_asks_and_nothing_of_the_others_is_searched_with() -> None:
    history = [
        said("system", "You are a pirate."),
        said("user", "where is the rose?"),
        said("assistant", "In the vase [1]."),
        said("user", "and what colour has the sea today?"),
    ]
    assert question(history, Bounds()).words == "and what colour has the sea today?"


def test_a_question_too_short_to_stand_alone_takes_the_one_before_with_it() -> None:
    history = [said("user", "show me red shoes"), said("assistant", "Here."), said("user", "and in blue?")]
    assert question(history, Bounds()).words == "show me red shoes\nand in blue?"


def test_a_picture_stays_until_another_one_is_shown() -> None:
    shown = [{"type": "image_url", "image_url": {"url": BLUE}}]
    history = [said("user", shown), said("assistant", "The sea."), said("user", "what else looks like that one?")]
    assert question(history, Bounds()).pictures == [BLUE]
    assert question([*history, said("user", [{"type": "image_url", "image_url": "x"}])], Bounds()).pictures == ["x"]


def test_more_pictures_than_there_may_be_are_refused() -> None:
    with pytest.raises(Refusal, match="3 pictures, and 2 are the limit"):
        question([said("user", [{"type": "image_url", "image_url": "x"}] * 3)], Bounds(pictures=2))


def test_a_cut_text_has_as_many_tokens_as_are_allowed() -> None:
    text = "A red rose, in a vase [1]."
    assert [tokens(cut(text, most)) for most in (1, 3, 4, 50)] == [1, 3, 4, tokens(text)]
    assert cut(text, 4) == "A red rose,"
