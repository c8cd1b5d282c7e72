"""Ingests Debian's stamps whole with the starter recipe, and counts them in the package's own list of files.

    python -m imagora_benchmarks.stamps_whole [--cut] [--json]

Every picture of the package `tuxpaint-stamps-default` is in the index or in quarantine with its reason, with the words
of the text file beside it; a text beside a drawing (SVG, which is no ending of the source `folder`) is an item of its
own. What other packages have in the same folder is left out. A text is one sentence in about sixty languages, of
which the recipe embeds every part; with --cut only the first 256 tokens are, in a fifth of the time. Exit code 1 where
the counts differ.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import imagora

PACKAGE, STAMPS = "tuxpaint-stamps-default", Path("/usr/share/tuxpaint/stamps")


@dataclass(frozen=True)
class Listed:
    """What the package's list of files says: names below the folder; texts: without a picture of the same name."""

    pictures: set[str]
    with_words: set[str]
    texts: set[str]
    drawings: set[str]


@dataclass(frozen=True)
class Counts:
    """What was counted in the package, in the report and in the index."""

    pictures: int
    pictures_with_words: int
    texts: int
    drawings: int
    items: int
    items_with_pictures: int
    items_with_words: int
    items_with_both: int
    quarantined: int
    texts_cut: int
    seconds: float
    wrong: list[str]


def listed() -> Listed | None:
    """Read the package's list of files; None where it is not installed."""
    try:
        done = subprocess.run(["/usr/bin/dpkg", "-L", PACKAGE], capture_output=True, text=True)
    except FileNotFoundError:
        return None
    files = {Path(line) for line in done.stdout.splitlines() if line.startswith(f"{STAMPS}/")}
    if done.returncode or not files:
        return None
    by_ending = {
        ending: {str(file.relative_to(STAMPS).with_suffix("")) for file in files if file.suffix == ending}
        for ending in (".png", ".txt", ".svg")
    }
    pictures, texts = by_ending[".png"], by_ending[".txt"]
    return Listed(
        {f"{stem}.png" for stem in pictures},
        {f"{stem}.png" for stem in pictures & texts},
        {f"{stem}.txt" for stem in texts - pictures},
        {f"{stem}.svg" for stem in by_ending[".svg"]},
    )


def main() -> int:
    """Ingest, count, print, and give the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--cut", action="store_true", help="embed only the beginning of a long text")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    there = listed()
    if there is None:
        print(f"the package is not installed; on Debian type: apt install {PACKAGE}", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as name:
        counts = ingested(Path(name), there, cut=chosen.cut)
    if chosen.json:
        print(json.dumps(asdict(counts)))
    else:
        print("\n".join(f"{what.replace('_', ' ')}: {number}" for what, number in asdict(counts).items()))
    return int(bool(counts.wrong))


def ingested(folder: Path, there: Listed, *, cut: bool) -> Counts:
    """Ingest the package's folder with the shipped recipe, and hold the index against the list."""
    (folder / "stamps.yaml").write_text(
        f"recipe: 1\nextends: starter\nsource: {{use: folder, path: {STAMPS}}}\nindex: {{use: qdrant, path: ./index}}\n"
        + ("embedders: {text: {use: starter, long_text: cut}}\n" if cut else "")
    )
    with imagora.load(folder / "stamps.yaml") as pipeline:
        report = pipeline.ingest()
        items = {name: (picture, words) for name, picture, words in _items(pipeline)}
    refused = dict(report.quarantined)
    ours = there.pictures | there.texts
    mine = {name: item for name, item in items.items() if name in ours}
    counts = Counts(
        pictures=len(there.pictures),
        pictures_with_words=len(there.with_words),
        texts=len(there.texts),
        drawings=len(there.drawings),
        items=len(mine),
        items_with_pictures=sum(picture for picture, _ in mine.values()),
        items_with_words=sum(bool(words) for _, words in mine.values()),
        items_with_both=sum(picture and bool(words) for picture, words in mine.values()),
        quarantined=len(set(refused) & ours),
        texts_cut=report.cut,
        seconds=round(report.seconds, 1),
        wrong=[],
    )
    lost = sorted(ours - set(mine) - set(refused))
    counts.wrong.extend(f"{name} is neither in the index nor in quarantine" for name in lost)
    counts.wrong.extend(f"{name} is in both" for name in sorted(set(mine) & set(refused)))
    counts.wrong.extend(f"{name} has no reason" for name, why in refused.items() if not why.strip())
    counts.wrong.extend(
        f"{name} has not its picture" for name in sorted(there.pictures & set(mine)) if not mine[name][0]
    )
    spoken = there.with_words | there.texts
    counts.wrong.extend(
        f"{name} has not its words" for name in sorted(spoken & set(mine)) if not _same(name, mine[name][1])
    )
    strangers = {name for name in items if not (STAMPS / name).is_file()}
    counts.wrong.extend(f"{name} is no file" for name in sorted(strangers))
    if report.added != len(items) or report.done != len(items) + len(refused):
        counts.wrong.append(f"the report says {report.added} added, and the index has {len(items)}")
    return counts


def _same(name: str, words: str) -> bool:
    file = STAMPS / PurePosixPath(name).with_suffix(".txt")
    return words.strip() == file.read_text(encoding="utf-8-sig").strip()


def _items(pipeline: imagora.Pipeline) -> list[tuple[str, bool, str]]:
    """Give name, whether there is a picture's vector, and the words of all that is in the index."""
    from imagora.stages import LegQuery, SearchRequest

    index: Any = pipeline.stages.index
    ids, found = list(index.ids()), dict[str, tuple[bool, str]]()
    for leg in ("image", "text"):
        vector = [1.0] * pipeline.stages.embedders[leg].identity().dimension
        request = SearchRequest((LegQuery("all", leg, vector),), limit=len(ids), candidates=len(ids))
        for hit in index.search(request):
            name = str(hit.payload["_uri"])
            found[name] = (leg == "image" or found.get(name, (False, ""))[0], str(hit.payload["_text"]))
    return [(name, *said) for name, said in found.items()]


if __name__ == "__main__":
    sys.exit(main())
