"""The measurement side by side, in small: every side runs as it does at full size, and all of them find the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from imagora_benchmarks.peers.__main__ import main
from imagora_benchmarks.peers.child import SIDES

ITEMS, QUERIES = 500, 20


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("results")
    said = ["--items", f"{ITEMS}", "--queries", f"{QUERIES}", "--results", str(folder)]
    assert main(said) == 0, "all that is judged at this size is held"
    return folder / f"peers-{ITEMS}.json"


@pytest.fixture(scope="module")
def whole(kept: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(kept.read_text("utf-8"))
    return read


def test_every_side_answers_every_query_once(whole: dict[str, Any]) -> None:
    assert list(whole["sides"]) == list(SIDES["words"])
    assert {len(times) for times in whole["milliseconds"].values()} == {QUERIES}
    assert all(time > 0 for times in whole["milliseconds"].values() for time in times)


@pytest.mark.parametrize("side", SIDES["words"])
def test_every_side_finds_what_an_exact_search_with_torch_finds(whole: dict[str, Any], side: str) -> None:
    assert whole["sides"][side]["overlap"] >= (0.9 if side == "imagora-int8" else 0.98)


def test_times_are_not_judged_at_this_size(whole: dict[str, Any]) -> None:
    assert [(bound["what"], bound["held"]) for bound in whole["bounds"]] == [
        ("overlap@k of imagora, exact search", True),
        ("overlap@k of imagora-int8, exact search", True),
    ]


def test_what_is_kept_names_versions_and_processor_but_no_folder(kept: Path, whole: dict[str, Any]) -> None:
    assert {"haystack-ai", "txtai", "llama-index-core", "imagora"} <= whole["versions"].keys()
    assert whole["machine"]["cpu"] and whole["machine"]["cores"]
    texts = [kept.with_suffix(ending).read_text("utf-8") for ending in (".json", ".md")]
    assert not any(str(folder) in text for text in texts for folder in (Path.home(), Path.cwd(), kept.parent))


def test_the_table_and_the_plot_have_every_side(kept: Path) -> None:
    table, plot = (kept.with_suffix(ending).read_text("utf-8") for ending in (".md", ".svg"))
    assert all(f"| {side} |" in table for side in SIDES["words"])
    assert plot.count("<svg") == 1 and all(f"<!-- {side} -->" in plot for side in SIDES["words"])


def test_by_picture_imagora_the_floor_and_llama_index_find_what_an_exact_search_finds(tmp_path: Path) -> None:
    assert main(["--by", "pictures", "--items", "300", "--queries", "10", "--results", str(tmp_path)]) == 0
    sides = json.loads((tmp_path / "peers-pictures-300.json").read_text("utf-8"))["sides"]
    assert list(sides) == list(SIDES["pictures"])
    assert all(side["overlap"] >= 0.98 for side in sides.values())


def test_a_side_that_there_is_not_is_told_with_those_that_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--only", "imagora,solr"]) == 2
    assert "there is no side 'solr'; there is: imagora, imagora-int8, floor, torch" in capsys.readouterr().err
