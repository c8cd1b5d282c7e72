"""What a recipe may say about `provenance`."""

from __future__ import annotations

from typing import Annotated, Literal

from imagora import Options
from pydantic import Field, StringConstraints, model_validator

Statement = Literal["licence", "source", "rights"]
STATEMENTS: tuple[Statement, ...] = ("licence", "source", "rights")
Words = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
Keys = Annotated[tuple[Words, ...], Field(min_length=1)]
_KEYS = "Metadata keys of the items to read it from; the first that says something counts."


class ProvenanceOptions(Options):
    """What is said of items that say nothing themselves, what must be said, and when two pictures are the same."""

    licence: Words | None = Field(default=None, description="Licence of items that name none, e.g. CC-BY-4.0.")
    source: Words | None = Field(default=None, description="Where items are from that do not say so themselves.")
    rights: Words | None = Field(default=None, description="Who holds the rights on items that do not say so.")
    licence_keys: Keys = Field(default=("licence", "license"), description=_KEYS)
    source_keys: Keys = Field(default=("source",), description=_KEYS)
    rights_keys: Keys = Field(default=("rights", "copyright"), description=_KEYS)
    required: tuple[Statement, ...] = Field(
        default=(),
        description="What must be known of an item, e.g. [licence]; an item without it is refused and goes into "
        "quarantine.",
    )
    allowed_licences: tuple[Words, ...] | None = Field(
        default=None,
        description="The only licences that may be indexed, in any capitals; an item with another one, or with none, "
        "is refused. Left out: any.",
    )
    perceptual_hash: bool = Field(
        default=True, description="Write a picture's 64-bit perceptual hash as 16 hex digits into 'phash'."
    )
    near_duplicates: int | None = Field(
        default=6,
        ge=0,
        le=16,
        description="Pictures whose hashes differ in at most so many of 64 bits count as the same; the second gets "
        "'near_duplicate_of'. null: none are looked for.",
    )

    @model_validator(mode="after")
    def _can_be_kept(self) -> ProvenanceOptions:
        if self.licence and not self.allows(self.licence):
            raise ValueError(f"the 'licence' '{self.licence}' is not among the 'allowed_licences'")
        return self

    def allows(self, licence: str | None) -> bool:
        """Say whether an item with this licence may be indexed."""
        if self.allowed_licences is None:
            return True
        return licence is not None and licence.casefold() in (one.casefold() for one in self.allowed_licences)
