"""Late against early fusion: words find pictures that also have a few words of their own.

    apt install tuxpaint-stamps-default
    python -m imagora_benchmarks.fusion_of_items [--stamps DIR] [--items N]

Items are the stamps of Debian's `tuxpaint-stamps-default` without the folder `symbols`; an item's words are the names
of the folders that it lies in ("animals, birds"), a shop's category, so to say. A query is a stamp's caption in
English; relevant are the pictures that it stands under. Every row is a recipe that is ingested and searched as any
other, with the starter's encoder. nDCG@10 with binary gains (Järvelin and Kekäläinen 2002), recall@1 and recall@10.

All 498 queries, November 2026: picture alone .363, words alone .209, late .312 (rrf) and .384 (standardised), early
.429 (weight 0.5), .414 (0.7), .383 (0.9), early 0.7 and late together .395 (nDCG@10). No other weights were tried.
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from imagora import load
from rich.console import Console
from rich.table import Table

STAMPS = Path("/usr/share/tuxpaint/stamps")
DEEP = 10
WEIGHTS = (0.5, 0.7, 0.9)


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description="late against early fusion")
    parser.add_argument("--stamps", type=Path, default=STAMPS)
    parser.add_argument("--items", type=int, default=None, help="every nth stamp, so that there are about so many")
    options = parser.parse_args()
    if not options.stamps.is_dir():
        sys.exit(f"there are no stamps in '{options.stamps}'; type: apt install tuxpaint-stamps-default")
    with tempfile.TemporaryDirectory() as scratch:
        relevant = written(options.stamps, Path(scratch, "things"), options.items)
        table = Table("recipe", "nDCG@10", "R@1", "R@10", title=f"{len(relevant)} queries")
        for name, sections in recipes():
            found = searched(Path(scratch), name, sections, list(relevant))
            pairs = [(found[query], relevant[query]) for query in relevant]
            figures = fmean(ndcg(*pair) for pair in pairs), *(fmean(recall(*p, k) for p in pairs) for k in (1, DEEP))
            table.add_row(name, *(f"{figure:.3f}" for figure in figures))
        Console().print(table)
    return 0


def recipes() -> Iterator[tuple[str, dict[str, Any]]]:
    """Give each recipe's name, and its embedders and legs."""
    starter = {"use": "starter"}
    yield "picture alone", {"embedders": {"image": starter}}
    yield "words alone", {"embedders": {"text": starter}}
    for fusion in ("rrf", "standardised"):
        both = {"image": starter, "text": starter}
        yield f"late, {fusion}", {"embedders": both, "retriever": {"use": "hybrid", "fusion": fusion}}
    for weight in WEIGHTS:
        fused = {"use": "early_fusion", "of": starter, "weight": weight}
        yield f"early, weight {weight}", {"embedders": {"image": fused}}
    fused = {"use": "early_fusion", "of": starter, "weight": WEIGHTS[1]}
    retriever = {"use": "hybrid", "fusion": "standardised"}
    yield f"early {WEIGHTS[1]} and late", {"embedders": {"image": fused, "text": starter}, "retriever": retriever}


def written(stamps: Path, things: Path, about: int | None) -> dict[str, set[str]]:
    """Copy the stamps with their categories as side files, and give the relevant names for each caption."""
    files = [file for file in sorted(stamps.rglob("*.png")) if file.with_suffix(".txt").exists()]
    files = [file for file in files if file.relative_to(stamps).parts[0] != "symbols"]
    things.mkdir()
    relevant: dict[str, set[str]] = {}
    for number, file in enumerate(files[:: max(1, len(files) // about)] if about else files):
        caption = file.with_suffix(".txt").read_text("utf-8", "replace").split("\n")[0].strip()
        name = f"{number:04}.png"
        shutil.copyfile(file, things / name)
        (things / name).with_suffix(".txt").write_text(", ".join(file.relative_to(stamps).parts[:-1]))
        relevant.setdefault(caption, set()).add(name)
    return relevant


def searched(folder: Path, name: str, sections: Mapping[str, Any], queries: Sequence[str]) -> dict[str, list[str]]:
    """Ingest a recipe and give the names that it finds for each query, best first."""
    whole = {"recipe": 1, "source": {"use": "folder", "path": "things"}, "retriever": {"use": "hybrid"}, **sections}
    (folder / "recipe.yaml").write_text(json.dumps({**whole, "index": {"use": "qdrant", "path": f"index {name}"}}))
    with load(folder / "recipe.yaml") as pipeline:
        pipeline.ingest()
        return {
            query: [str(passage.metadata["uri"]) for passage in pipeline.search(query, top_k=DEEP).passages]
            for query in queries
        }


def ndcg(found: Sequence[str], relevant: set[str]) -> float:
    """Give the discounted gain of what was found over that of the best order: 1/log2(rank + 1), ranks from 1."""
    gains = sum(1 / math.log2(place + 2) for place, name in enumerate(found[:DEEP]) if name in relevant)
    return gains / sum(1 / math.log2(place + 2) for place in range(min(DEEP, len(relevant))))


def recall(found: Sequence[str], relevant: set[str], deep: int) -> float:
    """Give the share of the relevant that is among the first `deep`."""
    return len(relevant & set(found[:deep])) / len(relevant)


if __name__ == "__main__":
    sys.exit(main())
