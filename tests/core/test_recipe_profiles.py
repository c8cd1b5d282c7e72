"""Profiles and `--set`: what is laid over a recipe's files, from where, and what goes wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import imagora
import pytest
from imagora.errors import RecipeError
from imagora_recipe.check import check
from imagora_recipe.plan import Plan
from toy_recipes import CATALOG, write

BASE = """\
recipe: 1
embedders: {image: {use: toy_colour}, sparse: {use: toy_words}}
index: {use: toy_memory, path: kept/base.json}
retriever: {use: toy_retriever, top_k: 7}
generator: {use: toy_quote}
profiles:
  dev: {retriever: {top_k: 2}, index: {path: dev.json}}
  prod:
    guardrails: {query: {+toy_emails: {action: redact}}}
    generator: {passage: 2}
"""
CHILD = """\
extends: base.yaml
retriever: {top_k: 9, fusion: dbsf}
profiles:
  prod:
    guardrails: {query: {toy_emails: {action: refuse}}}
  gpu: {embedders: {image: {weights: '8'}}}
"""


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("IMAGORA_PROFILE", raising=False)
    write(tmp_path, BASE, "base.yaml")
    return write(tmp_path, CHILD)


def options(plan: Plan, section: str) -> dict[str, Any]:
    planned = getattr(plan, section)
    assert planned
    return planned.options.model_dump()


def told(recipe: Path, **chosen: Any) -> list[str]:
    with pytest.raises(RecipeError) as caught:
        check(recipe, CATALOG, **chosen)
    return [str(problem).replace(f"{recipe.parent}/", "") for problem in caught.value.problems]


def test_without_a_profile_none_is_laid_over(recipe: Path) -> None:
    plan = check(recipe, CATALOG)
    assert options(plan, "retriever") == {"top_k": 9, "legs": {}, "fusion": "dbsf"}
    assert not plan.guardrails


def test_a_parents_profile_goes_over_the_childs_own_values(recipe: Path) -> None:
    plan = check(recipe, CATALOG, profile="dev")
    assert options(plan, "retriever") == {"top_k": 2, "legs": {}, "fusion": "dbsf"}
    assert options(plan, "index")["path"] == recipe.parent / "dev.json", "beside the file that says it"


def test_a_profile_of_one_name_in_parent_and_child_is_both(recipe: Path) -> None:
    plan = check(recipe, CATALOG, profile="prod")
    assert options(plan, "generator") == {"passage": 2}
    assert [p.options.model_dump() for p in plan.guardrails["query"]] == [{"action": "refuse"}]


def test_profiles_come_in_the_order_in_which_they_are_named(recipe: Path) -> None:
    write(recipe.parent, BASE + "  few: {retriever: {top_k: 1}}\n", "base.yaml")
    assert options(check(recipe, CATALOG, profile="dev,few"), "retriever")["top_k"] == 1
    plan = check(recipe, CATALOG, profile="few, dev,gpu")
    assert options(plan, "retriever")["top_k"] == 2
    assert plan.embedders["image"].options.model_dump() == {"weights": "8"}


def test_the_environment_chooses_where_nobody_else_does(recipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGORA_PROFILE", "dev")
    assert options(check(recipe, CATALOG), "retriever")["top_k"] == 2
    assert options(check(recipe, CATALOG, profile="gpu"), "retriever")["top_k"] == 9
    assert options(check(recipe, CATALOG, profile=""), "retriever")["top_k"] == 9
    monkeypatch.setenv("IMAGORA_PROFILE", "dve")
    assert told(recipe) == [
        "toys.yaml:3:1: profiles: there is no profile called 'dve', which the environment variable IMAGORA_PROFILE "
        "asks for; did you mean 'dev'? (there is: dev, gpu, prod)"
    ]


def test_an_unknown_profile_is_told_with_those_there_are(recipe: Path) -> None:
    assert told(recipe, profile="prd,dev,x") == [
        f"toys.yaml:3:1: profiles: there is no profile called '{name}', which --profile asks for{guess} "
        "(there is: dev, gpu, prod)"
        for name, guess in (("prd", "; did you mean 'prod'?"), ("x", ""))
    ]
    bare = write(recipe.parent, "recipe: 1\ngenerator: {use: toy_quote}\n", "bare.yaml")
    assert told(bare, profile="dev") == [
        "bare.yaml:1:1: profiles: there is no profile called 'dev', which --profile asks for (there is none)"
    ]


def test_a_null_takes_a_parents_profile_away(recipe: Path) -> None:
    write(recipe.parent, "extends: toys.yaml\nprofiles: {prod: null, dev: }\n", "grandchild.yaml")
    (said,) = told(recipe.parent / "grandchild.yaml", profile="prod")
    assert said.endswith("(there is: gpu)")


def test_the_hash_is_that_of_the_result(recipe: Path) -> None:
    def hashed(**chosen: Any) -> str:
        return check(recipe, CATALOG, **chosen).hash

    hashes = {hashed(), hashed(profile="dev"), hashed(profile="prod"), hashed(said=["retriever.top_k=8"])}
    assert len(hashes) == 4
    assert hashed(said=["retriever.top_k=9"]) == hashed()
    assert hashed(said={"retriever.top_k": 2, "index.path": recipe.parent / "dev.json"}) == hashed(profile="dev")


BAD = {
    "a list": ("[dev]", ["3:11: profiles: must be a mapping of profiles, e.g. {dev: {index: {path: ./dev}}}"]),
    "a word": ("{dev: fast}", ["3:17: profiles.dev: must be a mapping of sections"]),
    "what the file says": (
        "{dev: {extends: starter, recipe: 1, profiles: {}}}",
        [
            f"3:{column}: profiles.dev.{name}: a profile cannot say '{name}'; the recipe does"
            for column, name in ((18, "extends"), (36, "recipe"), (47, "profiles"))
        ],
    ),
    "an unknown section": (
        "{dev: {retreiver: {}}}",
        ["3:18: profiles.dev.retreiver: there is no section 'retreiver'; did you mean 'retriever'?"],
    ),
    "a name that cannot be asked for": ('{"a,b": {}}', ["3:12: profiles: 'a,b' cannot be a profile's name"]),
}


@pytest.mark.parametrize("what", BAD)
def test_a_mistake_in_the_form_of_profiles_is_told_also_where_none_is_chosen(what: str, recipe: Path) -> None:
    text, said = BAD[what]
    path = write(recipe.parent, f"recipe: 1\ngenerator: {{use: toy_quote}}\nprofiles: {text}\n")
    assert [line.split(" (there")[0] for line in told(path)] == [f"toys.yaml:{line}" for line in said]


def test_a_mistake_in_a_profiles_option_is_told_where_it_is_chosen(recipe: Path) -> None:
    write(recipe.parent, BASE.replace("top_k: 2", "topk: 2"), "base.yaml")
    check(recipe, CATALOG)
    (said,) = told(recipe, profile="dev")
    assert said.startswith("base.yaml:7:21: retriever.topk: there is no option 'topk'; did you mean 'top_k'?")


def test_set_goes_over_everything_and_its_values_are_yaml(recipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(recipe.parent)
    said = [
        *("retriever.top_k=3", "index.path=./mine.json", "retriever.legs={image: 2, sparse: 0.5}"),
        *("guardrails.query.toy_emails.action=redact", "rerankers.+toy_reverse=", "rerankers[0].keep=4"),
    ]
    plan = check(recipe, CATALOG, profile="prod", said=said)
    assert options(plan, "retriever") == {"top_k": 3, "legs": {"image": 2, "sparse": 0.5}, "fusion": "dbsf"}
    assert options(plan, "index")["path"] == Path("mine.json"), "beside nothing: in the working folder"
    assert [p.options.model_dump() for p in plan.guardrails["query"]] == [{"action": "redact"}]
    assert [p.options.model_dump() for p in plan.rerankers] == [{"keep": 4}]
    assert check(recipe, CATALOG, said=["generator=", "retriever.top_k=5"]).generator is None


def test_set_takes_values_from_the_environment_and_tells_no_secret(
    recipe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMAGORA_TOY", "hunter2hunter2")
    (said,) = told(recipe, said=["retriever.top_k=${IMAGORA_TOY}"])
    assert said.startswith("--set: retriever.top_k: input should be a valid integer")
    assert "hunter2" not in said
    (said,) = told(recipe, said=["generator.api_key=hunter2hunter2"])
    assert "hunter2" not in said


def test_what_set_says_wrong_is_told_with_set_for_its_place(recipe: Path) -> None:
    assert [
        line.split(" (there")[0] for line in told(recipe, said=["indx.path=x", "retriever.topk=1", "index.pth=1"])
    ] == [
        "--set: indx: there is no section 'indx'; did you mean 'index'?",
        "--set: index.pth: there is no option 'pth'; did you mean 'path'?",
        "--set: retriever.topk: there is no option 'topk'; did you mean 'top_k'?",
    ]
    assert told(recipe, said=["x", "a..b=3", "recipe=2", "profiles.dev={}", "generator.passage={"]) == [
        "--set: 'x' sets nothing; write e.g. --set index.path=./index",
        "--set: generator.passage: is not YAML: expected the node content, but found '<stream end>'; "
        "a bracket or a quote is not closed",
        "--set: 'a..b' is no path of keys; write e.g. index.path or rerankers[0].keep",
        "--set: recipe: 'recipe' cannot be set; the file says it",
        "--set: profiles.dev: 'profiles' cannot be set; the file says it",
    ]
    assert told(recipe, said={"generator.passage": {1, 2}}) == [
        "--set: generator.passage: a recipe holds words, numbers, lists and mappings, and this is a set"
    ]


def test_two_mistakes_in_one_value_are_both_told(recipe: Path) -> None:
    assert len(told(recipe, said=["generator={use: toy_quote, a: 1, b: 2}"])) == 2


def test_python_loads_with_a_profile_and_with_values(recipe: Path) -> None:
    with imagora.load(recipe, CATALOG, profile="dev", set={"retriever.fusion": "rrf", "generator": None}) as pipeline:
        assert options(pipeline.plan, "retriever") == {"top_k": 2, "legs": {}, "fusion": "rrf"}
        assert pipeline.plan.generator is None
