"""The JSON Schema of recipes: current, valid, true to what the checker takes, and light to make.

IMAGORA_WRITE=1 writes recipes/recipe.schema.json as it is now.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from imagora import Component, Options, hookimpl
from imagora.catalog import KINDS, Catalog, installed_catalog
from imagora.cli.main import app
from imagora_batching.options import BATCHED_KINDS
from imagora_isolation.planning import ISOLATED_KINDS
from imagora_recipe.extends import shipped_recipes
from imagora_recipe.sections import SECTIONS
from imagora_recipe.tree import parse
from imagora_recipe_tools.schema import recipe_schema
from jsonschema import Draft7Validator
from pydantic import Field
from typer.testing import CliRunner

from tests.docs.blocks import Block, blocks

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "recipes" / "recipe.schema.json"
RECIPES = [block for block in blocks("yaml") if "\nrecipe: 1\n" in f"\n{block.text}\n"]
MODELINE = "# yaml-language-server: $schema=recipe.schema.json"


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return recipe_schema(installed_catalog())


@pytest.fixture(scope="module")
def validator(schema: dict[str, Any]) -> Draft7Validator:
    return Draft7Validator(schema)


def wrong(validator: Draft7Validator, text: str) -> list[str]:
    found = validator.iter_errors(parse(text, "x").plain())
    return [".".join(map(str, error.absolute_path)) for error in found]


def test_the_shipped_schema_is_what_the_installed_plugins_make(tmp_path: Path) -> None:
    made = FILE if os.environ.get("IMAGORA_WRITE") == "1" else tmp_path / FILE.name
    done = CliRunner().invoke(app, ["recipe", "schema", "-o", str(made)])
    assert done.exit_code == 0 and MODELINE in done.stdout
    assert made.read_text("utf-8") == FILE.read_text("utf-8"), "IMAGORA_WRITE=1 pytest tests/recipes/test_schema.py"
    printed = CliRunner().invoke(app, ["recipe", "schema"]).stdout
    assert json.loads(printed) == json.loads(FILE.read_text("utf-8"))


def test_it_is_a_schema_whose_references_lead_somewhere(schema: dict[str, Any]) -> None:
    Draft7Validator.check_schema(schema)
    assert list(schema["properties"]) == [name for name in schema["properties"] if name in SECTIONS]
    assert set(schema["properties"]) == set(SECTIONS)
    resolver = Draft7Validator(schema)._resolver
    seen = set(_references(schema))
    assert len(seen) > 100
    for reference in seen:
        resolver.lookup(reference)


def _references(node: Any) -> Any:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for part in node.values():
            yield from _references(part)
    elif isinstance(node, list):
        for part in node:
            yield from _references(part)


def test_every_component_is_there_with_its_summary_and_every_option_with_its_description(
    schema: dict[str, Any],
) -> None:
    for kind in KINDS:
        offers = installed_catalog().offers(kind)
        use = schema["definitions"][kind]["properties"]["use"]
        assert use.get("enum", []) == [offer.component.name for offer in offers]
        assert use.get("enumDescriptions", []) == [offer.component.summary for offer in offers]
        for offer in offers:
            options = schema["definitions"][f"{kind} {offer.component.name}"]["properties"]
            elsewhere = {"isolate", "python"} if kind in ISOLATED_KINDS else set()
            elsewhere |= {"batching"} if kind in BATCHED_KINDS else set()
            assert set(options) == {"use", *elsewhere, *offer.component.options.model_fields}
            assert [name for name, option in options.items() if not option.get("description")] == []
    hybrid = schema["definitions"]["retriever hybrid"]["properties"]
    assert hybrid["top_k"]["default"] == 20
    assert hybrid["top_k"]["description"] == "passages to give, where the query does not say how many"


@pytest.mark.parametrize("name", shipped_recipes())
def test_every_shipped_recipe_fits_and_says_where_its_schema_is(name: str, validator: Draft7Validator) -> None:
    text = shipped_recipes()[name].read_text("utf-8")
    assert wrong(validator, text) == []
    assert text.startswith(MODELINE + "\n")


@pytest.mark.parametrize("block", [pytest.param(b, id=b.name) for b in RECIPES])
def test_every_recipe_in_the_docs_fits(block: Block, validator: Draft7Validator) -> None:
    if block.comment("with the tutorial plugin") is None:
        assert wrong(validator, block.text) == []


GOOD = {
    "nothing but a parent": "extends: starter",
    "what is taken away": "extends: x\ngenerator:\nrerankers: null\nembedders: {image: null}\nguardrails: {query: }",
    "options without a name": "extends: starter\nindex: {path: x, batch: 3}\nledger: {path: x}",
    "a patch": "extends: x\nguardrails: {query: {-presidio: , +links: {hosts: [a]}}, answer: {links: }}",
    "a patch by place": 'extends: x\nrerankers: {"[0]": {keep: 3}, visual: {use: cross_encoder, keep: 1}}',
    "a patch without options": "extends: x\nrerankers: {+visual: }",
    "values from the environment": 'extends: x\nretriever: {top_k: "${N}", fusion: "${F}", legs: {image: "${X}"}}\n'
    'answer: {require_citations: "${Y}"}',
    "an engine by its name": "extends: starter\nengine: local",
    "a profile": "extends: starter\nprofiles: {dev: {index: {path: x}, rerankers: {+visual: {keep: 2}}}, prod: null}",
    "a component in another's options": "extends: starter\nanswer: {fallback: {use: extractive, sentences: 1}}",
    "a word for a component": "extends: starter\nanswer: {fallback: passages}",
    "a gate": "extends: starter\ngate: {nDCG@10: {min: 0.6, drop: 0.01}, r@5: {min: 0.5}, cost: {max: 1}, map: null}",
    "licences": "extends: starter\nlicences: [MIT, {thing: Apache-2.0}]",
}
BAD = {
    "neither a version nor a parent": ("generator: {use: extractive}", [""]),
    "another version": ("recipe: 2\nextends: starter", ["recipe"]),
    "an unknown section": ("recipe: 1\nretreiver: {}", [""]),
    "an unknown metric": ("extends: starter\ngate: {ndgc@10: {min: 0.6}}", ["gate"]),
    "an unknown limit": ("extends: starter\ngate: {ndcg@10: {least: 0.6}}", ["gate"]),
    "an unknown component": ("recipe: 1\nretriever: {use: hybrd}", ["retriever"]),
    "a component of another kind": ("recipe: 1\nretriever: {use: qdrant}", ["retriever"]),
    "an unknown option": ("recipe: 1\nretriever: {use: hybrid, topk: 3}", ["retriever"]),
    "an option of another component": ("recipe: 1\nrerankers: [{use: visual, model: x}]", ["rerankers.0"]),
    "an option that no component has": ("extends: starter\nindex: {pth: x}", ["index"]),
    "an option of the wrong type": ("recipe: 1\nretriever: {use: hybrid, top_k: [3]}", ["retriever"]),
    "half a value from the environment": ('recipe: 1\nretriever: {use: hybrid, top_k: "x${N}"}', ["retriever"]),
    "a list's entry without a name": ("recipe: 1\nrerankers: [{keep: 1}]", ["rerankers.0"]),
    "an unknown name in a patch": ("extends: x\nrerankers: {+visul: {}}", ["rerankers"]),
    "options of what goes": ("extends: x\nrerankers: {-visual: {keep: 1}}", ["rerankers.-visual"]),
    "an unknown option in a patch": ("extends: x\nrerankers: {+visual: {kep: 1}}", ["rerankers.+visual"]),
    "an unknown section in a profile": ("extends: x\nprofiles: {dev: {indx: {}}}", ["profiles.dev"]),
    "a parent in a profile": ("extends: x\nprofiles: {dev: {extends: y}}", ["profiles.dev"]),
    "an unknown option of an option": ("extends: x\nindex: {use: qdrant, hnsw: {n: 3}}", ["index"]),
    "an unknown option two levels down": (
        "recipe: 1\nembedders: {image: {use: early_fusion, of: {use: clip, modle: x}}}",
        ["embedders"],
    ),
}


@pytest.mark.parametrize("what", GOOD)
def test_what_the_checker_can_take_fits(what: str, validator: Draft7Validator) -> None:
    assert wrong(validator, GOOD[what]) == []


@pytest.mark.parametrize("what", BAD)
def test_what_is_wrong_does_not_fit(what: str, validator: Draft7Validator) -> None:
    text, places = BAD[what]
    assert wrong(validator, text) == places


class Strange:
    """A type that has no schema."""


class StrangeOptions(Options, arbitrary_types_allowed=True):
    thing: Strange = Field(default_factory=Strange, description="cannot be described")


class StrangePlugin:
    @hookimpl
    def offer_rerankers(self) -> list[Component[Any]]:
        return [Component("strange", "a stranger's", StrangeOptions, lambda options, context: None)]


def test_a_strangers_options_that_have_no_schema_leave_the_others_theirs() -> None:
    made = recipe_schema(Catalog.of(StrangePlugin()))
    Draft7Validator.check_schema(made)
    assert wrong(Draft7Validator(made), "recipe: 1\nrerankers: [{use: strange, thing: 3}]") == []
    assert wrong(Draft7Validator(made), "recipe: 1\nrerankers: [{use: other}]") == ["rerankers.0.use"]
