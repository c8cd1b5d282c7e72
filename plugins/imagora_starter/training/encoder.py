"""The shipped weights at work, for measuring: pictures to vectors, by the head, by ConSE and by both."""

from collections.abc import Iterable
from pathlib import Path

from PIL import Image
from safetensors import safe_open

from imagora_starter.square import white_square
from imagora_starter.training import head
from imagora_starter.training.conse import Mix, conse, mixed
from imagora_starter.training.tower import Floats, Tower, classifier


class Encoder:
    """Pictures to unit vectors in MiniLM's space."""

    def __init__(self, weights: Path, cache: Path) -> None:
        """Load the weights and both towers' files."""
        with safe_open(weights, "pt") as opened:
            tensors = {key: opened.get_tensor(key).float() for key in opened.keys()}  # noqa: SIM118  # no mapping
            self._mix = Mix.from_metadata(opened.metadata())
        self._class_text: Floats = tensors.pop("class_text").numpy()
        self._head = head.new_head().eval()
        self._head.load_state_dict(tensors)
        self._tower = Tower(cache)
        self._weight, self._bias = classifier()

    def features(self, pictures: Iterable[Image.Image]) -> Floats:
        """Pooled features, from which the three kinds of vectors come."""
        return self._tower.features(white_square(picture) for picture in pictures)

    def mlp(self, pictures: Iterable[Image.Image]) -> Floats:
        """The head alone, as an open_clip model would have it."""
        return head.apply(self._head, self.features(pictures))

    def conse(self, pictures: Iterable[Image.Image]) -> Floats:
        """ConSE alone: nothing trained here."""
        return self._conse(self.features(pictures))

    def embed(self, pictures: Iterable[Image.Image]) -> Floats:
        """Both, mixed: what the plugin does."""
        features = self.features(pictures)
        return mixed(head.apply(self._head, features), self._conse(features), self._mix.weight)

    def _conse(self, features: Floats) -> Floats:
        return conse(features @ self._weight.T + self._bias, self._class_text, self._mix.temperature)
