"""A model that says whatever passages tell it to: what of that comes through prompt, citations and guardrails."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from html import unescape
from typing import Any
from urllib.parse import urlsplit

import imagora_ingestion
import imagora_links
import pytest
import toys
from imagora import Passage, Pipeline
from imagora.assembly import assemble
from imagora.catalog import Catalog
from imagora.prompt import TEMPLATE
from imagora_benchmarks.injected_texts import injected
from imagora_recipe.check import check
from llama_index.core.base.llms.types import ChatMessage, ChatResponse
from llama_index.core.schema import MediaResource, Node
from markdown_it import MarkdownIt
from toy_recipes import write

COUNT, SHOWN = 240, 6
TOKENS = re.compile(
    r"<\|[^|]*\|>|</?s>|\[/?INST\]|<</?SYS>>|<(?:start|end)_of_turn>|</?tool_call>|<image>", re.IGNORECASE
)
ALLOWED = "https://shop.example/kettle"


class Obedient:
    """Repeats all that the prompt shows it, and cites passages that there are not."""

    def __init__(self) -> None:
        self.prompts: list[str] = []

    async def achat(self, messages: Sequence[ChatMessage]) -> ChatResponse:
        self.prompts.append(str(messages[-1].content))
        said = f"{self.prompts[-1]}\nSee [1], [7], [99] and {ALLOWED} or ![x](//evil.example/a.png)."
        return ChatResponse(message=ChatMessage(role="assistant", content=said))


class Shelf:
    """Gives some passages, whatever is asked."""

    def __init__(self, texts: Sequence[str]) -> None:
        self.texts = texts

    async def aretrieve(self, query: Any) -> list[Any]:
        return [
            Passage(
                node=Node(
                    id_=f"{place}",
                    text_resource=MediaResource(text=text),
                    extra_info={"title": text[:60] if place % 2 else f"item {place}", "uri": f"{place}"},
                ),
                score=1.0 - place / 10,
            )
            for place, text in enumerate(self.texts)
        ]


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> tuple[Obedient, list[Any]]:
    recipe = {
        "recipe": 1,
        "generator": {"use": "toy_quote"},
        "guardrails": {"answer": [{"use": "links", "hosts": ["shop.example"]}]},
    }
    plan = check(write(tmp_path_factory.mktemp("o"), recipe), Catalog.of(toys, imagora_ingestion, imagora_links))
    texts = [one.text for one in injected(COUNT, seed=5)]
    model, found = Obedient(), []
    for start in range(0, COUNT, SHOWN):
        shelf: Any = Shelf(texts[start : start + SHOWN])
        stages = replace(assemble(plan), generator=("obedient", model), retriever=("shelf", shelf))
        with Pipeline(plan, stages) as pipeline:
            found.append(pipeline.ask("which kettle is best"))
    return model, found


def test_no_special_token_of_a_passage_reaches_the_model(answers: tuple[Obedient, list[Any]]) -> None:
    model, _ = answers
    assert len(model.prompts) == COUNT // SHOWN
    assert [match for prompt in model.prompts for match in TOKENS.findall(prompt)] == []


def test_no_passage_passes_for_another_or_for_a_citation(answers: tuple[Obedient, list[Any]]) -> None:
    model, found = answers
    own = re.findall(r"\[\d+\]", TEMPLATE.rpartition("Answer")[2])  # how to cite, told with an example
    assert own == ["[1]", "[2]"]
    for prompt in model.prompts:
        assert re.findall(r"\[\d+\]", prompt) == [*(f"[{number}]" for number in range(1, SHOWN + 1)), *own]
    for answer in found:
        assert set(answer.unknown_markers) == {7, 99}
        assert {citation.number for citation in answer.citations} <= set(range(1, SHOWN + 1))
        assert all(answer.text[c.start : c.end] == f"[{c.number}]" for c in answer.citations)


def test_no_outside_link_or_picture_comes_through_and_the_shops_own_stays(answers: tuple[Obedient, list[Any]]) -> None:
    renderer = MarkdownIt("commonmark", {"html": True, "linkify": True}).enable("linkify")
    for answer in answers[1]:
        assert not answer.refused
        page = renderer.render(answer.text)
        addresses = re.findall(r"""(?:href|src|srcset|action|data)\s*=\s*["']?([^"'\s>]+)""", page)
        assert [address for address in addresses if leads_outside(unescape(address))] == []
        assert "evil.example/" not in answer.text
        assert ALLOWED in answer.text


def leads_outside(address: str) -> bool:
    parts = urlsplit(address)
    return parts.scheme not in {"", "https"} or parts.netloc not in {"", "shop.example"}
