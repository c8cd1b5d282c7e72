"""What a recipe may say about `clip`, checked without importing open_clip."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from imagora import Options
from pydantic import BeforeValidator, Field, ValidationInfo, field_validator, model_validator

FOLDER, HUB = "local-dir:", "hf-hub:"
CONFIG = "open_clip_config.json"
_WEIGHT_ENDINGS = (".safetensors", ".bin", ".pt", ".pth", ".npz", ".npy")


def _beside(value: str, info: ValidationInfo) -> Path:
    folders = (info.context or {}).get("folders", {})
    return Path(folders.get(info.field_name, "."), Path(value).expanduser()).absolute()


def _model_place(value: object, info: ValidationInfo) -> object:
    """Make a folder's path absolute; leave names as they are."""
    if not isinstance(value, str) or value.startswith(HUB):
        return value
    place = _beside(value.removeprefix(FOLDER), info)
    if value.startswith((FOLDER, "/", "./", "../", "~")) or (place / CONFIG).is_file():
        return f"{FOLDER}{place}"
    return value


def _weights_place(value: object, info: ValidationInfo) -> object:
    """Make a file's path absolute; leave tags as they are."""
    if isinstance(value, str) and (value.endswith(_WEIGHT_ENDINGS) or _beside(value, info).is_file()):
        return str(_beside(value, info))
    return value


class ClipOptions(Options):
    """An open_clip model, where it runs, and what is done with long texts."""

    model: Annotated[str, BeforeValidator(_model_place)] = Field(
        min_length=1,
        description="An open_clip architecture (ViT-B-32), a model on the hub (hf-hub:OWNER/NAME), or a folder with "
        "open_clip_config.json and weights (its path, or local-dir:PATH); a relative path is beside the recipe.",
    )
    weights: Annotated[str | None, BeforeValidator(_weights_place)] = Field(
        default=None,
        description="For an architecture: a pretrained tag that the hub has (laion2b_s34b_b79k) or a weights file on "
        "this machine; a relative path is beside the recipe. Folders and hf-hub: models bring their own.",
    )
    device: str = Field(
        default="auto",
        pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$",
        description="Where the model runs: cpu, cuda, cuda:1, mps, or auto for the best that is there.",
    )
    precision: Literal["fp32", "fp16", "bf16"] = Field(
        default="fp32",
        description="Number format of the model; fp16 and bf16 halve its memory and are meant for cuda and mps.",
    )
    batch_size: int = Field(default=32, ge=1, le=2048, description="Pictures or texts that go through at once.")
    query_template: str = Field(
        default="{}",
        description="What a query's words are put into, in place of {}; 'a photo of {}' helps some models. Not part "
        "of the identity, because stored vectors do not depend on it.",
    )
    long_text: Literal["split", "cut", "refuse"] = Field(
        default="split",
        description="What becomes of a text that is longer than the model reads (77 tokens for most): split embeds "
        "every part and takes the mean of their unit vectors, cut drops the end and counts it, refuse is an error.",
    )

    @field_validator("query_template")
    @classmethod
    def _has_one_place(cls, value: str) -> str:
        if value.count("{}") != 1:
            raise ValueError("'query_template' needs exactly one {} for the query's words")
        return value

    @model_validator(mode="after")
    def _weights_fit_the_model(self) -> ClipOptions:
        brings_its_own = self.model.startswith((FOLDER, HUB))
        if brings_its_own and self.weights:
            raise ValueError("'weights' does not go with a folder or a hf-hub: model, which has its own; leave it out")
        if not brings_its_own and not self.weights:
            raise ValueError(
                f"'{self.model}' is an architecture and needs 'weights': a pretrained tag or a weights file "
                "(or name a folder with open_clip_config.json as the model)"
            )
        return self
