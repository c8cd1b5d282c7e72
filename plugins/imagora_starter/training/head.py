"""The trained part: a two-layer head from pooled features to MiniLM's space, and how it learns from the teacher."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from timm.layers.mlp import Mlp
from torch import Tensor
from torch.nn import Module
from torch.nn.functional import normalize

from imagora_starter.training.kernel import Teacher

Floats = NDArray[np.float32]
CHUNK = 4000


@dataclass(frozen=True)
class Study:
    """How long and on what a head learns; every number was chosen on development sets.

    `blended` is the share of inputs that are two drawings mixed, `clean` the share of plain views, `classes` the share
    that are a drawing with the pattern of an ImageNet class on it (`faintest` to `strongest` standard deviations).
    """

    inputs: int = 100_000
    rounds: int = 8
    batch: int = 256
    rate: float = 1e-3
    gain: float = 3.0
    ridge: float = 1e-4
    blended: float = 0.5
    classes: float = 0.15
    faintest: float = 1.0
    strongest: float = 6.0
    clean: float = 0.3


def new_head() -> Mlp:
    """open_clip's `mlp` projection with both biases: linear, GELU, linear."""
    return Mlp(1280, 768, 384)


def train(features: Floats, patterns: Floats, teacher: Teacher, study: Study, seed: int) -> Mlp:
    """A head that says what the teacher says, learnt on views x pictures x 1280 centred features."""
    torch.manual_seed(seed)
    dice = np.random.default_rng(seed)
    views, classes = torch.from_numpy(features), torch.from_numpy(patterns)
    with torch.no_grad():
        rows = torch.cat([drawn(views, classes, study, dice) for _ in range(study.inputs // CHUNK)])
        told = torch.cat([teacher(rows[at : at + CHUNK]) for at in range(0, len(rows), CHUNK)])
    length = rows.norm(dim=1).mean()
    head = started(rows / length, told, study, dice)
    optimiser = torch.optim.AdamW(head.parameters(), lr=study.rate, weight_decay=0.0)
    steps = study.rounds * (len(rows) // study.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, study.rate, total_steps=steps, pct_start=0.1)
    for step in range(steps):
        chosen = torch.from_numpy(dice.integers(len(rows), size=study.batch))
        loss = (1 - (normalize(head(rows[chosen] / length), dim=-1) * told[chosen]).sum(-1)).mean()
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # untyped in torch
        optimiser.step()
        schedule.step()
        if step % 500 == 0:
            print(f"step {step:4d} of {steps}: 1 - cosine {loss.item():.3f}", flush=True)
    with torch.no_grad():
        head.fc1.weight /= length
    return head.eval()


def started(rows: Tensor, told: Tensor, study: Study, dice: np.random.Generator) -> Mlp:
    """A head whose first layer compares with 768 of the inputs and whose second is solved by least squares."""
    head = new_head()
    with torch.no_grad():
        chosen = torch.from_numpy(dice.permutation(len(rows))[: head.fc1.out_features])
        head.fc1.weight.copy_(study.gain * normalize(rows[chosen], dim=-1))
        bias(head.fc1).zero_()
        hidden = head.act(head.fc1(rows))
        hidden = torch.cat([hidden, torch.ones(len(rows), 1)], dim=1).double()
        square = hidden.T @ hidden
        penalty = study.ridge * square.diagonal().mean() * torch.eye(len(square), dtype=torch.float64)
        solved = torch.linalg.solve(square + penalty, hidden.T @ told.double()).float()
        head.fc2.weight.copy_(solved[:-1].T)
        bias(head.fc2).copy_(solved[-1])
    return head


def drawn(views: Tensor, patterns: Tensor, study: Study, dice: np.random.Generator) -> Tensor:
    """A chunk of inputs: drawings, drawings mixed with another, and drawings with a class's pattern on them."""
    share = np.where(dice.random(CHUNK) < study.blended, dice.random(CHUNK), 1.0)[:, None]
    portion = torch.from_numpy(share.astype(np.float32))
    rows = portion * some(views, study, dice) + (1 - portion) * some(views, study, dice)
    count = int(study.classes * CHUNK)
    strength = torch.from_numpy(dice.uniform(study.faintest, study.strongest, (count, 1)).astype(np.float32))
    chosen = torch.from_numpy(dice.integers(len(patterns), size=count))
    rows[:count] = rows[:count] / 2 + strength * patterns[chosen]
    return rows


def some(views: Tensor, study: Study, dice: np.random.Generator) -> Tensor:
    """Features of drawings at random, some as they are and some altered."""
    view = dice.integers(views.shape[0], size=CHUNK) * (dice.random(CHUNK) >= study.clean)
    return views[torch.from_numpy(view), torch.from_numpy(dice.integers(views.shape[1], size=CHUNK))]


def folded(head: Mlp, mean: Floats, shared: Floats) -> Mlp:
    """The same head for features that are not centred, and with nothing along the unit vector `shared`."""
    along = torch.from_numpy(shared)
    with torch.no_grad():
        bias(head.fc1).sub_(head.fc1.weight @ torch.from_numpy(mean))
        head.fc2.weight.sub_(torch.outer(along, along @ head.fc2.weight))
        bias(head.fc2).sub_(along * (along @ bias(head.fc2)))
    return head


def bias(layer: Module) -> Tensor:
    """A layer's bias, which both layers of the head have."""
    if not isinstance(layer.bias, Tensor):
        raise TypeError("a layer of the head has no bias")
    return layer.bias


def apply(head: Mlp, features: Floats) -> Floats:
    """Unit vectors of the head alone."""
    with torch.inference_mode():
        return normalize(head(torch.from_numpy(features)), dim=-1).numpy()
