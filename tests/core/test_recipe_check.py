"""A recipe is checked against what is installed: every problem, each with its place, and no secret in any of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import toys
from imagora import BuildContext, Component, Options, hookimpl
from imagora.assembly import assemble
from imagora.catalog import Catalog
from imagora.errors import RecipeError
from imagora_recipe.check import check
from imagora_recipe.gate import EXAMPLES
from pydantic import Field, SecretStr, field_validator
from toy_recipes import CATALOG, problems, recipe_of, write

HEAD = "recipe: 1\ngenerator: {use: toy_quote}\n"
SECTIONS = (
    "(there is: access, answer, description, embedders, engine, extends, gate, gateway, generator, guardrails, "
    "index, ledger, licences, pictures, preparers, prices, profiles, prompt, recipe, rerankers, retriever, source, "
    "traces, wrappers)"
)
NOTHING = "the recipe does nothing: it has neither a retriever nor a generator, e.g. extends: starter"

BAD = {
    "nothing in it": (
        "{}",
        ["toys.yaml:1:1: recipe: is missing; a recipe begins with: recipe: 1", f"toys.yaml:1:1: {NOTHING}"],
    ),
    "only a version": ("recipe: 1\n", [f"toys.yaml:1:1: {NOTHING}"]),
    "another version": (
        "recipe: 2\ngenerator: {use: toy_quote}\n",
        [
            "toys.yaml:1:9: recipe: is of version 2, and this Imagora (0.1.0) reads version 1; "
            "type: pip install 'imagora>=0.2'"
        ],
    ),
    "an older version": (
        "recipe: 0\ngenerator: {use: toy_quote}\n",
        [
            "toys.yaml:1:9: recipe: is of version 0, and recipes are of version 1; "
            "type: imagora recipe migrate toys.yaml"
        ],
    ),
    "a truth value as the version": (
        "recipe: yes\ngenerator: {use: toy_quote}\n",
        ["toys.yaml:1:9: recipe: this is version 1 of recipes, and the file says 'yes'"],
    ),
    "an unknown section": (
        HEAD + "retreiver: {}\n",
        [f"toys.yaml:3:1: retreiver: there is no section 'retreiver'; did you mean 'retriever'? {SECTIONS}"],
    ),
    "gates that cannot be": (
        HEAD
        + "gate:\n  ndgc@10: {min: 0.6}\n  nDCG@10: {least: 0.6}\n  R@5: {min: 0.5}\n  recall@5: {min: 0.6}\n"
        + "  map: {}\n  mrr: {min: 2, max: 1}\n  p@1: {drop: -1}\n  latency_p95: {drop: 0.1}\n  cost: 3\n",
        [
            "toys.yaml:4:3: gate.ndgc@10: there is no metric 'ndgc@10'; did you mean 'ndcg@10'? (there is: "
            f"{', '.join(sorted(EXAMPLES))})",
            "toys.yaml:5:13: gate.nDCG@10.least: there is no option 'least' (there is: drop, max, min)",
            "toys.yaml:7:3: gate.recall@5: is the same metric as 'R@5'; say one",
            "toys.yaml:8:8: gate.map: must say 'min', 'max' or 'drop', e.g. {min: 0.6, drop: 0.01}",
            "toys.yaml:9:8: gate.mrr: 'min' is above 'max': nothing is at least 2 and at most 1",
            "toys.yaml:10:15: gate.p@1.drop: input should be greater than or equal to 0, and it is '-1'",
            "toys.yaml:11:3: gate.latency_p95: 'latency_p95' has no drop that could be certain; say 'min' or 'max'",
            "toys.yaml:12:9: gate.cost: must be a mapping",
        ],
    ),
    "an unknown component": (
        "recipe: 1\ngenerator: {use: toy_qoute}\n",
        [
            "toys.yaml:2:18: generator: there is no generator called 'toy_qoute'; did you mean 'toy_quote'? "
            "(there is: toy_quote)"
        ],
    ),
    "a component of another kind": (
        "recipe: 1\ngenerator: {use: toy_reverse}\n",
        [
            "toys.yaml:2:18: generator: there is no generator called 'toy_reverse' (there is: toy_quote); "
            "'toy_reverse' is a component of the kind reranker"
        ],
    ),
    "no component": (
        "recipe: 1\ngenerator: {passage: 1}\n",
        ["toys.yaml:2:12: generator: must name a component: {use: …} (there is: toy_quote)"],
    ),
    "a word for a component": (
        "recipe: 1\ngenerator: toy_quote\n",
        ["toys.yaml:2:12: generator: must name a component: {use: …} (there is: toy_quote)"],
    ),
    "an import path for a component": (
        "recipe: 1\ngenerator: {use: os.system}\n",
        ["toys.yaml:2:18: generator: there is no generator called 'os.system' (there is: toy_quote)"],
    ),
    "an unknown option": (
        "recipe: 1\ngenerator:\n  use: toy_quote\n  pasage: 1\n",
        [
            "toys.yaml:4:3: generator.pasage: there is no option 'pasage'; did you mean 'passage'? (there is: passage)",
        ],
    ),
    "a word for a number": (
        "recipe: 1\ngenerator: {use: toy_quote, passage: many}\n",
        [
            "toys.yaml:2:38: generator.passage: input should be a valid integer, unable to parse string as an integer, "
            "and it is 'many'"
        ],
    ),
    "a number out of bounds": (
        "recipe: 1\ngenerator: {use: toy_quote, passage: 0}\n",
        ["toys.yaml:2:38: generator.passage: input should be greater than or equal to 1, and it is '0'"],
    ),
    "a word that is no choice": (
        HEAD + "guardrails: {answer: [{use: toy_emails, action: censor}]}\n",
        ["toys.yaml:3:49: guardrails.answer[0].action: input should be 'redact' or 'refuse', and it is 'censor'"],
    ),
    "an unknown leg": (
        HEAD + "embedders: {txt: {use: toy_words}}\n",
        [
            "toys.yaml:3:13: embedders.txt: there is no leg called 'txt'; did you mean 'text'? "
            "(there is: image, sparse, text)"
        ],
    ),
    "an unknown place": (
        HEAD + "guardrails: {anser: []}\n",
        [
            "toys.yaml:3:14: guardrails.anser: there is no place called 'anser'; did you mean 'answer'? "
            "(there is: answer, passages, query)"
        ],
    ),
    "one thing for a list": (
        HEAD + "rerankers: {use: toy_reverse}\nguardrails: {query: {use: toy_emails}}\n",
        [
            "toys.yaml:3:12: rerankers: must be a list of rerankers, e.g. [{use: …}]",
            "toys.yaml:4:21: guardrails.query: must be a list of guardrails, e.g. [{use: …}]",
        ],
    ),
    "a list for a mapping": (
        HEAD + "embedders: [a]\nprompt: []\n",
        [
            "toys.yaml:3:12: embedders: must be a mapping with the legs image, text, sparse",
            "toys.yaml:4:9: prompt: must be a mapping",
        ],
    ),
    "an index alone": (
        HEAD + "index: {use: toy_memory}\n",
        [
            "toys.yaml:3:1: index: needs the section 'embedders' too, e.g. embedders: "
            "{text: {use: sentence_transformers}}"
        ],
    ),
    "an index that nothing searches": (
        HEAD + "embedders: {sparse: {use: toy_words}}\nindex: {use: toy_memory}\n",
        ["toys.yaml:4:1: index: needs a retriever too, e.g. retriever: {use: hybrid}"],
    ),
    "a retriever without an index": (
        HEAD + "retriever: {use: toy_retriever}\n",
        ["toys.yaml:3:1: retriever: needs the section 'index' too, e.g. index: {use: qdrant, path: ./index}"],
    ),
    "a home of nobody": (
        HEAD + "ledger: {path: ~no_such_user/x}\n",
        ["toys.yaml:3:9: ledger: the options cannot be checked: RuntimeError: Could not determine home directory."],
    ),
    "mistakes in lists of options": (
        HEAD + "source: {use: toy_list, items: [{text: a}, {uri: b, txt: 1}, {uri: c, colour: 3}]}\n",
        [
            "toys.yaml:3:33: source.items[0].uri: the option 'uri' is missing: what names the item within the source",
            "toys.yaml:3:53: source.items[1].txt: there is no option 'txt'; did you mean 'text'? "
            "(there is: broken, colour, metadata, text, title, uri)",
            "toys.yaml:3:79: source.items[2].colour: input should be a valid string, and it is '3'",
        ],
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_a_mistake_is_told_with_its_place(what: str, tmp_path: Path) -> None:
    text, said = BAD[what]
    assert problems(write(tmp_path, text)) == said


def test_every_problem_is_told_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = """\
recipe: one
retreiver: {}
source: {use: toy_lsit}
embedders: {image: {use: toy_colour, weight: 1}}
generator:
  use: toy_quote
  passage: -1
  model: x
guardrails:
  answer: [{use: toy_emails}, {use: presideo}]
prompt: {passages: ${HOW_MANY}}
"""
    said = problems(write(tmp_path, text.replace("${HOW_MANY}", '"${HOW_MANY}"')))
    assert [line.split(": ")[0] for line in said] == [
        f"toys.yaml:{place}" for place in ("1:9", "2:1", "3:15", "4:38", "7:12", "8:3", "10:37", "11:20")
    ]


class Door(Options):
    host: str = Field(description="where")
    user: str = Field(description="who")
    port: int | None | list[int] = Field(None, description="a number, or more of them")
    password: SecretStr | None = Field(None, description="kept")
    note: str = Field("", description="quoted by its own check")

    @field_validator("note")
    @classmethod
    def _short(cls, note: str) -> str:
        if note == "BOOM":
            raise KeyError(note)
        if len(note) > 3:
            raise ValueError(f"'{note}' is too long")
        return note


def build_door(options: Door, context: BuildContext) -> Any:
    raise ValueError(f"nobody opens to {options.user} with https://{options.user}:{options.note}@{options.host}")


class DoorPlugin:
    @hookimpl
    def offer_generators(self) -> list[Component[Any]]:
        heavy = Component(
            "heavy", "needs much", Door, build_door, requires=("json", "no_such_package", "no.such.one"), extra="big"
        )
        return [Component("door", "a door", Door, build_door), heavy]


DOORS = Catalog.of(toys, DoorPlugin())


def test_every_missing_option_is_told(tmp_path: Path) -> None:
    assert problems(write(tmp_path, "recipe: 1\ngenerator: {use: door, port: 1}\n"), DOORS) == [
        "toys.yaml:2:12: generator.host: the option 'host' is missing: where",
        "toys.yaml:2:12: generator.user: the option 'user' is missing: who",
    ]


def test_one_wrong_value_is_told_once_and_without_names_that_are_not_in_the_recipe(tmp_path: Path) -> None:
    text = "recipe: 1\ngenerator: {use: door, host: h, user: u, port: much}\n"
    assert problems(write(tmp_path, text), DOORS) == [
        "toys.yaml:2:48: generator.port: input should be a valid integer, unable to parse string as an integer, "
        "and it is 'much'"
    ]


def test_a_missing_extra_is_told_with_what_to_type(tmp_path: Path) -> None:
    (said,) = problems(write(tmp_path, "recipe: 1\ngenerator: {use: heavy}\n"), DOORS)
    assert said == (
        "toys.yaml:2:18: generator: 'heavy' needs what is not installed ('no_such_package', 'no.such.one'); "
        "type: pip install 'not installed[big]'"
    )


def test_a_missing_environment_value_is_told_with_what_to_type(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("IMAGORA_TOY", raising=False)
    text = 'recipe: 1\ngenerator: {use: toy_quote, passage: "${IMAGORA_TOY}"}\n'
    assert problems(write(tmp_path, text)) == [
        "toys.yaml:2:38: generator.passage: the environment variable 'IMAGORA_TOY' is not set; "
        "type: export IMAGORA_TOY=…"
    ]
    monkeypatch.setenv("IMAGORA_TOY", "3")
    plan = check(tmp_path / "toys.yaml", CATALOG)
    assert plan.generator and plan.generator.options.model_dump() == {"passage": 3}


def test_a_value_from_the_environment_is_a_whole_value(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGORA_TOY", "hunter2hunter2")
    for value in ("x${IMAGORA_TOY}", "${IMAGORA_TOY}${IMAGORA_TOY}", "${IMAGORA_TOY} ", "${1}", "${"):
        said = problems(write(tmp_path, f'recipe: 1\ngenerator: {{use: door, host: "{value}", user: u}}\n'), DOORS)
        assert said == [
            "toys.yaml:2:30: generator.host: a value from the environment is a whole value: '${NAME}', "
            "nothing around it"
        ]


@pytest.mark.parametrize("option", ["port", "note", "hots", "password: [1], note", "use"])
def test_a_value_from_the_environment_is_in_no_error(
    option: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMAGORA_TOY", "hunter2hunter2")
    text = f'recipe: 1\ngenerator: {{use: door, host: h, user: u, {option}: "${{IMAGORA_TOY}}"}}\n'
    text = text.replace("use: door, ", "") if option == "use" else text
    with pytest.raises(RecipeError) as caught:
        check(write(tmp_path, text), DOORS)
    assert "toys.yaml:2:" in str(caught.value)
    assert "hunter2" not in str(caught.value) + repr(caught.value)


def test_a_secret_written_into_the_recipe_is_in_no_error(tmp_path: Path) -> None:
    text = "recipe: 1\ngenerator: {use: door, host: h, user: u, password: 123456789}\n"
    (said,) = problems(write(tmp_path, text), DOORS)
    assert said == "toys.yaml:2:52: generator.password: input should be a valid string"
    text = "recipe: 1\ngenerator: {use: door, host: h, user: u, port: 'http://ann:hunter2@host/'}\n"
    assert "and it is 'http://********@host/'" in problems(write(tmp_path, text), DOORS)[0]


def test_a_build_function_that_refuses_names_the_place_and_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMAGORA_TOY", "hunter2hunter2")
    text = 'recipe: 1\ngenerator: {use: door, host: h, user: "${IMAGORA_TOY}", note: abc}\n'
    with pytest.raises(RecipeError) as caught:
        assemble(check(write(tmp_path, text), DOORS))
    assert str(caught.value).replace(f"{tmp_path}/", "") == (
        "toys.yaml:2:18: generator: nobody opens to ******** with https://********@h"
    )


def test_a_validator_that_breaks_is_told_as_the_recipes_problem(tmp_path: Path) -> None:
    text = "recipe: 1\ngenerator: {use: door, host: h, user: u, note: BOOM}\n"
    (said,) = problems(write(tmp_path, text), DOORS)
    assert said == "toys.yaml:2:12: generator: the options cannot be checked: KeyError: 'BOOM'"


def test_a_leg_gets_only_an_embedder_that_fits_it(tmp_path: Path) -> None:
    recipe = recipe_of(embedders={"image": {"use": "toy_words"}}, source=None)
    plan = check(write(tmp_path, recipe), CATALOG)
    with pytest.raises(RecipeError, match="the leg 'image' needs an embedder of pictures and words, and 'toy_words'"):
        assemble(plan)


def test_legs_of_one_component_with_equal_options_share_one_stage(tmp_path: Path) -> None:
    legs = {"image": {"use": "toy_colour"}, "text": {"use": "toy_colour"}, "sparse": {"use": "toy_words"}}
    stages = assemble(check(write(tmp_path, recipe_of(embedders=legs)), CATALOG))
    assert stages.embedders["image"] is stages.embedders["text"]
    legs["text"] = {"use": "toy_colour", "weights": "2"}
    stages = assemble(check(write(tmp_path, recipe_of(embedders=legs)), CATALOG))
    assert stages.embedders["image"] is not stages.embedders["text"]


def test_the_hash_changes_with_what_the_recipe_says_and_not_with_comments_or_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = 'recipe: 1\ngenerator: {use: door, host: h, user: u, password: "${IMAGORA_TOY}"}\n'

    def hashed(text: str) -> str:
        plan = check(write(tmp_path, text), DOORS)
        assert "hunter2" not in repr(plan)
        return plan.hash

    monkeypatch.setenv("IMAGORA_TOY", "hunter2hunter2")
    first = hashed(text)
    monkeypatch.setenv("IMAGORA_TOY", "hunter2hunter3")
    assert hashed("# another key\n" + text) == first
    assert hashed(text.replace("host: h", "host: i")) != first
    assert hashed(text + "prompt: {passages: 3}\n") != first
    assert len(first) == 16


def test_checking_builds_nothing(tmp_path: Path) -> None:
    text = "recipe: 1\ngenerator: {use: door, host: h, user: u}\n"
    check(write(tmp_path, text), DOORS)  # its build function would raise


def test_a_gate_is_read_by_the_one_spelling_of_each_metric(tmp_path: Path) -> None:
    plan = check(
        write(tmp_path, HEAD + "gate: {nDCG@10: {min: 0.6, drop: 0.01}, R@5: {min: 0.5}, rr: null}\n"), CATALOG
    )
    assert {name: (one.min, one.drop) for name, one in (plan.gate or {}).items()} == {
        "ndcg@10": (0.6, 0.01),
        "recall@5": (0.5, None),
    }
    assert plan.hash == check(write(tmp_path, HEAD), CATALOG).hash  # what is demanded changes no answer
