"""What the framework adds to a whole query: from the door to the guarded answer, with parts that do nothing.

    python -m imagora_benchmarks.query_overhead [--queries 1000] [--passages 20]

A stub stands for every part: guardrails that pass at all three places, a retriever that has its passages in a list, a
reranker that turns them round, a generator that says one cited sentence. So all the time is the framework's: checks,
records, passages, the prompt, citations, what LlamaIndex's own classes cost. Once with `answer`, once streamed, and
both with a recipe that does nothing but answer. Exit code 1 where the 95th percentile is over the bound.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from imagora import Passage, Pipeline, Query, Verdict
from imagora.assembly import assemble
from imagora.stages import Scope
from imagora_recipe.check import check
from llama_index.core.base.llms.types import ChatMessage, ChatResponse
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.retrievers import BaseRetriever
from llama_index.core.schema import MediaResource, Node, NodeWithScore, QueryBundle
from rich.console import Console
from rich.table import Table

BOUND = 2.0
"""Milliseconds that the 95th of a hundred queries may take."""
WARM_UP = 50
RECIPE = "recipe: 1\ngenerator: {use: extractive}\n"
SAID = "The red bicycle leans on the wall of a bakery [2], and three boats lie in the harbour [1]."


class StubRetriever(BaseRetriever):
    """Has its passages in a list."""

    def __init__(self, count: int) -> None:
        super().__init__()
        text = "A red bicycle leans on the wall of a bakery in the morning. " * 3
        self._nodes = [
            Node(
                id_=f"{n}", text_resource=MediaResource(text=text * 3), extra_info={"uri": f"{n}.png", "title": f"{n}"}
            )
            for n in range(count)
        ]

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return [Passage(node=node, score=1.0 / n, scores={"text": 0.5}) for n, node in enumerate(self._nodes, 1)]


class StubReranker(BaseNodePostprocessor):
    """Turns the passages round."""

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        return nodes[::-1]

    async def _apostprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        return nodes[::-1]  # LlamaIndex's own default is a thread, which is a part's and not the framework's


class StubGenerator:
    """Says one sentence, whole or word by word."""

    async def achat(self, messages: Sequence[ChatMessage]) -> ChatResponse:
        return ChatResponse(message=ChatMessage(role="assistant", content=SAID))

    async def astream_chat(self, messages: Sequence[ChatMessage]) -> AsyncIterator[ChatResponse]:
        async def stream() -> AsyncIterator[ChatResponse]:
            said = ""
            for word in SAID.split(" "):
                said += f" {word}" if said else word
                yield ChatResponse(message=ChatMessage(role="assistant", content=said))

        return stream()


class StubGuardrail:
    """Lets everything pass."""

    async def acheck(self, texts: Sequence[str], place: str, scope: Scope) -> list[Verdict]:
        return [Verdict("pass", text) for text in texts]


def stubbed(folder: Path, passages: int) -> Pipeline:
    """Give a pipeline all of whose parts are stubs."""
    recipe = folder / "recipe.yaml"
    recipe.write_text(RECIPE)
    plan = check(recipe)
    guardrails: Any = {place: (("stub", StubGuardrail()),) for place in ("query", "passages", "answer")}
    stages: Any = replace(
        assemble(plan),
        retriever=("stub", StubRetriever(passages)),
        rerankers=(("stub", StubReranker()),),
        generator=("stub", StubGenerator()),
        guardrails=guardrails,
    )
    return Pipeline(plan, stages)


async def measure(call: Callable[[Query], Coroutine[Any, Any, None]], queries: int) -> np.ndarray[Any, Any]:
    """Give the milliseconds of every query, by the clock and of the processor (queries x 2)."""
    times = []
    for number in range(queries + WARM_UP):
        query = Query(f"what leans on wall number {number}?")
        clock, processor = time.perf_counter(), time.process_time()
        await call(query)
        times.append((time.perf_counter() - clock, time.process_time() - processor))
    return np.array(times[WARM_UP:]) * 1000


async def overhead(folder: Path, queries: int, passages: int) -> dict[str, np.ndarray[Any, Any]]:
    """Give the times of both doors."""
    with stubbed(folder, passages) as pipeline:

        async def whole(query: Query) -> None:
            answer = await pipeline.answer(query)
            assert answer.text == SAID and len(answer.citations) == 2  # noqa: S101, PLR2004 - else it measures nothing

        async def streamed(query: Query) -> None:
            events = [event async for event in pipeline.stream(query)]
            assert len(events) > 3  # noqa: S101, PLR2004 - as above

        return {"answer": await measure(whole, queries), "stream": await measure(streamed, queries)}


def main() -> int:
    """Measure, print the table, and give the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--passages", type=int, default=20)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(overhead(Path(folder), arguments.queries, arguments.passages))
    table = Table("door", "p50, ms", "p95, ms", "p99, ms", "processor p50", "processor p95", "bound on p95")
    for door, times in found.items():
        clock, processor = np.percentile(times, (50, 95, 99), axis=0).T
        shown = [f"{value:.2f}" for value in (*clock, *processor[:2])]
        table.add_row(door, *shown, f"{BOUND:g}")
    Console().print(table)
    return int(max(np.percentile(times[:, 0], 95) for times in found.values()) > BOUND)


if __name__ == "__main__":
    sys.exit(main())
