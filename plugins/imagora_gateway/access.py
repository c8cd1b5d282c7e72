"""What a gateway is told of who may call: keys, issuers of tokens, rates, the audit, and addresses of pictures."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, Literal, TypeAlias, get_args
from urllib.parse import urlsplit

from imagora import Options
from imagora.errors import QueryError
from pydantic import AfterValidator, Field, field_validator, model_validator

Role: TypeAlias = Literal["viewer", "editor", "evaluator", "admin"]
ROLES: frozenset[Role] = frozenset(get_args(Role))
Algorithm: TypeAlias = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
"""Signatures with a public key; those with a shared secret, and none at all, cannot be named."""
RATE = re.compile(r"(?P<most>[1-9]\d{0,8})/(?P<each>second|minute|hour|day|month)", re.ASCII)
HERE = frozenset({"localhost", "127.0.0.1", "::1"})
"""The names of this machine."""
_VARIABLE = re.compile(r"\$\{(?P<name>[A-Za-z_]\w*)\}", re.ASCII)


def _is_rate(said: str) -> str:
    if not RATE.fullmatch(said):
        raise ValueError(f"'{said}' is no rate; write, for example, 60/minute or 10000/day")
    return said


Rate = Annotated[str, AfterValidator(_is_rate)]
"""How often: 60/minute, 10000/day."""


def said_or_from_environment(value: str | None) -> str | None:
    """Give a value, or what the environment has where it is `${NAME}`; QueryError where that has nothing."""
    match = _VARIABLE.fullmatch(value or "")
    if match is None:
        return value
    found = os.environ.get(match["name"])
    if not found:
        what = f"the gateway's settings name the variable {match['name']}, which is not set"
        raise QueryError(f"{what}; type: export {match['name']}=…", code="IMG-124")
    return found


class Issuer(Options):
    """Whose tokens are believed, and what of theirs says who calls. A claim is a name, or a path with dots."""

    issuer: str = Field(min_length=1, description="What tokens have as `iss`, to the letter.")
    audience: tuple[str, ...] = Field(min_length=1, description="Tokens for one of these (`aud`) are taken.")
    jwks: str | None = Field(
        default=None,
        description="The address, or the file, of its public keys; by default what its "
        "`/.well-known/openid-configuration` says.",
    )
    algorithms: tuple[Algorithm, ...] = Field(
        default=("RS256", "ES256"), min_length=1, description="The signatures that are taken."
    )
    leeway: float = Field(default=30, ge=0, le=300, description="How far clocks may be apart, in seconds.")
    keep: float = Field(default=600, ge=1, description="How long its keys are kept before they are read again, in s.")
    pause: float = Field(default=10, ge=0, description="The least time between two readings of its keys, in seconds.")
    subject: str = Field(default="sub", description="The claim that names the caller.")
    tenant: str = Field(default="tenant", description="The claim that has the tenant.")
    groups: str = Field(default="groups", description="The claim that has the groups.")
    roles: str = Field(default="roles", description="The claim that has the roles.")
    role_names: dict[str, Role] = Field(
        default_factory=dict, description="Which of our roles a role of theirs is; without it, those of the same name."
    )
    recipes: str | None = Field(default=None, description="The claim that has the recipes; by default all may be used.")

    @model_validator(mode="after")
    def _is_safe(self) -> Issuer:
        for address in (self.issuer, self.jwks or ""):
            if address.startswith("http://") and urlsplit(address).hostname not in HERE:
                raise ValueError(f"'{address}' must begin with https://: whoever is on the way could give other keys")
        if self.jwks is None and not self.issuer.startswith(("https://", "http://")):
            raise ValueError(f"the issuer '{self.issuer}' is no address, so `jwks` must say where its keys are")
        return self


class Fetching(Options):
    """Which of the recipes that allow it take pictures by their address on the web, and from where."""

    recipes: tuple[str, ...] = Field(
        default=("*",), description="The recipes that may, where they allow it themselves; `*` stands for all."
    )
    internal: tuple[str, ...] = Field(
        default=(),
        description="Origins in your own network that may be asked all the same, such as http://archive.lan:8080.",
    )
    ports: tuple[int, ...] = Field(default=(443,), description="The ports that may be asked.")
    most_bytes: int = Field(default=10_000_000, ge=1, description="The largest picture, in bytes.")
    seconds: float = Field(default=10, gt=0, description="How long a picture may take in all, in seconds.")
    redirects: int = Field(default=3, ge=0, le=10, description="How often an answer may lead elsewhere.")
    at_once: int = Field(default=8, ge=1, description="How many pictures are fetched at once, in each process.")

    @field_validator("internal")
    @classmethod
    def _are_origins(cls, said: tuple[str, ...]) -> tuple[str, ...]:
        for origin in said:
            if not re.fullmatch(r"https?://[a-z0-9.\-\[\]:]+", origin):
                raise ValueError(f"'{origin}' is no origin; write, for example, http://archive.lan:8080")
        return said

    def allows(self, recipe: str) -> bool:
        """Say whether a recipe may take them."""
        return recipe in self.recipes or "*" in self.recipes


class AuditOptions(Options):
    """Where what was given to whom is written down."""

    file: Path | None = Field(default=None, description="The file; by default `audit.jsonl` in the gateway's folder.")
    on: bool = Field(default=True, description="Whether it is written.")
    key: str | None = Field(
        default=None, description="A secret, as `${NAME}`; with it nobody without it can write a chain that fits."
    )
    most_bytes: int = Field(default=100_000_000, ge=1_000, description="How large a file grows before the next begins.")


class Access(Options):
    """Who may call, and how often."""

    keys: Path | None = Field(default=None, description="The keys' file; by default `keys.sqlite` in the folder.")
    issuers: tuple[Issuer, ...] = Field(default=(), description="Whose tokens (OpenID Connect) are believed.")
    rates: tuple[Rate, ...] = Field(
        default=("120/minute",), description="How often a caller may ask whose key says nothing else."
    )
    session: float = Field(
        default=43_200, ge=60, description="How long somebody stays signed in on the page, in seconds."
    )
    rates_at: str = Field(
        default="memory://", description="Where is counted: memory://, or the address of a Redis, or `${NAME}`."
    )
