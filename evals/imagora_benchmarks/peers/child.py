"""A side's process: it says when it is ready, then answers rounds of queries, a line of JSON each way.

    python -m imagora_benchmarks.peers.child BY NAME ITEMS K FOLDER

BY is `words` or `pictures`; NAME is a side's, or `fill`, which makes what all sides need.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any

from .corpus import corpus_of, model_folder
from .drawings import picture_vectors
from .setup import Setup, Side

SIDES = {
    "words": {
        "imagora": "imagora_side",
        "imagora-int8": "imagora_side:int8",
        "floor": "by_hand:floor",
        "torch": "by_hand:torch",
        "llama-index": "llama_index_side",
        "haystack": "haystack_side",
        "txtai": "txtai_side",
    },
    "pictures": {
        "imagora": "by_picture:imagora_side",
        "floor": "by_picture:floor",
        "exact": "by_picture:exact",
        "llama-index": "by_picture:llama_index",
    },
}
EXACT = {"words": "torch", "pictures": "exact"}
"""The side that rankings are held against."""


def main(by: str, name: str, items: int, k: int, folder: Path) -> None:
    """Open a side and answer until there are no more queries."""
    said = _lines_only()
    corpus = corpus_of(items)
    if by == "pictures":
        corpus = replace(corpus, vectors=picture_vectors(items, folder / "examples"))
    if name == "fill":
        from .imagora_side import fill

        model_folder()
        fill(folder, corpus, k, by)
        shutil.copytree(folder / "index", folder / "copy")
        return
    side = _side(by, name)
    search, names = side.opened(Setup(corpus, k, str(model_folder()), folder))
    _one_thread()
    told = {package: version(package) for package in side.PACKAGES}
    _say(said, {"versions": told})
    for line in sys.stdin:
        _say(said, [_timed(search, names, words) for words in json.loads(line)])
    _say(said, {"megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024})


def _timed(search: Callable[[str], Any], names: Callable[[Any], list[str]], words: str) -> tuple[float, float, Any]:
    processor, clock = time.process_time(), time.perf_counter()
    found = search(words)
    seconds = time.perf_counter() - clock
    return round(seconds * 1000, 3), round((time.process_time() - processor) * 1000, 3), names(found)


def _side(by: str, name: str) -> Side:
    module, _, attribute = SIDES[by][name].partition(":")
    side: Any = import_module(f".{module}", __package__)
    found: Side = getattr(side, attribute) if attribute else side
    return found


def _one_thread() -> None:
    if (torch := sys.modules.get("torch")) is not None:
        torch.set_num_threads(1)


def _lines_only() -> IO[str]:
    """Keep standard output for our lines alone; what a package prints goes to standard error."""
    kept = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return kept


def _say(said: IO[str], what: object) -> None:
    said.write(json.dumps(what) + "\n")
    said.flush()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), Path(sys.argv[5]))
