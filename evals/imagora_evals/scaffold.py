"""`imagora eval new`: the folder of a suite to begin with, from nothing or from what a recipe's index holds."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path
from typing import Any

from imagora import Item, Pipeline
from imagora.errors import QueryError
from imagora.stages import Feed

from .suite_reading import FILE, QUERIES

SEED, DEPTH, LONGEST = 1, 10, 200
_YAML = """\
# A suite for `imagora eval RECIPE {folder}`; docs/evals.md says what may stand here.
suite: 1
name: {name}
description: {description}
{corpus}
metrics: [nDCG@10, R@1, R@10, RR, AP]
slices: [kind]
"""
_CORPUS = "corpus: {use: folder, path: corpus}    # a source as in a recipe; put pictures and texts into this folder"
_NO_CORPUS = "# Without `corpus`, the recipe's own index is asked."
_QUERIES: tuple[dict[str, Any], ...] = (
    {"id": "words-1", "text": "a red rose", "slices": {"kind": "words"}, "answer": "It is a red rose."},
    {"id": "refusal-1", "text": "What is the capital of Peru?", "slices": {"kind": "refusal"}, "refuse": True},
)
_NOTE = "A rose is a flower. This one is red.\n"


def scaffolded(folder: Path, name: str) -> list[Path]:
    """Write a small suite that works as it is, and give its files; raise QueryError where something is there."""
    _refuse_taken(folder)
    (folder / "corpus").mkdir(parents=True)
    description = "Say here what it asks."
    text = _YAML.format(folder=folder, name=json.dumps(name), description=json.dumps(description), corpus=_CORPUS)
    return [
        _written(folder / FILE, text),
        _written(folder / QUERIES, _lines(_QUERIES)),
        _written(folder / "qrels", "words-1 0 rose.txt 2\n"),
        _written(folder / "corpus" / "rose.txt", _NOTE),
    ]


def sampled(folder: Path, name: str, pipeline: Pipeline, items: int) -> list[Path]:
    """Write a suite over a recipe's index: so many items of its source, to be asked for and judged.

    Each of them gets a query in its own words, which are to be changed, or with its picture where it has none.
    to-be-judged.jsonl has what the recipe finds for it besides, without grades: whoever judges moves the lines to
    qrels.jsonl. Raises QueryError where the folder is taken or the recipe has no source that can be read again.
    """
    _refuse_taken(folder)
    queries, judge, grades = [], [], []
    for number, item in enumerate(_sample(pipeline, items), start=1):
        query = f"item-{number}"
        words, picture = _asked(folder, item, number)
        queries.append({"id": query, "text": words, "pictures": picture, "slices": {"kind": "item"}})
        grades.append({"query": query, "uri": item.uri, "grade": 2})
        for passage in pipeline.search(words, pictures=[folder / one for one in picture], top_k=DEPTH).passages:
            if passage.uri != item.uri:
                judge.append({"query": query, "uri": passage.uri, "title": passage.title, "grade": None})
    folder.mkdir(parents=True, exist_ok=True)
    description = f"Items of the index of {pipeline.plan.name}, to be asked for in other words."
    text = _YAML.format(folder=folder, name=json.dumps(name), description=json.dumps(description), corpus=_NO_CORPUS)
    return [
        _written(folder / FILE, text),
        _written(folder / QUERIES, _lines(queries)),
        _written(folder / "qrels.jsonl", _lines(grades)),
        _written(folder / "to-be-judged.jsonl", _lines(judge)),
    ]


def _sample(pipeline: Pipeline, most: int) -> list[Item]:
    """Give items by chance, the same ones each time; the source is read once, and not held."""
    source = pipeline.stages.source
    if source is None or isinstance(source, Feed):
        what = f"the recipe '{pipeline.plan.name}' has no source that can be read again"
        raise QueryError(f"{what}; make a suite without --from, and leave `corpus` out of it", code="IMG-726")
    dice, kept, seen = random.Random(SEED), list[Item](), 0  # noqa: S311 - no secret
    for item in source.items():
        if not isinstance(item, Item) or not (item.words or isinstance(item.picture, Path)):
            continue
        seen += 1
        if len(kept) < most:
            kept.append(item)
        elif (place := dice.randrange(seen)) < most:
            kept[place] = item
    return sorted(kept, key=lambda item: item.uri)


def _asked(folder: Path, item: Item, number: int) -> tuple[str, list[str]]:
    if item.words:
        return " ".join(item.words.split())[:LONGEST], []
    assert isinstance(item.picture, Path)  # noqa: S101 - or it was not chosen
    target = folder / "asked" / f"item-{number}{item.picture.suffix}"
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(item.picture, target)
    return "", [str(target.relative_to(folder))]


def _refuse_taken(folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise QueryError(f"'{folder}' is there and not empty; name another folder", code="IMG-726")


def _written(file: Path, text: str) -> Path:
    file.write_text(text, "utf-8")
    return file


def _lines(rows: Any) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
