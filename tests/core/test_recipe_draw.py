"""`recipe draw`: SVG and Mermaid of a recipe, with nothing in them that a recipe's words could do."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import imagora_ingestion
import imagora_qdrant
import pytest
import toys
from imagora import Pipeline, StageRecord
from imagora.assembly import assemble
from imagora.catalog import Catalog
from imagora.cli.main import app
from imagora_answering import times as kept
from imagora_answering.times import StageTimes, recent, times_file
from imagora_drawing.layout import LARGE, SMALL, Layout, Placed, layout_of
from imagora_drawing.lettering import lines, width
from imagora_drawing.mermaid import mermaid_of
from imagora_drawing.scene import Scene, scene_of
from imagora_drawing.svg import svg_of
from imagora_recipe.check import check
from toy_recipes import recipe_of, write
from typer.testing import CliRunner

CATALOG = Catalog.of(toys, imagora_ingestion, imagora_qdrant)
EVIL = """</text><script>alert(1)</script>"'&`]) --> x["<img src=x onerror=a()>"]; click a \x1b[31m\u202e %%{i}%% 文"""
WHOLE: Mapping[str, Any] = recipe_of(
    preparers=[{"use": "toy_shout", "mark": EVIL}, {"use": "toy_shout"}],
    embedders={
        "image": {"use": "toy_colour", "weights": EVIL},
        "text": {"use": "toy_colour"},
        "sparse": {"use": "bm25"},
    },
    index={"use": "qdrant", "path": "i", "fields": {"price": "float", EVIL: "keyword"}},
    access={"tenant": "shop", "groups": EVIL},
    guardrails={place: [{"use": "toy_emails"}] * 2 for place in ("query", "passages", "answer")},
    rerankers=[{"use": "toy_reverse", "keep": 3}, {"use": "toy_reverse"}],
    wrappers=[{"use": "toy_counter", "label": EVIL}, {"use": "toy_counter"}, {"use": "toy_counter"}],
    answer={"fallback": {"use": "toy_quote", "passage": 2}},
)
RECIPES: Mapping[str, Mapping[str, Any]] = {
    "whole": WHOLE,
    "a search": recipe_of(generator=None),
    "a generator alone": {"recipe": 1, "generator": {"use": "toy_quote"}},
    "twelve stages": recipe_of(preparers=[{"use": "toy_shout"}] * 12, rerankers=[{"use": "toy_reverse"}] * 12),
}


def drawn(folder: Path, recipe: Mapping[str, Any], name: str = "toys.yaml") -> Scene:
    return scene_of(check(write(folder, recipe, name), CATALOG))


def rectangles(layout: Layout) -> list[Placed]:
    return [placed for row in (*layout.items, *layout.queries) for placed in row]


@pytest.mark.parametrize("name", RECIPES)
def test_no_box_is_on_another_and_all_are_in_the_picture(name: str, tmp_path: Path) -> None:
    layout = layout_of(drawn(tmp_path, RECIPES[name]))
    boxes = rectangles(layout)
    for number, one in enumerate(boxes):
        assert one.x >= 0 and one.x + one.width <= layout.width and one.bottom <= layout.height
        for other in boxes[number + 1 :]:
            apart = one.x + one.width <= other.x or other.x + other.width <= one.x
            assert apart or one.bottom <= other.y or other.bottom <= one.y
    for frame in layout.frames:
        for placed in (row[0] for row in layout.queries[1:-1]):
            assert frame.x < placed.x and placed.x + placed.width < frame.x + frame.width
            assert frame.y + 24 <= placed.y and placed.bottom < frame.y + frame.height
        assert layout.queries[0][0].bottom < frame.y and frame.y + frame.height < layout.queries[-1][0].y
        assert frame.x + frame.width <= layout.width


@pytest.mark.parametrize("name", RECIPES)
def test_every_text_fits_into_its_box(name: str, tmp_path: Path) -> None:
    for placed in rectangles(layout_of(drawn(tmp_path, RECIPES[name]))):
        room = placed.width - 24
        assert all(width(line, LARGE, bold=True) <= room for line in placed.name)
        assert all(width(line, SMALL) <= room for line in placed.details)


def test_a_text_is_broken_where_words_end_and_ends_in_dots_where_it_is_too_long() -> None:
    assert lines("a/long/path/to/some/folder/of/pictures", 130, SMALL, 2) == ["a/long/path/to/", "some/folder/of/…"]
    assert lines("", 100, SMALL, 2) == []
    assert len(lines("x" * 500, 50, SMALL, 3)) == 3


def test_nothing_of_a_recipe_becomes_markup(tmp_path: Path) -> None:
    svg = svg_of(drawn(tmp_path, WHOLE, "a <b> & 'c'.yaml"))
    tree = ElementTree.fromstring(svg)
    assert {node.tag.rpartition("}")[2] for node in tree.iter()} == {
        "svg",
        "style",
        "rect",
        "path",
        "g",
        "title",
        "text",
    }
    assert not [key for node in tree.iter() for key in node.attrib if key.startswith("on") or "href" in key]
    assert (
        "url(" not in svg
        and "@import" not in svg
        and "http" not in svg.replace('xmlns="http://www.w3.org/2000/svg"', "")
    )
    assert "<script>alert(1)" in "".join(tree.itertext())
    assert svg.isascii() or all(sign.isprintable() or sign == "\n" for sign in svg)


def test_every_label_of_mermaid_is_inert(tmp_path: Path) -> None:
    text = mermaid_of(drawn(tmp_path, WHOLE))
    assert "script#62;alert(1)" in text
    for line in text.splitlines():
        labels = re.findall(r'"([^"]*)"', line)
        assert line.count('"') == 2 * len(labels) <= 2, line
        said = "".join(labels).replace("<br/>", "")
        assert not set(said) & set("<>&`[]{}|\\;%") - {";"} and re.sub(r"#\d+;", "", said).count(";") == 0, line
    bare = re.sub(r'"[^"]*"', "", text)
    known = set(re.findall(r"^\s+((?:[iq]\d+_\d+)|w\d+)", text, re.MULTILINE))
    assert {name for line in re.findall(r"(\S+) -\.?-> (\S+)", bare) for name in line} <= known


def test_guardrails_filters_and_wrappers_are_marked(tmp_path: Path) -> None:
    scene = drawn(tmp_path, WHOLE)
    kinds = [box.kind for row in scene.queries for box in row]
    assert (kinds.count("guardrail"), kinds.count("filter"), len(scene.wrappers)) == (6, 1, 3)
    assert scene.queries[scene.searching][0].label == "retriever"
    svg, text = svg_of(scene), mermaid_of(scene)
    assert (svg.count('class="frame"'), svg.count('class="mark guardrail"')) == (3, 7)  # one of them in the legend
    assert (text.count("subgraph w"), text.count(" guardrail\n"), text.count(" filter\n")) == (3, 6, 1)
    assert "filters: price" in "".join(
        box.details[-1] for row in scene.queries for box in row if box.label == "retriever"
    )


def test_secrets_are_not_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGORA_TOY", "hidden-4711")
    index = {"use": "qdrant", "url": "${IMAGORA_TOY}", "api_key": "swordfish"}
    svg = svg_of(drawn(tmp_path, {**WHOLE, "index": index}))
    assert "swordfish" not in svg
    assert "4711" not in svg
    assert "url: ********" in svg


def test_times_of_recent_queries_are_drawn_and_nothing_of_what_was_asked_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = recipe_of(index={"use": "toy_memory", "path": str(tmp_path / "index.json")})
    plan = check(write(tmp_path, recipe), CATALOG)
    stages = assemble(plan)
    file = times_file(stages.index, plan.name)
    with Pipeline(plan, stages) as pipeline:
        pipeline.ingest()
        for _ in range(3):
            pipeline.ask("a secret question about Ann")
        pipeline.search("blue waves")
    text = file.read_text("utf-8")
    assert file.parent == tmp_path and len(text.splitlines()) == 4
    assert not any(word in text for word in ("secret", "Ann", "waves", "rose"))
    times = recent(file, plan.hash)
    assert {stage: len(found) for stage, found in times.items()} == {
        ("retriever", "toy_retriever", 0): 4, ("prompt", "template", 0): 3, ("generator", "toy_quote", 0): 3,
    }  # fmt: skip
    assert recent(file, "another") == {}
    scene = scene_of(plan, times)
    (retriever,) = scene.queries[scene.searching]
    assert re.fullmatch(r"[\d.]+ ms · p95 [\d.]+ m?s", retriever.time)
    assert scene.subtitle.endswith("median and p95 of 4 runs")
    assert retriever.time in svg_of(scene) and retriever.time.split(" · ")[0] in mermaid_of(scene)


RECORDS = [StageRecord("retriever", "hybrid", 0.0125), StageRecord("generator", "vllm", 1.5)]
WRITING = """
import sys
from pathlib import Path
from imagora.answer import StageRecord
from imagora_answering.times import StageTimes
times = StageTimes(Path(sys.argv[1]))
for number in range(500):
    times.add("answer", "hash", [StageRecord("retriever", "hybrid", 0.01)] * 9)
    if number % 10 == 0:
        times.flush()
times.flush()
"""


def test_two_processes_write_whole_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "shop.times.jsonl"
    both = [subprocess.Popen([sys.executable, "-c", WRITING, str(file)]) for _ in range(2)]
    assert [one.wait(timeout=60) for one in both] == [0, 0]
    lines_ = (kept._before(file).read_text() if kept._before(file).exists() else "") + file.read_text()
    assert all(isinstance(json.loads(line), list) for line in lines_.splitlines())
    assert len(recent(file, "hash")["retriever", "hybrid", 8]) > 400


def test_the_file_of_times_stays_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "MOST_BYTES", 2_000)
    times = StageTimes(file := tmp_path / "shop.times.jsonl")
    for _ in range(300):
        times.add("answer", "hash", RECORDS)
        times.flush()
    sizes = [path.stat().st_size for path in sorted(tmp_path.iterdir())]
    assert len(sizes) == 2 and max(sizes) < 2_200
    assert recent(file, "hash")["generator", "vllm", 0][-1] == 1500


def test_times_are_never_in_the_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for place in (tmp_path / "nowhere" / "x.jsonl", tmp_path):
        times = StageTimes(place)
        times.add("answer", "hash", RECORDS)
        times.flush()
    monkeypatch.setenv(kept.OFF, "off")
    times = StageTimes(file := tmp_path / "x.jsonl")
    times.add("answer", "hash", RECORDS)
    times.flush()
    assert not file.exists()
    file.write_text('half a line\n{"a": 1}\n[1, 2]\n')
    assert recent(file, "hash") == {}


def test_adding_times_costs_a_query_a_few_microseconds(tmp_path: Path) -> None:
    times = StageTimes(tmp_path / "x.jsonl")
    took = []
    for _ in range(2_000):
        started = time.perf_counter()
        times.add("answer", "hash", RECORDS * 4)
        took.append(time.perf_counter() - started)
    assert sorted(took)[int(0.95 * len(took))] < 0.0002


def test_the_command_writes_a_file_or_prints(tmp_path: Path) -> None:
    out = tmp_path / "starter.svg"
    done = CliRunner().invoke(app, ["recipe", "draw", "starter", "-o", str(out)])
    assert done.exit_code == 0 and ElementTree.parse(out).getroot().tag.endswith("svg")
    printed = CliRunner().invoke(app, ["recipe", "draw", "starter", "--mermaid"])
    assert printed.stdout.startswith("flowchart TB\n")
