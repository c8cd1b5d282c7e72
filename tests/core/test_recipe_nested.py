"""A component may stand within the options of another: checked at its own place, built with the same context."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import imagora_ingestion
import pytest
import toys
from imagora import BuildContext, Component, Nested, NestedComponent, Options, RecipePath, hookimpl
from imagora.assembly import assemble
from imagora.catalog import Catalog
from imagora.errors import RecipeError
from imagora_recipe.check import check
from imagora_showing.show import show
from pydantic import Field, SecretStr, ValidationError
from toy_recipes import problems, recipe_of, write


class ShiftOptions(Options):
    of: Annotated[NestedComponent, Nested("embedder")] = Field(description="what is shifted")
    by: int = Field(1, ge=0, description="by how much")


class ChainOptions(Options):
    first: Annotated[NestedComponent, Nested("generator")] | None = Field(None, description="asked first")
    fallback: Annotated[tuple[NestedComponent, ...], Nested("generator")] = Field((), description="asked then")
    others: dict[str, Annotated[NestedComponent, Nested("generator")]] = Field({}, description="too deep")


class SecretOptions(Options):
    url: str = Field(description="where")
    key: SecretStr | None = Field(None, description="kept")
    file: RecipePath | None = Field(None, description="beside the recipe")


class Shift:
    """An embedder that shows what it was built of."""

    def __init__(self, inner: Any, context: BuildContext) -> None:
        self.inner, self.context = inner, context

    # Written out, because from Python 3.12 on a protocol's members are looked up in the class, past any __getattr__.
    identity = property(lambda self: self.inner.identity)
    get_text_embedding_batch = property(lambda self: self.inner.get_text_embedding_batch)
    aget_query_embedding = property(lambda self: self.inner.aget_query_embedding)
    get_image_embedding_batch = property(lambda self: self.inner.get_image_embedding_batch)
    aget_image_embedding = property(lambda self: self.inner.aget_image_embedding)


class Chain:
    def __init__(self, parts: list[Any], context: BuildContext) -> None:
        self.parts, self.context = parts, context

    async def achat(self, messages: Any) -> Any:
        return await self.parts[0].achat(messages)


def build_shift(options: ShiftOptions, context: BuildContext) -> Shift:
    return Shift(context.build(options.of), context)


def build_chain(options: ChainOptions, context: BuildContext) -> Chain:
    given = [part for part in (options.first, *options.fallback) if part]
    return Chain([context.build(part) for part in given], context)


def refuse(options: SecretOptions, context: BuildContext) -> Any:
    raise ValueError(f"nobody is at {options.url}")


class Nests:
    @hookimpl
    def offer_embedders(self) -> list[Component[Any]]:
        absent = Component("absent", "not there", Options, refuse, requires=("no_such_package",), extra="big")
        return [Component("shift", "another one, shifted", ShiftOptions, build_shift), absent]

    @hookimpl
    def offer_generators(self) -> list[Component[Any]]:
        return [
            Component("chain", "one after the other", ChainOptions, build_chain),
            Component("secret", "a service", SecretOptions, refuse),
        ]


NESTS = Catalog.of(toys, Nests(), imagora_ingestion)
HEAD = "recipe: 1\ngenerator: {use: toy_quote}\nembedders:\n"
CHAIN = "recipe: 1\ngenerator: {use: chain, "

BAD = {
    "an unknown component": (
        HEAD + "  image: {use: shift, of: {use: toy_color}, by: -1}\n",
        [
            "toys.yaml:4:33: embedders.image.of: there is no embedder called 'toy_color'; did you mean 'toy_colour'? "
            "(there is: absent, shift, toy_colour, toy_words)",
            "toys.yaml:4:49: embedders.image.by: input should be greater than or equal to 0, and it is '-1'",
        ],
    ),
    "a component of another kind": (
        HEAD + "  image: {use: shift, of: {use: toy_quote}}\n",
        [
            "toys.yaml:4:33: embedders.image.of: there is no embedder called 'toy_quote' (there is: absent, shift, "
            "toy_colour, toy_words); 'toy_quote' is a component of the kind generator"
        ],
    ),
    "an unknown option, two levels down": (
        HEAD + "  image:\n    use: shift\n    of:\n      use: shift\n      of: {use: toy_colour, weight: 2}\n",
        [
            "toys.yaml:8:29: embedders.image.of.of.weight: there is no option 'weight'; did you mean 'weights'? "
            "(there is: weights)"
        ],
    ),
    "a missing extra": (
        HEAD + "  image: {use: shift, of: {use: absent}}\n",
        [
            "toys.yaml:4:33: embedders.image.of: 'absent' needs what is not installed ('no_such_package'); "
            "type: pip install 'not installed[big]'"
        ],
    ),
    "none": (
        HEAD + "  image: {use: shift}\n",
        ["toys.yaml:4:10: embedders.image.of: the option 'of' is missing: what is shifted"],
    ),
    "null": (
        HEAD + "  image: {use: shift, of: null}\n",
        ["toys.yaml:4:27: embedders.image.of: must name a component: {use: …}, and it is 'None'"],
    ),
    "a word": (
        HEAD + "  image: {use: shift, of: toy_colour}\n",
        [
            "toys.yaml:4:27: embedders.image.of: must name a component: {use: …} (there is: absent, shift, "
            "toy_colour, toy_words)"
        ],
    ),
    "a list for one": (
        HEAD + "  image: {use: shift, of: [{use: toy_colour}]}\n",
        ["toys.yaml:4:27: embedders.image.of: must name a component: {use: …}"],
    ),
    "one for a list": (
        CHAIN + "fallback: {use: toy_quote}}\n",
        ["toys.yaml:2:35: generator.fallback: input should be a valid tuple"],
    ),
    "two in a list": (
        CHAIN + "fallback: [{use: toy_quote, passage: 0}, {use: toy_quote}, {use: toy_quot}]}\n",
        [
            "toys.yaml:2:62: generator.fallback[0].passage: input should be greater than or equal to 1, and it is '0'",
            "toys.yaml:2:90: generator.fallback[2]: there is no generator called 'toy_quot'; did you mean 'toy_quote'? "
            "(there is: chain, secret, toy_quote)",
        ],
    ),
    "one that is neither an option nor in a list": (
        CHAIN + "others: {a: {use: toy_quote}}}\n",
        ["toys.yaml:2:37: generator.others.a: must name a component: {use: …}"],
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_a_mistake_within_options_is_told_with_its_place(what: str, tmp_path: Path) -> None:
    text, said = BAD[what]
    assert problems(write(tmp_path, text), NESTS) == said


def test_secrets_within_are_in_no_error_and_not_in_the_hash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = CHAIN + 'first: {use: secret, url: "${IMAGORA_TOY}", key: "${IMAGORA_TOY}"}}\n'
    monkeypatch.delenv("IMAGORA_TOY", raising=False)
    assert problems(write(tmp_path, text), NESTS) == [
        f"toys.yaml:2:{column}: generator.first.{name}: the environment variable 'IMAGORA_TOY' is not set; "
        "type: export IMAGORA_TOY=…"
        for column, name in ((51, "url"), (74, "key"))
    ]
    monkeypatch.setenv("IMAGORA_TOY", "hunter2hunter2")
    with pytest.raises(RecipeError) as caught:
        assemble(check(write(tmp_path, text), NESTS))
    assert str(caught.value).endswith("toys.yaml:2:38: generator.first: nobody is at ********")
    assert "hunter2" not in show(tmp_path / "toys.yaml")
    wrong = text.replace('"}}', '", urk: "${IMAGORA_TOY}"}}').replace('url: "', 'url: ["').replace('", key', '"], key')
    assert "hunter2" not in "\n".join(problems(write(tmp_path, wrong), NESTS))
    kept = CHAIN + 'first: {use: secret, url: u, key: "${IMAGORA_TOY}"}}\n'
    first = check(write(tmp_path, kept), NESTS)
    monkeypatch.setenv("IMAGORA_TOY", "hunter2hunter3")
    assert check(write(tmp_path, kept), NESTS).hash == first.hash
    assert check(write(tmp_path, kept.replace("url: u", "url: v")), NESTS).hash != first.hash


def test_a_path_within_is_beside_the_recipe_that_says_it(tmp_path: Path) -> None:
    write(tmp_path, CHAIN + "first: {use: secret, url: u, file: x.txt}}\n", "below/below.yaml")
    plan = check(write(tmp_path, "recipe: 1\nextends: below/below.yaml\ngenerator: {first: {url: v}}\n"), NESTS)
    assert plan.generator
    (first,) = plan.generator.nested()
    assert first.options.model_dump(include={"file", "url"}) == {"file": tmp_path / "below" / "x.txt", "url": "v"}


def test_it_is_built_with_the_same_context_and_equal_embedders_are_one_stage(tmp_path: Path) -> None:
    colour = {"use": "toy_colour"}
    legs = {"image": {"use": "shift", "of": colour}, "text": colour}
    generator = {"use": "chain", "first": {"use": "chain", "fallback": [{"use": "toy_quote"}]}}
    plan = check(write(tmp_path, recipe_of(embedders=legs, generator=generator)), NESTS)
    stages = assemble(plan)
    image: Any = stages.embedders["image"]
    assert image.inner is stages.embedders["text"]
    assert stages.generator
    chain: Any = stages.generator[1]
    (inner,) = chain.parts
    assert inner.context is chain.context and inner.context.embedders == stages.embedders
    assert [planned.where for planned in plan.components() if planned.where.startswith("gen")] == [
        "generator",
        "generator.first",
        "generator.first.fallback[0]",
    ]
    assert assemble(plan).embedders["text"] is not stages.embedders["text"], "another pipeline has stages of its own"


def test_options_made_in_python_take_the_same_mappings() -> None:
    made = ChainOptions.model_validate({"first": None, "fallback": [{"use": "extractive", "sentences": 1}]})
    assert [part.name for part in made.fallback] == ["extractive"]
    dumped = json.loads(made.model_dump_json())
    assert dumped["fallback"][0].items() >= {"use": "extractive", "sentences": 1}.items()
    assert ChainOptions.model_validate(dumped) == made
    with pytest.raises(RecipeError, match=r"<options>:1:\d+: generator.sentences: input should be greater"):
        ChainOptions.model_validate({"first": {"use": "extractive", "sentences": 0}})
    with pytest.raises(ValidationError, match="must name a component"):
        ShiftOptions.model_validate({"of": "starter"})


def test_the_options_have_a_schema() -> None:
    schema = ChainOptions.model_json_schema()
    assert schema["properties"]["fallback"]["items"]["required"] == ["use"]
