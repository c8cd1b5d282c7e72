"""The teacher: kernel regression from pooled features to words, exact on few pictures but too large to ship."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import normalize

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Kernel:
    """How near two pictures must be to share words; every number was chosen on development sets.

    `width` is the factor of (cosine - 1) in the exponent, `ridge` the penalty, `class_share` what a class of
    ImageNet counts beside a drawing.
    """

    width: float = 3.0
    ridge: float = 0.1
    class_share: float = 0.3


Teacher = Callable[[Tensor], Tensor]


def class_patterns(features: Floats, classifier: Floats) -> Floats:
    """Where in feature space a class lies (1000 x 1280), seen from the mean, without any picture of it.

    A classifier's row tells what separates a class; times the covariance of the features it tells what the class
    looks like (Haufe et al. 2014, doi:10.1016/j.neuroimage.2013.10.067). Scaled so that adding a pattern raises
    the class's logit by one standard deviation.
    """
    rows = classifier - classifier.mean(axis=0)
    patterns = rows @ np.cov(features.T)
    spread = np.sqrt(np.einsum("ij,ij->i", rows, patterns))
    return np.asarray(patterns / spread[:, None], np.float32)


def taught(features: Floats, texts: Floats, patterns: Floats, class_text: Floats, kernel: Kernel) -> Teacher:
    """Fit drawings to their texts and classes to theirs; gives a function from centred features to unit vectors."""
    known = normalize(torch.from_numpy(np.concatenate([features, patterns])), dim=-1)
    share = np.concatenate([np.ones(len(features)), np.full(len(patterns), kernel.class_share)])
    wanted = np.concatenate([texts, class_text]) - texts.mean(axis=0)
    alike = torch.exp(kernel.width * (known @ known.T - 1)).double().numpy()
    factors = torch.from_numpy(np.linalg.solve(alike + kernel.ridge * np.diag(1 / share), wanted).astype(np.float32))

    def teacher(rows: Tensor) -> Tensor:
        near = torch.exp(kernel.width * (normalize(rows, dim=-1) @ known.T - 1))
        return normalize(near @ factors, dim=-1)

    return teacher
