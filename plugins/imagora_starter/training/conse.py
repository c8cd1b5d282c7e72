"""ConSE (Norouzi et al. 2014, arXiv:1312.5650): a picture is its classes' words, weighted by probability."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from timm.data.imagenet_info import ImageNetInfo

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Mix:
    """How the logits become a vector and how much that vector counts beside the head's."""

    temperature: float = 1.5
    weight: float = 0.75

    def to_metadata(self) -> dict[str, str]:
        """The numbers under the keys they have in the header of the weights."""
        return {"conse_temperature": str(self.temperature), "conse_weight": str(self.weight)}

    @classmethod
    def from_metadata(cls, header: Mapping[str, str]) -> "Mix":
        """The mix that the header of the weights tells of."""
        return cls(float(header["conse_temperature"]), float(header["conse_weight"]))


def class_texts(embed: Callable[[Sequence[str]], Floats]) -> Floats:
    """A centred 1000 x 384 matrix: half the class's names, half its WordNet gloss.

    The mean is taken off so that what all class texts share does not drown what tells them apart.
    """
    info = ImageNetInfo()
    names = [info.index_to_description(index) for index in range(1000)]
    glosses = [info.index_to_description(index, detailed=True) for index in range(1000)]
    rows = unit(embed([f"a photo of a {name}" for name in names]) + embed(glosses))
    return unit(rows - rows.mean(axis=0))


def conse(logits: Floats, class_text: Floats, temperature: float) -> Floats:
    """The class texts weighted by the softmax of the logits over `temperature`, as unit vectors."""
    scaled = logits / temperature
    odds = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return unit(odds @ class_text)


def mixed(head: Floats, classes: Floats, weight: float) -> Floats:
    """Unit vectors of the head's vector plus `weight` times the ConSE vector."""
    return unit(head + weight * classes)


def without(rows: Floats, shared: Floats) -> Floats:
    """Rows with nothing left along the unit vector `shared`."""
    return np.asarray(rows - np.outer(rows @ shared, shared), np.float32)


def unit(rows: Floats) -> Floats:
    """Rows at unit length."""
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)
