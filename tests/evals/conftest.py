"""Toys for evals, installed for the process of a test, and a small suite to ask."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from imagora.catalog import installed_catalog
from PIL import Image
from toy_distributions import install_toys

from .eval_toys import COLOURS, GRADES, QUERIES, written


@pytest.fixture
def toys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Install the toy plugin for this process, with a cache folder of its own, and work in an empty folder."""
    install_toys(tmp_path / "site")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    monkeypatch.setenv("IMAGORA_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "200")
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    installed_catalog.cache_clear()
    yield
    installed_catalog.cache_clear()


@pytest.fixture
def recipe(toys: None) -> Path:
    """A recipe of toys in the working folder."""
    return written({})


@pytest.fixture
def suite_folder(toys: None) -> Path:
    """A suite of three coloured squares and a note."""
    folder = Path("shop")
    (folder / "corpus").mkdir(parents=True)
    (folder / "asked").mkdir()
    for name, colour in COLOURS.items():
        Image.new("RGB", (24, 24), colour).save(folder / "corpus" / f"{name}.png")
    Image.new("RGB", (20, 20), COLOURS["blue"]).save(folder / "asked" / "blue.png")
    (folder / "corpus" / "note.txt").write_text("Buy a lemon. It is for Ann.")
    (folder / "corpus" / "red.txt").write_text("red square")
    (folder / "suite.yaml").write_text(
        "suite: 1\nname: shop\ncorpus: {use: folder, path: corpus}\nmetrics: [nDCG@10, R@1, RR]\nslices: [language]\n"
    )
    (folder / "queries.jsonl").write_text("".join(json.dumps(query) + "\n" for query in QUERIES))
    (folder / "qrels").write_text(GRADES)
    return folder
