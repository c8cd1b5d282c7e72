"""What a query costs on torch, on ONNX Runtime and in 8 bits, and how far their rankings agree with torch's.

    python -m imagora_benchmarks.backends [--queries 100]

MiniLM as a text embedder of sentence-transformers, MiniLM's layers as a cross-encoder, which scores 50 passages a
query, and the starter's towers; its pictures are Debian's stamps (apt install tuxpaint-stamps-default), ranked by a
tenth of them. Queries take turns between the backends. Milliseconds are medians, by the clock and by the processor's
time, of which a busy machine changes less. Exit code 1 where fewer of the first ten are the same than 0.98 with 32 bits
and 0.9 with 8; for pictures, whose tower is not on torch, the same as with 32.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from imagora import BuildContext
from imagora.assembly import build
from imagora_recipe.check import planned
from rich.console import Console
from rich.table import Table

from .agreement import agreement
from .cross_training import unpacked
from .fusion_of_items import STAMPS
from .sentences import questions, sentences

LEAST = {"torch": 1.0, "onnx": 0.98, "onnx-int8": 0.9}
PASSAGES = 50
ASKED = 10
"""Every tenth stamp is a query."""


def main() -> int:
    """Measure, print the table, and give the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--queries", type=int, default=100)
    queries = parser.parse_args().queries
    if not (stamps := _stamps()):
        sys.exit(f"there are no stamps in '{STAMPS}'; type: apt install tuxpaint-stamps-default")
    table = Table("model", "backend", "ms a query", "processor, ms", "tau", "overlap@10", "bound", box=None)
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        minilm = unpacked(Path(folder) / "beside")
        cross = scorer(minilm, Path(folder) / "scorer")
        backends = [*LEAST]
        texts = {name: _built("embedder", "sentence_transformers", minilm, name) for name in backends}
        pairs = {name: _built("reranker", "cross_encoder", cross, name) for name in backends}
        starter = {name: _built("embedder", "starter", None, name) for name in backends[1:]}
        torch = _cosines(texts["torch"])
        asked = [f"{question} number {number}" for number, question in enumerate(questions())]
        cases: list[tuple[str, dict[str, Any], Any, Any, Any]] = [
            ("MiniLM", texts, lambda stage, words: stage._get_query_embedding(words), asked, _cosines),
            ("cross-encoder", pairs, _fifty, asked, _scores),
            ("starter's words", starter, lambda stage, words: stage._get_query_embedding(words), asked, _cosines),
            ("starter's pictures", starter, lambda stage, file: stage._get_image_embedding(file), stamps, _alike),
        ]
        for model, stages, ask, asking, ranked in cases:
            scores = {name: ranked(stage) for name, stage in stages.items()}
            right = scores.get("torch", scores["onnx"] if asking is stamps else torch)
            taken = _timed(stages, ask, asking, queries)
            for name in stages:
                found = agreement(right, scores[name])
                failed |= found.overlap < LEAST[name]
                shown = [f"{statistics.median(times):.2f}" for times in taken[name]]
                table.add_row(model, name, *shown, f"{found.tau:.4f}", f"{found.overlap:.4f}", f"≥ {LEAST[name]}")
    Console().print(table)
    return int(failed)


def _built(kind: str, use: str, model: Path | None, backend: str) -> Any:
    said = {"use": use, "backend": backend, "batching": "off", **({"model": str(model)} if model else {})}
    return build(planned(kind, said), BuildContext("benchmark"))


def scorer(minilm: Path, folder: Path) -> Path:
    """Write MiniLM with a head of fixed random weights: what it says is nothing, how fast and how alike is."""
    import torch
    from transformers import AutoTokenizer, BertForSequenceClassification

    torch.manual_seed(7)
    model = BertForSequenceClassification.from_pretrained(minilm, num_labels=1)
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(minilm).save_pretrained(folder)
    return folder


def _cosines(stage: Any) -> Any:
    asked = np.array(stage.get_query_embedding_batch(questions()))
    return asked @ np.array(stage.get_text_embedding_batch(sentences())).T


def _scores(stage: Any) -> Any:
    asked, texts = questions()[::5], sentences()[::4]
    return np.array(stage.score_pairs([(a, text) for a in asked for text in texts])).reshape(len(asked), -1)


def _fifty(stage: Any, words: str) -> Any:
    return stage.score_pairs([(words, text) for text in sentences()[:PASSAGES]])


def _stamps() -> list[str]:
    return sorted(str(file) for file in STAMPS.rglob("*.png"))


def _alike(stage: Any) -> Any:
    vectors = np.array(stage.get_image_embedding_batch(_stamps()))
    return vectors[::ASKED] @ np.delete(vectors, np.s_[::ASKED], axis=0).T


def _timed(
    stages: dict[str, Any], ask: Any, asked: list[str], queries: int
) -> dict[str, tuple[list[float], list[float]]]:
    taken: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in stages}
    for number in range(queries + 5):
        for name in stages if number % 2 else reversed(stages):
            clock, processor = time.perf_counter(), time.process_time()
            ask(stages[name], asked[number % len(asked)])
            if number >= 5:  # noqa: PLR2004 - the warm-up
                for kept, started, now in zip(
                    taken[name], (clock, processor), (time.perf_counter(), time.process_time()), strict=True
                ):
                    kept.append(1000 * (now - started))
    return taken


if __name__ == "__main__":
    sys.exit(main())
