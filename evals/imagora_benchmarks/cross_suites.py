"""What a cross-encoder is measured on: things that it did not learn from, and the stamps, which it never saw."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from imagora import Passage, load
from llama_index.core.schema import NodeWithScore, TextNode

from .clipart import Work
from .cross_lessons import Encode, said
from .fusion_of_items import STAMPS, written

DEPTH = 0.2
LEAST, MOST, SEED = 20, 100, 7
"""The share of a suite's things that are reranked; but at least LEAST and at most MOST."""
FEW, MANY = 3, 60


@dataclass(frozen=True)
class Suite:
    """Questions with the names of what is relevant, and what the first stage found for each, best first."""

    name: str
    asked: Mapping[str, set[str]]
    found: Mapping[str, Sequence[NodeWithScore]]


def pool(things: int) -> int:
    """Give how many passages are reranked where there are so many things."""
    return min(MOST, max(LEAST, round(DEPTH * things)))


def held_out(what: str, works: Sequence[Work], encode: Encode) -> Iterator[Suite]:
    """Give two suites of things that were not learned from: titles ask for words, and words for all their titles."""
    dice, titles = random.Random(SEED), [work.title for work in works]  # noqa: S311 - no secret
    texts = [said(work, dice) for work in works]
    yield _by_minilm(f"{what}, asked by title", {title: {title} for title in titles}, titles, texts, encode)
    asked: dict[str, set[str]] = {}
    for work in works:
        for word in work.folders or work.keywords:
            asked.setdefault(word, set()).add(work.title)
    asked = {word: names for word, names in asked.items() if FEW <= len(names) <= MANY}
    yield _by_minilm(f"{what}, asked by kind", asked, titles, titles, encode)


def named(what: str, works: Sequence[Work], encode: Encode) -> Iterator[Suite]:
    """Give two suites of things that nothing was learned from: names ask for keywords, and keywords for names."""
    titles, texts = [work.title for work in works], [", ".join(work.keywords) for work in works]
    yield _by_minilm(f"{what}, asked by name", {title: {title} for title in titles}, titles, texts, encode)
    asked: dict[str, set[str]] = {}
    for work in works:
        for word in work.keywords:
            asked.setdefault(word, set()).add(work.title)
    asked = {word: names for word, names in asked.items() if FEW <= len(names) <= MANY}
    yield _by_minilm(f"{what}, asked by keyword", asked, titles, titles, encode)


def _by_minilm(
    name: str, asked: Mapping[str, set[str]], titles: Sequence[str], texts: list[str], encode: Encode
) -> Suite:
    nodes = [TextNode(text=text, metadata={"uri": title}) for text, title in zip(texts, titles, strict=True)]
    cosines = encode(list(asked)) @ encode(texts).T
    found = {}
    for question, row in zip(asked, cosines, strict=True):
        best = np.argsort(-row, kind="stable")[: pool(len(nodes))]
        found[question] = [Passage(node=nodes[place], score=float(row[place])) for place in best]
    return Suite(name, asked, found)


def stamps(scratch: Path, items: int | None) -> Iterator[Suite]:
    """Give the suites that it never saw: captions ask the starter for folders' names, and folders for captions."""
    captions = written(STAMPS, scratch / "folders", items)
    for name, legs in (("text leg", {"image": 0, "sparse": 0}), ("all legs", {})):
        with starter(scratch, "folders", {"legs": legs} if legs else {}) as find:
            yield Suite(f"stamps by caption, {name}", captions, {question: find(question) for question in captions})
    folders = {file.name: file.with_suffix(".txt").read_text("utf-8") for file in (scratch / "folders").glob("*.png")}
    shutil.copytree(scratch / "folders", scratch / "captions")
    for caption, names in captions.items():
        for one in names:
            (scratch / "captions" / one).with_suffix(".txt").write_text(caption, "utf-8")
    categories: dict[str, set[str]] = {}
    for one, folder in folders.items():
        categories.setdefault(folder, set()).add(one)
    with starter(scratch, "captions", {"legs": {"image": 0, "sparse": 0}}) as find:
        found = {question: find(question) for question in categories}
        yield Suite("stamps asked for a folder, text leg", categories, found)


@contextmanager
def starter(
    scratch: Path, things: str, retriever: dict[str, Any]
) -> Iterator[Callable[[str], Sequence[NodeWithScore]]]:
    """Ingest where that was not done, and give what searches."""
    recipe = {"recipe": 1, "extends": "starter", "source": {"path": things}, "index": {"path": f"index of {things}"}}
    (scratch / "recipe.yaml").write_text(json.dumps({**recipe, "retriever": retriever}))
    deep = pool(len(list((scratch / things).glob("*.png"))))
    with load(scratch / "recipe.yaml") as pipeline:
        pipeline.ingest()
        yield lambda question: pipeline.search(question, top_k=deep).passages
