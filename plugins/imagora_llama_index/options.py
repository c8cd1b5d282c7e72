"""What a recipe may say about `openai` and `llama_index`, checked without importing LlamaIndex."""

from __future__ import annotations

from typing import Annotated

from imagora import Options
from imagora.errors import did_you_mean
from pydantic import AfterValidator, Field, SecretStr, model_validator

from .known import KNOWN

OURS = ("model", "api_key", "url", "temperature", "max_tokens", "timeout", "retries")


def _known(name: str) -> str:
    if name not in KNOWN:
        raise ValueError(f"there is no integration '{name}'{did_you_mean(name, KNOWN)}")
    return name


class ChatOptions(Options):
    """What a hosted model may be asked, and how long it may take."""

    model: str = Field(min_length=1, description="The model's name, as its host has it.")
    images: int = Field(
        default=0,
        ge=0,
        le=64,
        description="How many pictures the model takes in a prompt; 0: it cannot see, and gets words instead.",
    )
    max_pixels: int = Field(
        default=1_000_000, ge=1024, le=16_000_000, description="Pixels of a picture at most; larger ones are shrunk."
    )
    max_tokens: int = Field(default=512, ge=1, le=100_000, description="Tokens that an answer has at most.")
    temperature: float = Field(
        default=0.0, ge=0, le=2, description="0: always the likeliest word; higher: more varied."
    )
    timeout: float = Field(
        default=60.0, gt=0, le=3600, description="Seconds that one answer may take in all, with every try."
    )
    silence: float = Field(
        default=30.0, gt=0, le=3600, description="Seconds without a new word after which the host counts as stuck."
    )
    retries: int = Field(
        default=2,
        ge=0,
        le=2,
        description="How often a call that failed is made again, where another try may help and nothing of the answer "
        "was given on: connection refused or reset, 429, 5xx.",
    )


class OpenAIOptions(ChatOptions):
    """Which model of OpenAI's API, and how it is asked."""

    api_key: SecretStr = Field(description='The key of the API; take it from "${OPENAI_API_KEY}".')
    url: str | None = Field(
        default=None,
        pattern=r"^https?://[^\s@?#]+$",
        description="Address of another host of the same API, ending with /v1; left out: OpenAI's own.",
    )
    top_p: float | None = Field(
        default=None, gt=0, le=1, description="Choose among words that make up this probability."
    )
    seed: int | None = Field(default=None, description="The start of chance, so that an answer can be had again.")
    stop: tuple[str, ...] = Field(default=(), max_length=4, description="Texts at which the answer ends.")


class LlamaIndexOptions(ChatOptions):
    """Which of LlamaIndex's integrations, and how it is made."""

    integration: Annotated[str, AfterValidator(_known)] = Field(
        description="Name of the integration, e.g. anthropic; its package must be installed beside Imagora."
    )
    api_key: SecretStr | None = Field(default=None, description='The key of the host; take it from "${NAME}".')
    url: str | None = Field(default=None, description="Address of the host, where the integration takes one.")
    settings: dict[str, bool | int | float | SecretStr] = Field(
        default_factory=dict,
        description="More of what the integration's class takes, by its own names, e.g. region_name: eu-central-1.",
    )

    @model_validator(mode="after")
    def _fits_the_integration(self) -> LlamaIndexOptions:
        known = KNOWN[self.integration]
        for option, name in (("api_key", known.key), ("url", known.url)):
            if getattr(self, option) is not None and name is None:
                raise ValueError(f"the integration '{self.integration}' takes no '{option}'; see 'settings'")
        own = (known.model, known.key, known.url, known.tokens, known.timeout, known.retries, "temperature")
        if twice := sorted(set(self.settings).intersection(name for name in own if name)):
            raise ValueError(f"'{twice[0]}' in 'settings' has an option of its own (there is: {', '.join(OURS)})")
        return self
