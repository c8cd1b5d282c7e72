"""The router: rules choose, recipes are exchanged under way, a broken one changes nothing, and fallbacks stand in."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import imagora_ingestion
import pytest
import toys
from imagora import Answer, BuildContext, Component, Options, Principal, Query, Router, RouterPlan, Rule, hookimpl
from imagora.catalog import Catalog
from imagora.cli.main import app
from imagora.errors import MissingExtra, QueryError, RecipeError, StageError
from imagora.events import AnswerDone, PassagesFound, StageDone, TextPart
from imagora_routing import language
from imagora_routing.file import read_router
from imagora_routing.rules import Asked, Rules
from pydantic import Field, ValidationError
from toy_recipes import ITEMS, recipe_of, write
from typer.testing import CliRunner


class GateOptions(Options):
    gate: str = Field(description="whose turn it is")


class Gates:
    """A wrapper that does to a query what the test has put at its gate."""

    def __init__(self) -> None:
        self.at: dict[str, Callable[[], Awaitable[None]]] = {}

    @hookimpl
    def offer_wrappers(self) -> list[Component[Any]]:
        return [Component("gate", "waits or fails where a test says so", GateOptions, self._build)]

    def _build(self, options: GateOptions, context: BuildContext) -> Any:
        return Gate(self, options.gate)


class Gate:
    def __init__(self, gates: Gates, name: str) -> None:
        self.gates, self.name = gates, name

    async def answer(self, query: Query, inner: Callable[[Query], Awaitable[Answer]]) -> Answer:
        if (what := self.gates.at.get(self.name)) is not None:
            await what()
        return await inner(query)


async def fail() -> None:
    raise StageError("the gate is shut")


@pytest.fixture
def gates() -> Gates:
    return Gates()


@pytest.fixture
def catalog(gates: Gates) -> Catalog:
    return Catalog.of(toys, imagora_ingestion, gates)


def recipe(folder: Path, name: str, passage: int = 1, **more: Any) -> Path:
    """Write a recipe that quotes its n-th passage, with a gate of its own name, over an index that all share."""
    whole = recipe_of(generator={"use": "toy_quote", "passage": passage}, wrappers=[{"use": "gate", "gate": name}])
    whole |= {"index": {"use": "toy_memory", "path": "index.json"}, **more}
    return write(folder, whole, f"{name}.yaml")


@pytest.fixture
def folder(tmp_path: Path, catalog: Catalog) -> Path:
    from imagora import load

    with load(recipe(tmp_path, "first"), catalog) as pipeline:
        pipeline.ingest()
    recipe(tmp_path, "second", passage=2)
    return tmp_path


@pytest.fixture
def router(folder: Path, catalog: Catalog) -> Iterator[Router]:
    write(
        folder,
        "router: 1\nrecipes:\n  first: {file: first.yaml, fallback: second}\n  second: second.yaml\n"
        "rules:\n  - {recipe: second, words: 'waves?'}\ndefault: first\nhealth: {failures: 2, retry_after: 0.2}\n",
        "router.yaml",
    )
    with Router.load(folder / "router.yaml", catalog) as router:
        yield router


def rules(*said: dict[str, Any], default: str | None = "usual") -> Rules:
    return Rules([Rule(**rule) for rule in said], default, language.language_of)


RULED = rules(
    {"recipe": "scans", "tenant": "clinic"},
    {"recipe": "staff", "group": ["makers", "sellers"]},
    {"recipe": "both", "picture": True, "words": "like this|describe"},
    {"recipe": "pictures", "picture": True},
    {"recipe": "laden", "language": ["de"]},
)


@pytest.mark.parametrize(
    ("asked", "chosen", "because"),
    [
        (Asked("a hand", True, Principal("clinic")), "scans", "rule 1: tenant 'clinic'"),
        (Asked("a hand", False, Principal("shop", ("sellers",))), "staff", "rule 2: a group"),
        (Asked("Describe it", True), "both", "rule 3: a picture, words like 'like this|describe'"),
        (Asked("Describe it", False), "usual", "no rule fits"),
        (Asked("", True), "pictures", "rule 4: a picture"),
        (Asked("Gibt es ein Motorrad auf einem der Bilder?", False), "laden", "rule 5: language de"),
        (Asked("Is there a motorcycle in one of the pictures?", False), "usual", "no rule fits"),
        (Asked("12", False), "usual", "no rule fits"),
    ],
)
def test_the_first_rule_that_fits_chooses(asked: Asked, chosen: str, because: str) -> None:
    choice = RULED.choose(asked)
    assert (choice.recipe, choice.because) == (chosen, because)


def test_without_a_default_a_query_that_no_rule_fits_is_refused() -> None:
    with pytest.raises(QueryError, match="no rule fits this query, and there is no default"):
        rules({"recipe": "a", "picture": True}, default=None).choose(Asked("words", False))


def test_an_empty_or_broken_rule_is_no_rule() -> None:
    with pytest.raises(ValidationError, match="a rule says what a query must have"):
        Rule(recipe="a")
    with pytest.raises(ValidationError, match="'words' is no regular expression"):
        Rule(recipe="a", words="(")


def test_languages_need_their_package(folder: Path, catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(language, "find_spec", lambda name: None)
    plan = RouterPlan(recipes={"a": folder / "first.yaml"}, rules=(Rule(recipe="a", language="de"),))
    with pytest.raises(MissingExtra, match=r"type: pip install 'imagora\[router\]'"):
        Router(plan, catalog)


def test_a_query_is_answered_by_name_or_by_rule_and_its_record_says_why(router: Router) -> None:
    by_rule, by_name, usual = router.ask("waves"), router.ask("waves", recipe="first"), router.ask("a rose")
    assert [answer.recipe for answer in (by_rule, by_name, usual)] == ["second", "first", "first"]
    assert [answer.stages[0].facts["because"] for answer in (by_rule, by_name, usual)] == [
        "rule 1: words like 'waves?'",
        "named",
        "no rule fits",
    ]
    assert by_rule.stages[0].stage == "router" and by_rule.recipe_hash == router.pipeline("second").plan.hash
    assert [p.title for p in router.search("waves", top_k=1).passages] == ["the sea"]
    with pytest.raises(
        QueryError, match=r"no recipe called 'frist'; did you mean 'first'\? \(there is: first, second\)"
    ):
        router.ask("x", recipe="frist")


def test_a_reload_takes_the_next_query_and_leaves_those_under_way_alone(
    router: Router, gates: Gates, folder: Path
) -> None:
    async def run() -> None:
        before, waiting, go = router.pipeline("first"), asyncio.Event(), asyncio.Event()
        await before.ready()

        async def wait() -> None:
            waiting.set()
            await go.wait()

        gates.at["first"] = wait
        old_hash = before.plan.hash
        under_way = asyncio.ensure_future(router.aask("a rose", recipe="first"))
        await waiting.wait()
        recipe(folder, "first", passage=2)
        await router.areload("first")
        gates.at.clear()
        new = await router.aask("a rose", recipe="first")
        assert new.recipe_hash == router.pipeline("first").plan.hash != old_hash
        assert before.stages.index is not None and before._is_open, "it is still in use"
        go.set()
        old = await under_way
        assert old.recipe_hash == old_hash and old.text != new.text
        for thread in router._routes["first"]._closing:
            await asyncio.to_thread(thread.join)
        assert not before._is_open, "its last query has ended"

    asyncio.run(run())


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("recipe: 1\ngenerator: {use: toy_quot}\n", "no generator called 'toy_quot'; did you mean 'toy_quote'"),
        ("recipe: [1\n", "is not YAML"),
        ("another embedder", "the leg 'image' of .* holds toy_colour"),
        ("no index", "there is no index"),
    ],
)
def test_a_broken_recipe_is_told_and_the_one_before_goes_on(
    router: Router, folder: Path, text: str, error: str
) -> None:
    other = {"image": {"use": "toy_colour", "weights": "2"}, "sparse": {"use": "toy_words"}}
    more: dict[str, dict[str, Any]] = {
        "another embedder": {"embedders": other},
        "no index": {"index": {"use": "toy_memory", "path": "nowhere.json"}},
    }
    broken = recipe(folder, "first", **more[text]) if text in more else write(folder, text, "first.yaml")
    before = router.ask("a rose", recipe="first")
    with pytest.raises(Exception, match=error):
        router.reload("first", broken)
    after = router.ask("a rose", recipe="first")
    assert (after.text, after.recipe_hash) == (before.text, before.recipe_hash)
    assert not router.health()["first"].failing


def test_another_file_takes_a_recipes_place_and_is_what_is_reloaded_then(router: Router, folder: Path) -> None:
    router.reload("first", folder / "second.yaml")
    assert router.ask("a rose", recipe="first").recipe == "second"
    router.reload()
    assert router.ask("a rose", recipe="first").recipe == "second"
    with pytest.raises(QueryError, match="say which recipe the file takes the place of"):
        router.reload(file=folder / "first.yaml")


def test_equal_embedders_are_built_once_for_all_recipes_and_anew_where_wanted(router: Router) -> None:
    first, second = (router.pipeline(name).stages.embedders["image"] for name in ("first", "second"))
    assert first is second
    router.reload("first")
    assert router.pipeline("first").stages.embedders["image"] is second
    router.reload("first", fresh=True)
    assert router.pipeline("first").stages.embedders["image"] is not second


def test_a_fallback_answers_while_a_recipe_fails_and_it_is_tried_again_later(router: Router, gates: Gates) -> None:
    gates.at["first"] = fail
    answers = [router.ask("a rose") for _ in range(3)]
    assert {answer.recipe for answer in answers} == {"second"}
    assert [answer.stages[0].facts["failed"] for answer in answers] == [
        ["'first' failed: the gate is shut"],
        ["'first' failed: the gate is shut"],
        ["'first' is failing: the gate is shut"],
    ]
    health = router.health()["first"]
    assert (health.failing, health.failures, health.because) == (True, 2, "the gate is shut")
    gates.at.clear()
    deadline = threading.Event()
    deadline.wait(0.25)  # retry_after
    assert router.ask("a rose").recipe == "first"
    assert not router.health()["first"].failing


def test_what_is_wrong_with_a_query_is_no_failure_and_goes_to_nobody_else(router: Router) -> None:
    with pytest.raises(QueryError):
        router.ask("  ", recipe="first")
    assert router.health()["first"].failures == 0


def test_the_last_one_that_can_answer_says_why_it_cannot(router: Router, gates: Gates) -> None:
    gates.at |= {"first": fail, "second": fail}
    for _ in range(4):
        with pytest.raises(StageError, match="the gate is shut"):
            router.ask("a rose")


def test_a_stream_falls_back_before_its_first_word_and_not_after(router: Router, gates: Gates) -> None:
    async def events() -> list[Any]:
        return [event async for event in router.stream(Query(query_str="a rose"))]

    whole = asyncio.run(events())
    assert isinstance(whole[-1], AnswerDone) and whole[-1].answer.recipe == "first"
    assert whole[-1].answer.stages[0].stage == "router"
    kinds = [type(event) for event in whole]
    assert kinds.index(PassagesFound) < kinds.index(TextPart) and StageDone in kinds
    gates.at["first"] = fail
    instead = asyncio.run(events())
    assert instead[-1].answer.recipe == "second"
    assert instead[-1].answer.stages[0].facts["failed"] == ["'first' failed: the gate is shut"]


def test_leaving_a_stream_ends_its_query_and_lets_go_of_the_pipeline(router: Router, gates: Gates) -> None:
    async def leave() -> None:
        stream = router.stream(Query(query_str="a rose"))
        async for _ in stream:
            break
        await stream.aclose()

    asyncio.run(leave())
    assert router._routes["first"]._held.users == 0
    assert router.health()["first"].failures == 0


BAD = {
    "unknown names": (
        "router: 1\nrecipes: {a: first.yaml, b: {file: first.yaml, fallback: c}}\nrules: [{recipe: d, picture: true}]\n"
        "default: e\n",
        [
            "router.yaml:3:18: rules[0].recipe: there is no recipe called 'd' (there is: a, b)",
            "router.yaml:2:58: recipes.b.fallback: there is no recipe called 'c' (there is: a, b)",
            "router.yaml:4:10: default: there is no recipe called 'e' (there is: a, b)",
        ],
    ),
    "a circle": (
        "router: 1\nrecipes:\n  a: {file: first.yaml, fallback: b}\n  b: {file: first.yaml, fallback: a}\n",
        [
            "router.yaml:3:35: recipes.a.fallback: the fallbacks go round in a circle: 'a' → 'b' → 'a'",
            "router.yaml:4:35: recipes.b.fallback: the fallbacks go round in a circle: 'b' → 'a' → 'b'",
        ],
    ),
    "unknown options": (
        "router: 1\nrecipe: {}\nrecipes: {a: {file: f, falback: a}}\nrules: [{recipe: a, pictures: true}]\n",
        [
            "router.yaml:3:24: recipes.a.falback: there is no option 'falback'; did you mean 'fallback'? "
            "(there is: fallback, file)",
            "router.yaml:4:21: rules[0].pictures: there is no option 'pictures'; did you mean 'picture'? "
            "(there is: group, language, picture, recipe, tenant, words)",
            "router.yaml:2:1: recipe: there is no option 'recipe'; did you mean 'recipes'? "
            "(there is: default, health, recipes, router, rules)",
        ],
    ),
    "no recipes": ("router: 1\n", ["router.yaml:1:1: the option 'recipes' is missing"]),
}


@pytest.mark.parametrize("what", BAD)
def test_a_mistake_in_a_routers_file_is_told_with_its_place(what: str, tmp_path: Path) -> None:
    text, said = BAD[what]
    with pytest.raises(RecipeError) as caught:
        read_router(write(tmp_path, text, "router.yaml"))
    assert [str(problem).replace(f"{tmp_path}/", "") for problem in caught.value.problems] == said


def test_the_problems_of_all_recipes_are_told_at_once(tmp_path: Path, catalog: Catalog) -> None:
    files = {name: write(tmp_path, f"recipe: 1\ngenerator: {{use: {name}}}\n", f"{name}.yaml") for name in ("x", "y")}
    with pytest.raises(RecipeError) as caught:
        Router(RouterPlan(recipes=files), catalog)
    assert len(caught.value.problems) == 2


def test_no_fallback_shows_everybody_what_only_some_may_see(folder: Path, catalog: Catalog) -> None:
    recipe(folder, "guarded", access={"tenant": "shop"})
    plan = RouterPlan(
        recipes={"guarded": {"file": folder / "guarded.yaml", "fallback": "first"}, "first": folder / "first.yaml"}
    )
    with pytest.raises(RecipeError, match=r"access\.tenant: the fallback 'first' has no such field"):
        Router(plan, catalog)


def test_queries_from_many_threads_find_their_own_recipe(router: Router) -> None:
    names = ["first", "second"] * 8
    for name in set(names):
        router.ask("a rose", recipe=name)  # the toys' index writes its file when it is opened
    with_hash = {name: router.pipeline(name).plan.hash for name in set(names)}
    found: list[tuple[str, str]] = []

    def one(name: str) -> None:
        found.append((name, router.ask(str(ITEMS[0]["text"]), recipe=name).recipe_hash))

    threads = [threading.Thread(target=one, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == sorted((name, with_hash[name]) for name in names)


def test_the_command_line_says_where_a_query_goes(tmp_path: Path) -> None:
    text = (
        "router: 1\nrecipes: {shop: {file: starter, fallback: safe}, safe: guarded}\n"
        "rules: [{recipe: safe, words: invoice}]\ndefault: shop\n"
    )
    file = str(write(tmp_path, text, "router.yaml"))
    told = CliRunner().invoke(app, ["route", file, "red", "shoes"])
    assert (told.exit_code, told.output) == (0, "shop (no rule fits); while it fails: safe\n")
    told = CliRunner().invoke(app, ["route", file, "an invoice", "--json"])
    assert json.loads(told.output) == {"recipe": "safe", "because": "rule 1: words like 'invoice'", "fallbacks": []}
