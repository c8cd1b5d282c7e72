"""Each leg of a hybrid search alone, and the ways to fuse them, for words, pictures and both.

    apt install tuxpaint-stamps-default
    python -m imagora_benchmarks.legs [--stamps DIR] [--items N]

Items are the stamps of Debian's `tuxpaint-stamps-default` without the folder `symbols`; an item's words are the names
of the folders that it lies in, as in `imagora_benchmarks.fusion_of_items`. They are embedded and searched by the
shipped recipe `starter`, with its weights of legs. Three sorts of queries:

- words: a stamp's caption; relevant are the pictures that it stands under.
- picture: an altered part of a stamp (`altered`); relevant is the stamp.
- both: the altered part and its stamp's caption; relevant is the stamp.

nDCG@10 with binary gains (Järvelin and Kekäläinen 2002), recall@1 and recall@10.

November 2026, nDCG@10 of the best leg alone, then rrf, dbsf, weighted, standardised and calibrated: words .363 (image),
.316 .387 .363 .390 .406; picture .537; both .537 (picture → image), .504 .610 .639 .622 .671. Nothing in a fusion was
tuned on the stamps; that `calibrated` is the starter's default was decided by this table and by the same one on 460
pictures of Debian's openclipart, which has the same winner: words .858, .449 .759 .744 .771 .858, both .858,
.657 .855 .815 .879 .927.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from statistics import fmean
from typing import Any

from imagora import BuildContext, Picture, Pipeline, Query, load
from PIL import Image, ImageEnhance, ImageFilter, ImageOps
from rich.console import Console
from rich.table import Table

from .fusion_of_items import DEEP, STAMPS, ndcg, recall, written
from .remembering import Remembering

FUSIONS = ("rrf", "dbsf", "weighted", "standardised", "calibrated")
SIDE = 0.55
"""The side of an altered part, of the stamp's."""


@dataclass(frozen=True)
class Asked:
    """A query and the names of what should be found."""

    words: str
    picture: Picture | None
    relevant: frozenset[str]


def main() -> int:
    """Print a table for each sort of queries."""
    parser = argparse.ArgumentParser(description="legs alone and fused")
    parser.add_argument("--stamps", type=Path, default=STAMPS)
    parser.add_argument("--items", type=int, default=None, help="every nth stamp, so that there are about so many")
    options = parser.parse_args()
    if not options.stamps.is_dir():
        sys.exit(f"there are no stamps in '{options.stamps}'; type: apt install tuxpaint-stamps-default")
    with tempfile.TemporaryDirectory() as scratch:
        captions = written(options.stamps, Path(scratch, "things"), options.items)
        for sort, rows in measured(Path(scratch), captions):
            table = Table(sort, "nDCG@10", "R@1", "R@10")
            for name, figures in rows.items():
                table.add_row(name, *(f"{figure:.3f}" for figure in figures))
            Console().print(table)
    return 0


def measured(
    folder: Path, captions: Mapping[str, set[str]]
) -> Iterator[tuple[str, dict[str, tuple[float, float, float]]]]:
    """Ingest, and give for each sort of queries the figures of each row."""
    recipe = {"recipe": 1, "extends": "starter", "source": {"path": "things"}, "index": {"path": "index"}}
    (folder / "recipe.yaml").write_text(json.dumps(recipe))
    with load(folder / "recipe.yaml") as pipeline:
        pipeline.ingest()
        retrievers = Retrievers(pipeline)
        for sort, queries in asked(folder / "things", captions).items():
            yield sort, {name: retrievers.figures(sections, queries) for name, sections in rows(sort, retrievers.legs)}


def rows(sort: str, legs: Mapping[str, float]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give the rows of a sort of queries: their names, and what the retriever is told besides its defaults."""
    if sort == "picture":
        yield "picture → image", {"legs": {"image": 1}}
    else:
        if sort == "both":
            yield "picture → image", {"legs": {"image": 1}, "without": "words"}
        yield from ((f"words → {leg}", {"legs": {leg: 1}, "without": "picture"}) for leg in legs)
    for fusion in FUSIONS:
        yield fusion, {"legs": dict(legs), "fusion": fusion}


class Retrievers:
    """Hybrid retrievers on one index, which remember what was embedded, so that each query is embedded once."""

    def __init__(self, pipeline: Pipeline) -> None:
        plan, stages = pipeline.plan, pipeline.stages
        assert plan.retriever is not None  # noqa: S101 - the starter has one
        self._component = plan.retriever.offer.component
        self._usual = plan.retriever.options.model_dump()
        self.legs: dict[str, float] = self._usual["legs"]
        embedders = {leg: Remembering.of(embedder) for leg, embedder in stages.embedders.items()}
        self._context = BuildContext("legs", embedders, stages.index)
        self._pipeline = pipeline

    def figures(self, sections: dict[str, Any], queries: list[Asked]) -> tuple[float, float, float]:
        """Search for all the queries and give nDCG@10, recall@1 and recall@10."""
        without = sections.pop("without", "")
        options = self._component.options.model_validate({**self._usual, **sections, "top_k": DEEP})
        retriever = self._component.build(options, self._context)
        found = []
        for query in queries:
            pictures = () if query.picture is None or without == "picture" else (query.picture,)
            nodes = retriever.retrieve(Query("" if without == "words" else query.words, pictures=pictures))
            found.append([str(node.node.metadata["uri"]) for node in nodes])
        pairs = list(zip(found, (set(query.relevant) for query in queries), strict=True))
        figures = [
            fmean(ndcg(*pair) for pair in pairs),
            *(fmean(recall(*pair, k) for pair in pairs) for k in (1, DEEP)),
        ]
        return figures[0], figures[1], figures[2]


def asked(things: Path, captions: Mapping[str, set[str]]) -> dict[str, list[Asked]]:
    """Give the queries of each sort, the same in every run."""
    caption_of = {name: caption for caption, names in captions.items() for name in names}
    parts = {name: altered(things / name, random.Random(name)) for name in sorted(caption_of)}  # noqa: S311 - no secret
    return {
        "words": [Asked(caption, None, frozenset(names)) for caption, names in captions.items()],
        "picture": [Asked("", part, frozenset({name})) for name, part in parts.items()],
        "both": [Asked(caption_of[name], part, frozenset({name})) for name, part in parts.items()],
    }


def altered(file: Path, dice: random.Random) -> Picture:
    """Give a part of a picture: turned left to right, in other colours, a little blurred and tilted."""
    with Image.open(file) as opened:
        whole = opened.convert("RGBA")
    white = Image.new("RGB", whole.size, "white")
    white.paste(whole, mask=whole.getchannel("A"))
    width, height = (max(8, round(SIDE * side)) for side in white.size)
    left, top = (dice.randint(0, max(0, all_ - part)) for all_, part in zip(white.size, (width, height), strict=True))
    part = ImageOps.mirror(white.crop((left, top, left + width, top + height)))
    part = part.rotate(dice.uniform(-15, 15), Image.Resampling.BICUBIC, expand=True, fillcolor="white")
    part = ImageEnhance.Color(part).enhance(dice.uniform(0.3, 1.5))
    part = ImageEnhance.Brightness(part).enhance(dice.uniform(0.7, 1.2)).filter(ImageFilter.GaussianBlur(1))
    part.save(written := BytesIO(), "PNG")
    return Picture(written.getvalue(), *part.size, sha256=file.name, original="PNG")


if __name__ == "__main__":
    sys.exit(main())
