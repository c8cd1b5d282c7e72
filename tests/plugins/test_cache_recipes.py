"""Caches in recipes: what `recipe diff`, `draw` and `show` say of them, and the command line, traces and prompts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import imagora_cache
import imagora_ingestion
import imagora_redis
import pytest
import toys
from imagora import Pipeline
from imagora.catalog import Catalog
from imagora.cli.main import app
from imagora.cli.render import stage_times
from imagora_drawing.scene import scene_of
from imagora_recipe.check import check
from imagora_recipe.plan import Plan
from imagora_recipe_tools.diff import diff
from llama_index.core.base.llms.types import ChatMessage, ChatResponse
from toy_recipes import ITEMS, built, recipe_of, write
from toy_stages import square
from toy_tracer import ToyTracer
from typer.testing import CliRunner

CATALOG = Catalog.of(toys, imagora_ingestion, imagora_cache, imagora_redis)
SECRET = "redis://:open-sesame@127.0.0.1:6379"


def plan(folder: Path, name: str, **sections: Any) -> Plan:
    return check(write(folder, recipe_of(**sections), f"{name}.yaml"), CATALOG)


def test_a_difference_says_which_caches_answers_are_not_found_any_more(tmp_path: Path) -> None:
    wrappers = [{"use": "toy_counter"}, {"use": "cache"}, {"use": "redis_cache", "url": SECRET}]
    before = plan(tmp_path, "before", wrappers=wrappers)
    after = plan(tmp_path, "after", wrappers=wrappers, rerankers=[{"use": "toy_reverse"}])
    assert diff(before, after).caches == ("cache", "redis_cache")
    assert diff(before, before).caches == ()
    counted = [plan(tmp_path, name, wrappers=[{"use": "toy_counter", "label": name}]) for name in "xy"]
    assert diff(*counted).caches == ()
    longer = plan(tmp_path, "longer", wrappers=[{"use": "cache", "answer": 5}])
    changed = diff(plan(tmp_path, "usual", wrappers=[{"use": "cache"}]), longer)
    assert ([change.cost for change in changed.changes], changed.level) == (["online"], "online only")


def test_a_drawing_and_a_hash_show_a_cache_and_no_password(tmp_path: Path) -> None:
    one, other = (
        plan(tmp_path, name, wrappers=[{"use": "redis_cache", "url": url, "answer": 60}])
        for name, url in (("one", SECRET), ("other", SECRET.replace("sesame", "poppy")))
    )
    (box,) = scene_of(one).wrappers
    assert box.name == "redis_cache"
    assert any(detail.startswith("answer: 60") for detail in box.details)
    assert "sesame" not in str(scene_of(one))
    assert one.hash == other.hash


def test_show_and_check_know_the_caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SHOP_REDIS", SECRET)
    (tmp_path / "r.yaml").write_text(
        'recipe: 1\nextends: starter\nwrappers: [{use: cache}, {use: redis_cache, url: "${SHOP_REDIS}"}]\n'
    )
    said = CliRunner().invoke(app, ["recipe", "show", "r.yaml"]).output
    assert "use: redis_cache" in said
    assert "sesame" not in said
    said = CliRunner().invoke(app, ["recipe", "check", "r.yaml"]).output
    assert "is fine" in said
    (tmp_path / "r.yaml").write_text("recipe: 1\nextends: starter\nwrappers: [{use: cache, answers: 5}]\n")
    said = CliRunner().invoke(app, ["recipe", "check", "r.yaml"]).output
    assert "did you mean 'answer'" in said


def test_the_time_line_says_what_the_caches_did(tmp_path: Path) -> None:
    with built(tmp_path, recipe_of(wrappers=[{"use": "cache"}]), CATALOG) as pipeline:
        pipeline.ingest()
        lines = [stage_times(pipeline.ask("rose").stages) for _ in range(2)]
    assert "cache (answer) cache miss " in lines[0]
    assert "cache (retrieval) cache miss " in lines[0]
    assert lines[1].startswith("time: cache (answer) cache hit (0 s old) ")


@pytest.mark.parametrize("command", ["ask", "search"])
def test_the_command_line_can_ask_past_a_cache(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def hears(self: Pipeline, words: str, **parts: Any) -> None:
        asked.append(parts["fresh"])
        raise SystemExit

    monkeypatch.setattr(Pipeline, command, hears)
    for arguments in ([], ["--no-cache"]):
        CliRunner().invoke(app, [command, "starter", "a rose", *arguments])
    assert asked == [False, True]


def test_a_trace_has_a_span_with_what_the_cache_did(tmp_path: Path) -> None:
    with built(tmp_path, recipe_of(wrappers=[{"use": "cache"}]), CATALOG) as pipeline:
        pipeline.ingest()
        tracer = ToyTracer()
        traced = Pipeline(pipeline.plan, replace(pipeline.stages, tracer=tracer))
        traced.ask("rose")
        tracer.sent.clear()
        traced.ask("rose")
    assert "cache (answer) cache" in tracer.sent
    assert "outcome cache age" in tracer.sent


class Seeing:
    """A generator that sees pictures, and counts what it is shown."""

    images = 4

    def __init__(self) -> None:
        self.shown: list[int] = []

    async def achat(self, messages: Sequence[ChatMessage]) -> ChatResponse:
        self.shown.append(sum(block.block_type == "image" for block in messages[-1].blocks))
        return ChatResponse(message=ChatMessage(role="assistant", content="It is [1]."))


def test_the_pictures_of_a_prompt_are_kept_until_a_file_changes_and_not_where_one_is_gone(tmp_path: Path) -> None:
    recipe = recipe_of(ITEMS[:1], wrappers=[{"use": "cache", "answer": 0}], source={"use": "folder", "path": "photos"})
    import imagora_folder

    (photos := tmp_path / "photos").mkdir()
    for colour in ("red", "blue"):
        (photos / f"{colour}.png").write_bytes(square(colour))
    with built(tmp_path, recipe, Catalog.of(toys, imagora_ingestion, imagora_cache, imagora_folder)) as pipeline:
        pipeline.ingest()
        generator: Any = Seeing()
        asked = Pipeline(pipeline.plan, replace(pipeline.stages, generator=("seeing", generator)))

        def outcome() -> Any:
            stages = asked.ask("red").stages
            return next(record.facts["outcome"] for record in stages if record.stage == "cache (prompt)")

        assert [outcome(), outcome()] == ["miss", "hit"]
        (photos / "blue.png").write_bytes(square("green") + b" ")
        assert [outcome(), outcome()] == ["miss", "hit"]
        (photos / "red.png").unlink()
        assert [outcome(), outcome()] == ["miss", "miss"]
        assert generator.shown == [1] * 6  # the two squares look alike
