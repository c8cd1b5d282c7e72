"""What a recipe may say about `vllm`, checked without importing anything that talks to a server."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from imagora import Options
from pydantic import AfterValidator, Field, SecretStr, model_validator

Quantization = Literal["awq", "gptq", "fp8", "bitsandbytes"]
DType = Literal["auto", "bfloat16", "float16", "float32"]


def _address(url: str) -> str:
    try:
        parts = urlsplit(url.strip())
        plain = parts.scheme in ("http", "https") and parts.hostname and (parts.port or 1) > 0
    except ValueError:  # a port that is no number
        plain = False
    if not plain or parts.username is not None or parts.query or parts.fragment or not url.isprintable():
        raise ValueError("the url must be like http://localhost:8000/v1, without name, password or '?'")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/') or '/v1'}"


class ServerOptions(Options):
    """How the server is to be started; only `imagora vllm-command` reads this."""

    quantization: Quantization | None = Field(
        default=None,
        description="How the weights are stored: awq, gptq (4 bits, the checkpoint must be made so), fp8 (8 bits) or "
        "bitsandbytes (4 bits, made while loading); left out: as the checkpoint says.",
    )
    tensor_parallel: int = Field(default=1, ge=1, le=64, description="How many GPUs share the model.")
    dtype: DType = Field(default="auto", description="Number format of what is not quantised; auto: the checkpoint's.")
    parameters: float | None = Field(
        default=None,
        gt=0,
        le=10_000,
        description="The model's size in 10^9 parameters, where its name does not say it.",
    )
    sequences: int = Field(default=16, ge=1, le=4096, description="How many answers are written at once at most.")


class VllmOptions(Options):
    """Where the server is, what it may be asked, and how long it may take."""

    url: Annotated[str, AfterValidator(_address)] = Field(
        description="Address of the server's OpenAI API, e.g. http://localhost:8000/v1; '/v1' is added to a bare host."
    )
    model: str = Field(min_length=1, description="The model's name, as the server serves it.")
    api_key: SecretStr | None = Field(
        default=None, description='The key that the server was started with; take it from "${NAME}".'
    )
    images: int = Field(
        default=0,
        ge=0,
        le=64,
        description="How many pictures the model takes in a prompt; 0: it cannot see, and gets words instead.",
    )
    max_pixels: int = Field(
        default=1_000_000, ge=1024, le=16_000_000, description="Pixels of a picture at most; larger ones are shrunk."
    )
    context: int | None = Field(
        default=None, ge=64, description="Tokens that prompt and answer have together at most; left out: the model's."
    )
    max_tokens: int = Field(default=512, ge=1, le=100_000, description="Tokens that an answer has at most.")
    temperature: float = Field(
        default=0.0, ge=0, le=2, description="0: always the likeliest word; higher: more varied."
    )
    top_p: float = Field(default=1.0, gt=0, le=1, description="Choose among the words that make up this probability.")
    seed: int | None = Field(default=None, description="The start of chance, so that an answer can be had again.")
    stop: tuple[str, ...] = Field(default=(), max_length=16, description="Texts at which the answer ends.")
    json_schema: dict[str, Any] | None = Field(
        default=None, description="A JSON schema; the answer is then JSON that fits it."
    )
    choice: tuple[str, ...] = Field(default=(), description="The answer is one of these texts and nothing else.")
    timeout: float = Field(
        default=60.0, gt=0, le=3600, description="Seconds that one answer may take in all, with every try."
    )
    silence: float = Field(
        default=30.0, gt=0, le=3600, description="Seconds without a new word after which the server counts as stuck."
    )
    retries: int = Field(
        default=2,
        ge=0,
        le=2,
        description="How often a call that failed is made again, where another try may help and nothing of the answer "
        "was given on: connection refused or reset, 429, 5xx.",
    )
    cache_salt: SecretStr | None = Field(
        default=None,
        description="Secret that is mixed into the names under which the server caches the prompts of each tenant, so "
        "that no tenant learns from speed what another one asked.",
    )
    server: ServerOptions = Field(
        default_factory=ServerOptions, description="How the server is to be started, for 'imagora vllm-command'."
    )

    @model_validator(mode="after")
    def _one_form(self) -> VllmOptions:
        if self.json_schema is not None and self.choice:
            raise ValueError("'json_schema' and 'choice' are two forms of an answer; keep one of them")
        if any(not text for text in (*self.stop, *self.choice)):
            raise ValueError("'stop' and 'choice' hold texts of at least one character")
        return self
