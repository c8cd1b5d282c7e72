"""The embedded default: a picture-and-word encoder and an extractive generator out of packages, without a download."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from imagora import BuildContext, Component, Model, hookimpl

if TYPE_CHECKING:
    from .options import ExtractiveOptions, StarterOptions

_MODELS = ("torch", "timm", "transformers", "onnx")  # for the first use, which exports the models to ONNX
REQUIRES = ("onnxruntime", "tokenizers", "safetensors", "platformdirs", "filelock", "numpy", *_MODELS)


def _build_embedder(options: StarterOptions, context: BuildContext) -> object:
    from .embedder import StarterEmbedding

    return StarterEmbedding(options)


def _build_generator(options: ExtractiveOptions, context: BuildContext) -> object:
    from .extractive import Extractive

    return Extractive(options)


def _models() -> list[Model]:
    from .packages import models

    return models()


imagora_api = ">=1.0,<2"


@hookimpl
def offer_embedders() -> list[Component[Any]]:
    """Offer the starter's encoder for the legs `image` and `text`."""
    from .options import ABOUT_EMBEDDER, StarterOptions

    summary = "pictures and words in one space, by EfficientNet-Lite0 and MiniLM; no download"
    return [
        Component(
            "starter",
            summary,
            StarterOptions,
            _build_embedder,
            REQUIRES,
            extra="starter",
            about=ABOUT_EMBEDDER,
            models=lambda _options: _models(),
        )
    ]


@hookimpl
def offer_generators() -> list[Component[Any]]:
    """Offer the extractive generator."""
    from .options import ABOUT_EXTRACTIVE, ExtractiveOptions

    summary = "answers with the passages' own best sentences, cited, or says that nothing answers"
    return [
        Component(
            "extractive",
            summary,
            ExtractiveOptions,
            _build_generator,
            REQUIRES,
            extra="starter",
            about=ABOUT_EXTRACTIVE,
            models=lambda _options: _models()[:1],
        )
    ]
