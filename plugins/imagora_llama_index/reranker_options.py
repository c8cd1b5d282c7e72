"""What a recipe may say about each of LlamaIndex's postprocessors, checked without importing LlamaIndex."""

from __future__ import annotations

from typing import Annotated

from imagora import Nested, NestedComponent, Options
from pydantic import Field, SecretStr

KEEP = Field(default=8, ge=1, le=1_000, description="How many passages are kept.")


class CutoffOptions(Options):
    """Which scores are too low."""

    cutoff: float = Field(description="Passages with a lower score are left out; those without a score stay.")


class ReorderOptions(Options):
    """Nothing needs to be said."""


class ReplacementOptions(Options):
    """What is read instead of a passage's own text."""

    key: str = Field(
        default="window", min_length=1, description="The metadata key whose text is read; passages without it stay."
    )


class ModelRerankOptions(Options):
    """Which model puts the passages in order."""

    generator: Annotated[NestedComponent, Nested("generator")] = Field(
        description="The model that is asked, as a generator: {use: openai, …}."
    )
    keep: int = KEEP
    timeout: float = Field(default=30.0, gt=0, le=600, description="Seconds that it may take.")


class HostedRerankOptions(Options):
    """Which model of a host puts the passages in order."""

    model: str = Field(min_length=1, description="The model's name, as its host has it.")
    api_key: SecretStr = Field(description='The key of the host; take it from "${NAME}".')
    keep: int = KEEP
    timeout: float = Field(default=30.0, gt=0, le=600, description="Seconds that the host may take.")


class PlacedRerankOptions(HostedRerankOptions):
    """A host whose address can be another one."""

    url: str | None = Field(
        default=None, pattern=r"^https?://[^\s@?#]+$", description="Address of another host of the same API."
    )
