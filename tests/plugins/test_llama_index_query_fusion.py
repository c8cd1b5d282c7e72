"""`query_fusion`: several wordings, each with all of the query's filter and pictures."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from imagora import Query
from imagora.filters import Eq
from imagora.testing import RetrieverContract, golden
from imagora_hybrid.build import build
from imagora_hybrid.options import HybridOptions
from imagora_llama_index import offer_retrievers

from tests.core.toy_embedders import ToyColour, ToyWords
from tests.core.toy_index import ToyMemory

from .test_llama_index_rerankers import Judge, Parts

WORDINGS = "green square\n\nyellow star\nred circle"


@pytest.fixture
def judge() -> Judge:
    return Judge(answer=WORDINGS)


@pytest.fixture
def stage(tmp_path: Path, judge: Judge) -> Iterator[Any]:
    colours = ToyColour()
    index = ToyMemory()
    context = Parts("gallery", {"image": colours, "text": colours, "sparse": ToyWords()}, index)  # type: ignore[arg-type]
    golden.fill(index, context.embedders)  # type: ignore[arg-type]
    inner = build(HybridOptions(), context)
    object.__setattr__(context, "build", lambda component: inner if component.name == "hybrid" else judge)
    (component,) = offer_retrievers()
    options = {"of": {"use": "hybrid"}, "generator": {"use": "extractive"}, "queries": 3}
    yield component.build(component.options.model_validate(options), context)
    index.close()


class TestQueryFusion(RetrieverContract):
    @pytest.fixture
    def stage(self, stage: Any) -> Any:
        return stage


def test_a_model_words_the_question_anew_and_the_filter_stays(stage: Any, judge: Judge) -> None:
    found = asyncio.run(stage.aretrieve(Query("a blue triangle", filter=Eq("colour", "grey"), top_k=3)))
    assert [node.node.metadata["number"] for node in found] == [7], "no wording is asked without the filter"
    assert len(judge.prompts) == 1 and "a blue triangle" in judge.prompts[0] and "2 search queries" in judge.prompts[0]


def test_a_query_without_words_is_asked_as_it_is(stage: Any, judge: Judge) -> None:
    query = Query("", pictures=(golden.picture_of("red circle"),))
    assert asyncio.run(stage.aretrieve(query))[0].node.metadata["uri"] == "red circle" and not judge.prompts
