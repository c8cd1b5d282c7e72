"""A table through a whole recipe: ingested, found, and embedded again only where a row changed."""

from __future__ import annotations

from pathlib import Path

import imagora_ingestion
import imagora_table
import toys
from imagora import load
from imagora.catalog import Catalog

from .table_places import picture, says, serving

RECIPE = """
recipe: 1
source:
  use: table
  path: catalogue.csv
  metadata: {price: float, sold: bool}
embedders: {image: {use: toy_colour}, sparse: {use: toy_words}}
index: {use: toy_memory, path: index.json}
retriever: {use: toy_retriever}
generator: {use: toy_quote}
ledger: {path: ledger.sqlite}
"""
ROWS = ["1,red.png,A chair,12.5,no", "2,blue.png,A sofa,80,yes", "3,,Only words,3,no"]


def test_a_table_is_ingested_found_and_only_what_changed_is_embedded_again(tmp_path: Path) -> None:
    for colour in ("red", "blue"):
        (tmp_path / f"{colour}.png").write_bytes(picture(colour))
    (tmp_path / "shop.yaml").write_text(RECIPE)

    def ingest(rows: list[str]) -> tuple[int, int, int, int, int, int]:
        (tmp_path / "catalogue.csv").write_text("\n".join(["id,picture,title,price,sold", *rows]))
        with load(tmp_path / "shop.yaml", catalog=Catalog.of(toys, imagora_ingestion, imagora_table)) as pipeline:
            done = pipeline.ingest()
        counts = done.added, done.changed, done.relabelled, done.unchanged, done.deleted
        return *counts, len(done.quarantined)

    assert ingest(ROWS) == (3, 0, 0, 0, 0, 0)
    with load(tmp_path / "shop.yaml", catalog=Catalog.of(toys, imagora_ingestion, imagora_table)) as pipeline:
        found = pipeline.search("a blue sofa")
    assert found.passages[0].metadata["title"] == "A sofa" and found.passages[0].metadata["price"] == 80.0
    assert ingest(ROWS) == (0, 0, 0, 3, 0, 0)
    assert ingest([ROWS[0], "2,blue.png,A couch,80,yes", ROWS[2]]) == (0, 1, 0, 2, 0, 0)
    assert ingest([ROWS[0], "2,blue.png,A couch,75,yes", ROWS[2]]) == (0, 0, 1, 2, 0, 0)
    assert ingest([ROWS[0], "2,blue.png,A couch,cheap,yes", "3"]) == (0, 0, 0, 1, 0, 2), "nothing behind row 3 is lost"
    assert ingest([ROWS[0]]) == (0, 0, 0, 1, 2, 0)


def test_pictures_behind_urls_are_not_fetched_again_while_their_etag_stays(tmp_path: Path) -> None:
    with serving(**{"a.png": says(picture("red"), ETag='"1"')}) as server:
        recipe = RECIPE.replace(
            "metadata: {price: float, sold: bool}", f"urls: http\n  hosts: ['{server.host}']\n  allow_private: true"
        )
        (tmp_path / "shop.yaml").write_text(recipe)
        (tmp_path / "catalogue.csv").write_text(f"id,picture\n1,{server.url}/a.png\n")

        def ingest() -> tuple[int, list[str]]:
            server.asked.clear()
            with load(tmp_path / "shop.yaml", catalog=Catalog.of(toys, imagora_ingestion, imagora_table)) as pipeline:
                return pipeline.ingest().embedded, list(server.asked)

        assert ingest() == (1, ["HEAD /a.png", "GET /a.png"])
        assert ingest() == (0, ["HEAD /a.png"])
        server.answers["/a.png"] = says(picture("blue"), ETag='"2"')
        assert ingest() == (1, ["HEAD /a.png", "GET /a.png"])
