"""Texts that an embedder cuts are counted in the report of an ingest, and told to whoever ran it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import imagora_ingestion
import toys
from imagora import Component, Options, hookimpl
from imagora.catalog import Catalog
from imagora.cli.ingesting import show_report
from pydantic import PrivateAttr
from rich.console import Console
from toy_embedders import ToyColour
from toy_recipes import built, recipe_of

READ = 20


class Short(ToyColour):
    """Reads twenty characters."""

    _cut: int = PrivateAttr(default=0)

    @property
    def texts_cut(self) -> int:
        return self._cut

    def _get_text_embedding(self, text: str) -> list[float]:
        self._cut += len(text) > READ
        return super()._get_text_embedding(text[:READ])


class Shorts:
    @hookimpl
    def offer_embedders(self) -> list[Component[Any]]:
        return [Component("short", "reads little", Options, lambda options, context: Short())]


def test_what_is_cut_is_in_the_report_of_its_run_alone(tmp_path: Path) -> None:
    texts = ["short", "a rose is a rose is a rose", "a sea is a sea is a sea"]
    items = [{"uri": str(number), "text": text} for number, text in enumerate(texts)]
    recipe = recipe_of(items, embedders={"image": {"use": "short"}, "text": {"use": "short"}})
    with built(tmp_path, recipe, Catalog.of(toys, imagora_ingestion, Shorts())) as pipeline:
        pipeline.stages.embedders["text"].get_text_embedding_batch(["what was cut before the run is not the run's"])  # type: ignore[union-attr]  # a dense one
        report = pipeline.ingest()
        assert (report.added, report.cut, report.to_dict()["cut"]) == (3, 2, 2)
        console = Console(record=True, width=100)
        show_report(console, report)
        assert "texts that lost their end, being longer than an embedder reads: 2" in console.export_text()
        again = pipeline.ingest()
        assert (again.unchanged, again.cut) == (3, 0)
        show_report(console, again)
        assert "lost" not in console.export_text()
