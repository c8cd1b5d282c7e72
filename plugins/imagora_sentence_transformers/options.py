"""What a recipe may say about `sentence_transformers` and `cross_encoder`, checked without importing either."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from imagora import Options
from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo


def _model_place(value: object, info: ValidationInfo) -> object:
    """Make a folder's path absolute, beside the recipe; leave names on the hub as they are."""
    if not isinstance(value, str):
        return value
    folders = (info.context or {}).get("folders", {})
    place = Path(folders.get(info.field_name, "."), Path(value).expanduser()).absolute()
    return str(place) if place.is_dir() or value.startswith(("/", "./", "../", "~")) else value


Model = Annotated[str, BeforeValidator(_model_place)]
_DEVICE = r"^(auto|cpu|mps|cuda(:\d+)?)$"
_DEVICE_WORDS = "Where the model runs: cpu, cuda, cuda:1, mps, or auto for the best that is there."
_MODEL_WORDS = "A model's name on the hub, or a folder on this machine; a relative path is beside the recipe."


Backend = Literal["torch", "onnx", "onnx-int8"]
_BACKEND_WORDS = (
    "What runs the model: torch; onnx, which is ONNX Runtime on the processor, faster for one query and with the same "
    "numbers; onnx-int8, with 8-bit ones, faster still and with other numbers. The first use exports the model."
)


def _on_the_cpu(backend: str, info: ValidationInfo) -> str:
    if backend != "torch" and info.data.get("device") not in ("auto", "cpu"):
        raise ValueError(f"'{backend}' runs on the processor; leave 'device' out, or write 'backend: torch'")
    return backend


class EmbeddingOptions(Options):
    """A text model, where it runs, and what is put before the words."""

    model: Model = Field(
        default="sentence-transformers/all-MiniLM-L6-v2",
        min_length=1,
        description=_MODEL_WORDS,
    )
    device: str = Field(default="auto", pattern=_DEVICE, description=_DEVICE_WORDS)
    backend: Annotated[Backend, AfterValidator(_on_the_cpu)] = Field(default="torch", description=_BACKEND_WORDS)
    batch_size: int = Field(default=32, ge=1, le=2048, description="Texts that go through the model at once.")
    query_prompt: str | None = Field(
        default=None,
        description="What is put before a query's words, such as 'query: '; left out: what the model's folder says.",
    )
    document_prompt: str | None = Field(
        default=None,
        description="What is put before a stored text, such as 'passage: '; left out: what the model's folder says.",
    )
    normalise: bool = Field(
        default=True,
        description="Whether vectors get length 1 and are compared by cosine; false compares them by dot product.",
    )
    max_length: int | None = Field(
        default=None,
        ge=4,
        description="Tokens that are read at once, the prompt among them. Left out: the model's own number, often 256 "
        "or 512.",
    )
    long_text: Literal["split", "cut", "refuse"] = Field(
        default="split",
        description="What becomes of a text that is longer than the model reads: split embeds every part, each with "
        "the prompt, and takes the mean of their vectors (of length 1, with normalise), cut drops the end and counts "
        "it, refuse is an error.",
    )


class CrossEncoderOptions(Options):
    """A model that scores a query and a text together, and how many passages go on."""

    model: Model = Field(
        default="cross-encoder/ms-marco-MiniLM-L6-v2",
        min_length=1,
        description=_MODEL_WORDS,
    )
    keep: int | None = Field(
        default=None, ge=1, description="How many passages go on, counted after reordering; left out: all of them."
    )
    weight: float = Field(
        default=1.0,
        ge=0,
        le=1,
        description="Share of the model's score in the new score; the rest is the score that a passage came with, each "
        "brought to mean 0 and deviation 1 over the passages. 1: the model's score alone, as it is.",
    )
    negative_weight: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="How much of a passage's score for the query's negative words, where it is above 0, is taken off.",
    )
    device: str = Field(default="auto", pattern=_DEVICE, description=_DEVICE_WORDS)
    backend: Annotated[Backend, AfterValidator(_on_the_cpu)] = Field(default="torch", description=_BACKEND_WORDS)
    batch_size: int = Field(default=32, ge=1, le=2048, description="Pairs that go through the model at once.")
    max_length: int | None = Field(
        default=None,
        ge=8,
        description="Tokens of query and passage together that are read; what comes after is dropped. Left out: the "
        "model's own number, often 512.",
    )
