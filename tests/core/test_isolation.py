"""Components in processes of their own: the same contracts, the same answers, and a crash that stays in there."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import imagora_ingestion
import pytest
import toys
from imagora import BuildContext, Component, Options, Query, hookimpl
from imagora.assembly import assemble, build
from imagora.catalog import Catalog
from imagora.errors import RecipeError, StageCrashed, StageError
from imagora.pipeline import Pipeline
from imagora.stages import Scope
from imagora.testing import (
    EmbedderContract,
    GeneratorContract,
    GuardrailContract,
    PreparerContract,
    RerankerContract,
)
from imagora_isolation.planning import _checked
from imagora_isolation.process import CRASHES
from imagora_isolation.proxies import Isolated, IsolatedPicture, IsolatedStream
from imagora_recipe.check import check, planned
from toy_distributions import TOYS, install, install_toys
from toy_recipes import CATALOG, built, problems, recipe_of, write

MOODY = '''
import asyncio, os, signal, time
from pathlib import Path
import imagora
from imagora.stages import Verdict

imagora_api = ">=1.0,<2"


class Moody:
    """Does what the text says."""

    async def acheck(self, texts, place, scope):
        for text in texts:
            if text.startswith("die"):
                os.kill(os.getpid(), signal.SIGKILL)
            if text.startswith("exit"):
                print("no more memory", flush=True)
                os._exit(7)
            if text.startswith("sleep"):
                try:
                    await asyncio.sleep(60)
                except asyncio.CancelledError:
                    Path(text.split()[1]).write_text("cancelled")
                    raise
            if text.startswith("stumble"):
                raise KeyError("a fault of its own")
        scope.notes.setdefault("seen", []).extend(texts)
        return [Verdict("redact", f"{os.getpid()} {len(scope.notes['seen'])} {text}") for text in texts]


@imagora.hookimpl
def offer_guardrails():
    return [imagora.Component("moody", "does what the text says", imagora.Options, lambda options, context: Moody())]
'''


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Let other processes of this Python find the toys, as if they were installed."""
    folder = tmp_path_factory.mktemp("site")
    install_toys(folder)
    install(folder, "moody-plugin", {"moody": "moody"}, {"moody": MOODY})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([str(folder), str(TOYS)]))
        yield folder


class MoodyHere:
    """What this process knows of the plugin: its name and options."""

    @hookimpl
    def offer_guardrails(self) -> list[Component[Any]]:
        return [Component("moody", "does what the text says", Options, lambda _options, _context: None)]


WITH_MOODY = Catalog.of(toys, imagora_ingestion, MoodyHere())


def isolated(kind: str, folder: Path, **said: Any) -> Any:
    """Build one isolated component out of a recipe with nothing else in it."""
    section = {"guardrail": {"guardrails": {"query": [said]}}, "embedder": {"embedders": {"image": said}}}.get(
        kind, {f"{kind}s" if kind != "generator" else kind: said if kind == "generator" else [said]}
    )
    plan = check(write(folder, recipe_of(**section)), WITH_MOODY)
    (found,) = [p for p in plan.components() if p.isolation is not None]
    return build(found, BuildContext("toys"))


class InItsProcess:
    """Gives a contract the stand-in of an isolated toy."""

    said: tuple[str, dict[str, Any]]

    @pytest.fixture(scope="class")
    def stage(self, site: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
        kind, said = self.said
        stage = isolated(kind, tmp_path_factory.mktemp(kind), isolate="process", **said)
        assert isinstance(stage, Isolated)
        yield stage
        stage.close()


class TestEmbedder(InItsProcess, EmbedderContract):
    said = "embedder", {"use": "toy_colour"}
    pictures = meets = True
    least_met = 1.0


class TestReranker(InItsProcess, RerankerContract):
    said = "reranker", {"use": "toy_reverse"}


class TestGenerator(InItsProcess, GeneratorContract):
    said = "generator", {"use": "toy_quote"}
    cites_only_passages = True


class TestGuardrail(InItsProcess, GuardrailContract):
    said = "guardrail", {"use": "toy_emails"}

    @pytest.fixture
    def dirty(self) -> list[tuple[str, str]]:
        return [(f"Write to person.{number}@example.org.", f"person.{number}@example.org") for number in range(9)]


class TestPreparer(InItsProcess, PreparerContract):
    said = "preparer", {"use": "toy_shout"}


def test_a_recipe_answers_the_same_with_every_part_in_a_process_of_its_own(site: Path, tmp_path: Path) -> None:
    apart = {"isolate": "process"}
    here = recipe_of(
        preparers=[{"use": "toy_shout"}],
        rerankers=[{"use": "toy_reverse"}],
        guardrails={"query": [{"use": "toy_emails"}]},
    )
    there = here | {
        "embedders": {"image": {"use": "toy_colour", **apart}, "sparse": {"use": "toy_words", **apart}},
        "preparers": [{"use": "toy_shout", **apart}],
        "rerankers": [{"use": "toy_reverse", **apart}],
        "generator": {"use": "toy_quote", **apart},
        "guardrails": {"query": [{"use": "toy_emails", **apart}]},
    }
    said = []
    for name, recipe in (("here", here), ("there", there)):
        (tmp_path / name).mkdir()
        with built(tmp_path / name, recipe) as pipeline:
            pipeline.ingest()
            answer = pipeline.ask("a red rose, mail ann@example.org")
            scores = [(p.uri, p.score, p.scores) for p in answer.passages]
            said.append((pipeline.plan.hash, answer.text, answer.citations, scores, answer.verdicts))
    assert said[0] == said[1]


def checked(stage: Any, text: str, scope: Scope | None = None) -> str:
    (verdict,) = asyncio.run(stage.acheck([text], "query", scope or Scope()))
    return str(verdict.text)


@pytest.fixture
def moody(site: Path, tmp_path: Path) -> Iterator[Any]:
    stage = isolated("guardrail", tmp_path, use="moody", isolate="process")
    yield stage
    stage.close()


def test_a_crash_is_an_error_and_the_next_call_starts_the_process_again(moody: Any) -> None:
    first = checked(moody, "hello").split()[0]
    assert first != str(os.getpid())
    with pytest.raises(StageCrashed, match=r"the process of 'moody' was ended by SIGKILL"):
        checked(moody, "die")
    again = checked(moody, "hello").split()[0]
    assert again not in (first, str(os.getpid()))
    with pytest.raises(StageCrashed, match=r"the process of 'moody' ended with 7: no more memory"):
        checked(moody, "exit")
    with pytest.raises(StageError, match="KeyError: 'a fault of its own'"):
        checked(moody, "stumble")
    assert checked(moody, "hello").split()[0] not in (first, again), "a fault is no crash"


def test_calls_that_are_under_way_all_hear_of_a_crash(moody: Any, tmp_path: Path) -> None:
    async def run() -> list[Any]:
        waiting = [moody.acheck([f"sleep {tmp_path / 'x'}"], "query", Scope()) for _ in range(3)]
        tasks = [asyncio.ensure_future(call) for call in waiting]
        await asyncio.sleep(0.2)
        return await asyncio.gather(*tasks, moody.acheck(["die"], "query", Scope()), return_exceptions=True)

    assert [type(given) for given in asyncio.run(run())] == [StageCrashed] * 4


def test_a_process_that_crashes_again_and_again_is_left_alone_for_a_while(moody: Any) -> None:
    for _ in range(CRASHES):
        with pytest.raises(StageCrashed):
            checked(moody, "die")
    with pytest.raises(StageCrashed, match=r"crashed 3 times in a row; it is started again in \d+ s"):
        checked(moody, "hello")


def test_whoever_stops_waiting_ends_the_work_there(moody: Any, tmp_path: Path) -> None:
    file = tmp_path / "cancelled"

    async def run() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await moody.acheck([f"sleep {file}"], "query", Scope())
        for _ in range(100):
            if file.exists():
                return
            await asyncio.sleep(0.05)

    asyncio.run(run())
    assert file.read_text() == "cancelled"


def test_what_a_guardrail_keeps_for_a_query_is_there_for_that_query_only(moody: Any) -> None:
    one, other = Scope(), Scope()
    counts = [checked(moody, "x", scope).split()[1] for scope in (one, one, other, one)]
    assert counts == ["1", "2", "1", "3"]


def test_the_process_ends_with_the_stage_and_when_this_one_is_killed(site: Path, tmp_path: Path) -> None:
    stage = isolated("guardrail", tmp_path, use="moody", isolate="process")
    child = int(checked(stage, "hello").split()[0])
    stage.close()
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)
    program = (
        "import os, sys, asyncio\nfrom imagora.stages import Scope\nfrom imagora_isolation.process import Process\n"
        "from imagora_isolation.planning import Isolation\n"
        "p = Process(Isolation('guardrail', 'moody', {}, {}, 'r'))\n"
        "print(p.call('acheck', ['hello'], 'query', scope='s')[0].text.split()[0], flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL
    orphan = int(done.stdout)
    for _ in range(100):
        try:
            os.kill(orphan, 0)
        except ProcessLookupError:
            return
        asyncio.run(asyncio.sleep(0.05))
    raise AssertionError("the process outlived the one that started it")


class Killed:
    """An embedder of the toys whose process a test can end."""

    def __init__(self, stage: IsolatedPicture) -> None:
        self.stage = stage

    def __call__(self) -> None:
        process: Any = self.stage.process._connection
        process._process.kill()
        process._process.wait()


def test_a_crashed_embedder_is_a_leg_less_and_not_a_query_less(site: Path, tmp_path: Path) -> None:
    import imagora_hybrid

    catalog = Catalog.of(toys, imagora_ingestion, imagora_hybrid)
    legs = {"image": {"use": "toy_colour", "isolate": "process"}, "sparse": {"use": "toy_words"}}
    recipe = recipe_of(embedders=legs, retriever={"use": "hybrid"})
    with built(tmp_path, recipe, catalog) as pipeline:
        pipeline.ingest()
        assert "legs_left_out" not in pipeline.ask("a red rose").stages[0].facts
        image: Any = pipeline.stages.embedders["image"]
        image.identity()

        def crash(*_: Any, **__: Any) -> Any:
            raise StageCrashed("the process of 'toy_colour' was ended by SIGSEGV")

        for name in ("get_query_embedding", "aget_query_embedding"):
            setattr(image, name, crash)
        answer = pipeline.ask("a red rose")
        assert answer.passages and answer.passages[0].title == "a rose"
        assert answer.stages[0].facts["legs_left_out"] == ["image"]
        assert "SIGSEGV" in answer.stages[0].facts["crashed"]
        with pytest.raises(StageCrashed):
            pipeline.ask("a red rose", weights={"sparse": 0})  # no leg is left


def test_a_crashed_reranker_leaves_the_order_that_there_is(site: Path, tmp_path: Path) -> None:
    recipe = recipe_of(rerankers=[{"use": "toy_reverse", "isolate": "process"}])
    with built(tmp_path, recipe) as pipeline:
        pipeline.ingest()
        usual = [p.uri for p in pipeline.search("a red rose").passages]
        reranker: Any = pipeline.stages.rerankers[0][1]

        async def crash(*_: Any, **__: Any) -> Any:
            raise StageCrashed("the process of 'toy_reverse' was ended by SIGKILL")

        reranker.apostprocess_nodes = crash
        found = pipeline.search("a red rose")
        assert [p.uri for p in found.passages] == usual[::-1]
        assert found.stages[1].facts["crashed"].endswith("SIGKILL")


def test_a_stream_is_what_it_is_here(site: Path, tmp_path: Path) -> None:
    stage = isolated("generator", tmp_path, use="toy_quote", isolate="process")
    assert isinstance(stage, IsolatedStream)
    stage.close()


PINNED = "VERSION = {}\n"
PLUGIN = """
import imagora, pinned
from imagora.stages import Verdict
from pydantic import Field

imagora_api = ">=1.0,<2"
assert pinned.VERSION == {number}, pinned.VERSION


class TagOptions(imagora.Options):
    sign: str = Field("?", description="what is put behind")
    key: str = Field("", description="a secret")


class Tag:
    def __init__(self, sign):
        self.sign = sign

    async def acheck(self, texts, place, scope):
        return [Verdict("redact", f"{{text}} {{pinned.VERSION}}{{self.sign}}") for text in texts]


@imagora.hookimpl
def offer_guardrails():
    return [imagora.Component("tag_{number}", "needs pinned=={number}", TagOptions, lambda o, c: Tag(o.sign))]
"""


@pytest.fixture
def two_environments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two plugins that need two versions of one module: one on this Python's path, one in an environment of its own."""
    here, there = tmp_path / "here", tmp_path / "venv"
    install(here, "tag-1", {"tag_1": "tag_1"}, {"tag_1": PLUGIN.format(number=1), "pinned": PINNED.format(1)})
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(there)], check=True)
    (packages,) = there.glob("lib/python*/site-packages")
    install(packages, "tag-2", {"tag_2": "tag_2"}, {"tag_2": PLUGIN.format(number=2), "pinned": PINNED.format(2)})
    # Imagora itself is there as it is here: by the folders that this Python finds it in.
    found = {sysconfig.get_path("purelib"), str(Path(imagora_ingestion.__file__).parents[1])}
    (packages / "imagora.pth").write_text("\n".join(found))
    monkeypatch.setenv("PYTHONPATH", str(here))
    return there / "bin" / "python"


ASKING = """
import asyncio, imagora, sys
from imagora.stages import Scope

with imagora.load("both.yaml") as pipeline:
    text = "pinned to"
    for name, guardrail in pipeline.stages.guardrails["query"]:
        (verdict,) = asyncio.run(guardrail.acheck([text], "query", Scope()))
        text = verdict.text
    print(text, pipeline.plan.hash)
"""


def test_two_plugins_with_clashing_pins_work_in_one_recipe(two_environments: Path, tmp_path: Path) -> None:
    guardrails = f"[{{use: tag_1, sign: '.'}}, {{use: tag_2, isolate: process, python: {two_environments}, sign: '!'}}]"
    text = f"recipe: 1\ngenerator: {{use: extractive}}\nguardrails:\n  query: {guardrails}\n"
    write(tmp_path, text, "both.yaml")
    done = subprocess.run([sys.executable, "-c", ASKING], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.startswith("pinned to 1. 2! "), done.stderr


def test_what_the_other_environment_says_of_options_is_told_at_their_place(
    two_environments: Path, tmp_path: Path
) -> None:
    _checked.cache_clear()
    guardrail = f"{{use: tag_2, isolate: process, python: {two_environments}, sing: x, sign: [1]}}"
    text = f"recipe: 1\ngenerator: {{use: toy_quote}}\nguardrails:\n  query: [{guardrail}]\n"
    said = [problem.split(": ", 2)[1:] for problem in problems(write(tmp_path, text))]
    assert said == [
        ["guardrails.query[0].sing", "there is no option 'sing' (there is: sign, key)"],
        ["guardrails.query[0].sign", "input should be a valid string"],
    ]
    unknown = text.replace("use: tag_2", "use: tag_9")
    (said_of_name,) = problems(write(tmp_path, unknown))
    assert "there is no guardrail called 'tag_9'; did you mean 'tag_2'?" in said_of_name and "there" in said_of_name


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "generator: {use: toy_quote, isolate: thread}",
            "toys.yaml:2:38: generator.isolate: must be 'process', and it is 'thread'",
        ),
        (
            "generator: {use: toy_quote}\nwrappers: [{use: toy_counter, isolate: process}]",
            "toys.yaml:3:40: wrappers[0].isolate: a component of the kind wrapper stays in this process; can leave it: "
            "preparer, embedder, retriever, reranker, generator, guardrail",
        ),
        (
            "generator: {use: toy_quote, isolate: process, python: ./nowhere/python}",
            "toys.yaml:2:55: generator.python: 'FOLDER/nowhere/python' cannot be started: no such file or directory",
        ),
        (
            "generator: {use: toy_quote, isolate: process, passage: 0}",
            "toys.yaml:2:56: generator.passage: input should be greater than or equal to 1, and it is '0'",
        ),
    ],
)
def test_a_mistake_is_told_with_its_place(text: str, said: str, tmp_path: Path) -> None:
    _checked.cache_clear()
    file = write(tmp_path, f"recipe: 1\n{text}\n")
    assert problems(file) == [said.replace("FOLDER/", "")]


def test_a_component_that_fails_as_it_is_built_there_is_told_with_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTHONPATH", raising=False)
    plan = check(write(tmp_path, "recipe: 1\ngenerator: {use: toy_quote, isolate: process}\n"), CATALOG)
    with pytest.raises(RecipeError, match=r"toys.yaml:2:18: generator: there is no generator called 'toy_quote'"):
        assemble(plan)  # the other process does not find the toys: they are not installed


def test_a_component_in_options_may_be_isolated_too(site: Path) -> None:
    from imagora_early_fusion.options import EarlyFusionOptions

    options = EarlyFusionOptions.model_validate({"of": {"use": "starter", "isolate": "process"}})
    assert options.of.isolation is not None  # type: ignore[attr-defined]  # it is a Planned
    assert planned("embedder", {"use": "starter"}).isolation is None


def test_pipelines_with_isolated_parts_can_be_used_from_many_tasks(site: Path, tmp_path: Path) -> None:
    recipe = recipe_of(embedders={"image": {"use": "toy_colour", "isolate": "process"}})
    plan = check(write(tmp_path, recipe), CATALOG)
    with Pipeline(plan, assemble(plan)) as pipeline:
        pipeline.ingest()

        async def run() -> list[str]:
            queries = [Query(query_str=f"a {colour} thing") for colour in ("red", "blue", "yellow") * 10]
            found = await asyncio.gather(*(pipeline.retrieve(query) for query in queries))
            return [each.passages[0].uri for each in found]

        assert asyncio.run(run()) == ["rose", "sea", "lemon"] * 10
