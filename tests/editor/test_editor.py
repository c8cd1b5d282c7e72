"""What an editor completes, shows and marks in a recipe, asked of the yaml-language-server at given places."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from imagora.catalog import installed_catalog
from imagora_recipe.extends import shipped_recipes
from imagora_recipe.sections import SECTIONS

from .conftest import Asked

Ask = Callable[..., Asked]


def options_of(kind: str, name: str) -> set[str]:
    return set(installed_catalog().get(kind, name).component.options.model_fields)


def names_of(kind: str) -> set[str]:
    return {offer.component.name for offer in installed_catalog().offers(kind)}


def test_sections_are_completed_with_what_they_are(ask: Ask) -> None:
    found = ask("generator: {use: extractive}\n|").completions()
    assert set(found) == set(SECTIONS) - {"recipe", "generator"}
    assert "What finds passages for a query." in str(found["retriever"]["documentation"])


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("retriever:\n  use: |\n", "retriever"),
        ("embedders:\n  sparse:\n    use: |\n", "embedder"),
        ("rerankers:\n  - use: |\n", "reranker"),
        ("guardrails:\n  passages:\n    - use: |\n", "guardrail"),
        ("embedders:\n  image:\n    use: early_fusion\n    of:\n      use: |\n", "embedder"),
        ("answer:\n  fallback:\n    use: |\n", "generator"),
        ("profiles:\n  dev:\n    index:\n      use: |\n", "index"),
    ],
)
def test_names_of_components_are_completed_with_their_summaries(text: str, kind: str, ask: Ask) -> None:
    found = ask(text).completions()
    assert set(found) == names_of(kind)
    for offer in installed_catalog().offers(kind):
        assert offer.component.summary in str(found[offer.component.name]["documentation"])


@pytest.mark.parametrize(
    ("text", "kind", "name"),
    [
        ("retriever:\n  use: hybrid\n  |\n", "retriever", "hybrid"),
        ("rerankers:\n  - use: visual\n    |\n", "reranker", "visual"),
        ("rerankers:\n  - use: cross_encoder\n    |\n", "reranker", "cross_encoder"),
        ("embedders:\n  image:\n    use: early_fusion\n    of:\n      use: clip\n      |\n", "embedder", "clip"),
        ("profiles:\n  dev:\n    generator:\n      use: extractive\n      |\n", "generator", "extractive"),
    ],
)
def test_only_the_options_of_the_chosen_component_are_completed(text: str, kind: str, name: str, ask: Ask) -> None:
    of_every = {"isolate", "python"} | ({"batching"} if kind in {"embedder", "reranker"} else set())
    assert set(ask(text).completions()) == options_of(kind, name) | of_every


def test_an_option_is_completed_with_its_default_and_its_description(ask: Ask) -> None:
    found = ask("retriever:\n  use: hybrid\n  |\n").completions()
    assert found["top_k"]["insertText"] == "top_k: ${1:20}"
    assert "passages to give" in str(found["top_k"]["documentation"])
    assert set(ask("retriever:\n  use: hybrid\n  fusion: |\n").completions()) >= {"rrf", "calibrated"}
    assert set(ask("answer:\n  require_citations: |\n").completions()) >= {"true", "false"}


def test_a_section_whose_component_the_parent_names_has_the_options_of_all(ask: Ask) -> None:
    found = set(ask("extends: starter\nindex:\n  |\n").completions())
    assert options_of("index", "qdrant") | {"use"} <= found


def test_a_patch_is_completed_by_names(ask: Ask) -> None:
    found = ask("extends: starter\nrerankers:\n  |\n").completions()
    assert {f"{sign}{name}" for sign in ("+", "-", "") for name in names_of("reranker")} <= set(found)
    assert options_of("reranker", "visual") <= set(
        ask("extends: starter\nrerankers:\n  +visual:\n    |\n").completions()
    )


def test_shipped_recipes_are_completed(ask: Ask) -> None:
    found = ask("extends: |\n").completions()
    assert set(found) == set(shipped_recipes())
    assert "all on this machine" in str(found["starter"]["documentation"])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("guard|rails:\n  query: []\n", "What passes, redacts or refuses texts"),
        ("retriev|er:\n  use: hybrid\n", "one search over the index's picture, text and sparse legs"),
        ("retriever:\n  use: hy|brid\n", "one search over the index's picture, text and sparse legs"),
        ("retriever:\n  use: hybrid\n  top_|k: 3\n", "passages to give, where the query does not say how many"),
        ("prompt:\n  pass|ages: 3\n", "How many passages the prompt shows at most."),
        ("extends: starter\nrerankers:\n  +vis|ual:\n    keep: 3\n", "compares the query's words and pictures"),
        ("extends: starter\nprofiles:\n  dev:\n    index: {pa|th: x}\n", "the folder of an index"),
    ],
)
def test_hovering_shows_the_description(text: str, said: str, ask: Ask) -> None:
    asked = ask(text)
    assert asked.wrong() == []
    assert said in asked.hover()


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("retreiver:\n  use: hybrid\n", (3, 1), "Property retreiver is not allowed."),
        ("retriever:\n  use: hybrd\n", (4, 8), 'Value is not accepted. Valid values: "hybrid"'),
        ("retriever:\n  use: hybrid\n  topk: 3\n", (5, 3), "Property topk is not allowed."),
        ("retriever:\n  use: hybrid\n  fusion: rff\n", (5, 11), "Value is not accepted."),
        ("retriever:\n  use: hybrid\n  top_k: many\n", (5, 10), 'Incorrect type. Expected "integer".'),
        ("retriever: {use: hybrid, top_k: 0}\n", (3, 33), "Value is below the minimum of 1."),
        ("rerankers:\n  - use: visual\n    model: x\n", (5, 5), "Property model is not allowed."),
        ("rerankers:\n  - keep: 3\n", (4, 5), 'Missing property "use".'),
        ("extends: x\nrerankers:\n  +visul:\n", (5, 3), "Property +visul is not allowed."),
        ("extends: x\nrerankers:\n  +visual: {kep: 3}\n", (5, 13), "Property kep is not allowed."),
        ("extends: x\nprofiles:\n  dev:\n    indx: {}\n", (6, 5), "Property indx is not allowed."),
        (
            "embedders:\n  image:\n    use: early_fusion\n    of: {use: clip, modle: x}\n",
            (6, 21),
            "Property modle is not allowed.",
        ),
        ('index: {use: qdrant, path: x, batch: "x${N}"}\n', (3, 38), 'Incorrect type. Expected "integer".'),
    ],
)
def test_a_mistake_is_marked_at_its_place(text: str, place: tuple[int, int], said: str, ask: Ask) -> None:
    found = ask(text).wrong()
    assert (*place, said) in [(line, column, message[: len(said)]) for line, column, message in found]


def test_a_file_of_another_version_is_marked(ask: Ask) -> None:
    found = ask("", head="# yaml-language-server: $schema=recipe.schema.json\nrecipe: 0\nextends: starter\n")
    assert [(line, column) for line, column, _ in found.wrong()] == [(2, 9)]


GOOD = {
    "values from the environment": 'extends: starter\nindex: {url: "${U}", batch: "${N}", path: null}\n',
    "patches": "extends: guarded\nguardrails:\n  query:\n    -presidio:\n    +links: {hosts: [a.example]}\n  answer:\n"
    "    presidio: {action: redact}\n",
    "profiles": "extends: x\nprofiles:\n  dev: {index: {path: x}}\n  gpu:\n    rerankers: {+visual: {keep: 8}}\n",
    "an engine by its name": "extends: starter\nengine: local\n",
    "a fallback": "extends: starter\nanswer: {fallback: {use: extractive, sentences: 1}, deadline: 3}\n",
}


@pytest.mark.parametrize("what", GOOD)
def test_nothing_is_marked_where_nothing_is_wrong(what: str, ask: Ask) -> None:
    assert ask(GOOD[what]).wrong() == []


@pytest.mark.parametrize("name", shipped_recipes())
def test_nothing_is_marked_in_a_shipped_recipe(name: str, ask: Ask) -> None:
    assert ask("", head=shipped_recipes()[name].read_text("utf-8")).wrong() == []
