"""From nothing to a green contract and an answer: at most 40 lines by hand, and no edit to the core."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from .authors import AUTHORS, Author
from .conftest import Clean, wheel_of

TEXTS = {
    "kettle": "A red kettle for two litres of water, which whistles. It costs 25 euros.",
    "teapot": "Red teapot for 12 euros, made of clay.",
    "lamp": "A lamp for a desk, made of brass, with a green shade and a long cord. It costs 80 euros.",
}
RECIPE = """\
recipe: 1
source: {use: folder, path: ./texts}
embedders: {sparse: {use: bm25}}
index: {use: qdrant, path: ./index}
retriever: {use: hybrid}
rerankers: []
generator: {use: extractive}
guardrails: {answer: []}
"""
MOST_LINES, MOST_SECONDS = 40, 600


@pytest.fixture(scope="module")
def built(clean: Clean, tmp_path_factory: pytest.TempPathFactory) -> dict[str, int]:
    """The four plugins, written, built, and installed from their wheels; the lines that each author wrote."""
    place, wheels, written = tmp_path_factory.mktemp("authors"), list[str](), dict[str, int]()
    began = time.monotonic()
    for author in AUTHORS:
        said = clean.run("imagora", "plugin", "new", author.name, "--kind", author.kind, cwd=place)
        assert f"a plugin with the {author.kind} '{author.name}'" in said
        project = place / f"imagora-{author.name.replace('_', '-')}"
        written[author.name] = author.write(project)
        wheels.append(str(wheel_of(project, place / f"dist-{author.name}")))
    clean.install("--no-deps", *wheels)
    assert time.monotonic() - began < MOST_SECONDS
    return written


@pytest.mark.parametrize("author", AUTHORS, ids=lambda author: author.kind)
def test_an_author_writes_at_most_40_lines(built: dict[str, int], author: Author) -> None:
    assert 0 < built[author.name] <= MOST_LINES


def test_the_contracts_are_green_in_a_clean_environment(clean: Clean, built: dict[str, int], tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = json.loads(clean.run("imagora", "plugin", "test", *built, "--json", cwd=tmp_path))
    assert {(row["kind"], row["component"]) for row in rows} >= {(author.kind, author.name) for author in AUTHORS}
    assert [row for row in rows if row["failed"] or not row["passed"]] == []
    assert {row["plugin"] for row in rows} == set(built)


def test_one_changed_line_swaps_each_into_a_recipe_and_changes_the_answer(
    clean: Clean, built: dict[str, int], tmp_path: Path
) -> None:
    (tmp_path / "texts").mkdir()
    for name, text in TEXTS.items():
        (tmp_path / "texts" / f"{name}.txt").write_text(text)
    recipe, answers = RECIPE, list[dict[str, Any]]()
    for author in AUTHORS:
        before, recipe = recipe, recipe.replace(*author.line)
        assert len(set(recipe.splitlines()) - set(before.splitlines())) == 1, "one line is another one"
        (tmp_path / "shop.yaml").write_text(recipe)
        if not answers:
            clean.run("imagora", "ingest", "shop.yaml", cwd=tmp_path)
        answers.append(json.loads(clean.run("imagora", "ask", "shop.yaml", "red kettle", "--json", cwd=tmp_path)))
    first, near, short, guarded = answers
    assert first["text"] == "A red kettle for two litres … [1]. Red teapot for 12 euros, made … [2]."
    assert near["text"] == "A red kettle for two litres … [1]."
    assert (short["text"], guarded["text"]) == (near["text"], near["text"])
    (tmp_path / "shop.yaml").write_text(recipe.replace("near_best, least: 0.99", "near_best"))
    shown = json.loads(clean.run("imagora", "ask", "shop.yaml", "red kettle 12 euros", "--json", cwd=tmp_path))
    assert shown["text"].startswith("Red teapot for <REDACTED>, made … [1]."), "the shortest first, and no price"
