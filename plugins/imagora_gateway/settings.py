"""What a gateway is told when it starts; worker processes read the same from the environment."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from imagora import Options
from imagora.errors import QueryError
from pydantic import Field, ValidationError

from .access import Access, AuditOptions, Fetching

VARIABLE = "IMAGORA_GATEWAY"
"""The environment variable that takes the settings, as JSON, to worker processes."""


class Bounds(Options):
    """How much one request may ask for, and how many may be under way."""

    body_bytes: int = Field(default=32_000_000, ge=1_000, description="The largest body of a request, in bytes.")
    bodies_bytes: int = Field(
        default=256_000_000, ge=1_000, description="The bodies of all requests under way, in bytes, in each process."
    )
    prompt_characters: int = Field(default=16_000, ge=1, description="The longest question, in characters.")
    messages: int = Field(default=256, ge=1, description="The most messages of a conversation.")
    pictures: int = Field(default=8, ge=0, description="The most pictures of a query.")
    pictures_waiting: int = Field(
        default=64, ge=0, description="How many pictures may wait to be decoded, in each process."
    )
    top_k: int = Field(default=100, ge=1, description="The most passages that a query may ask for.")
    concurrent: int = Field(default=16, ge=1, description="How many queries are answered at once, in each process.")
    each: int | None = Field(
        default=None,
        ge=1,
        description="How many queries one caller may have under way, waiting ones too, in each process; left out: half "
        "of `concurrent`. Whoever is on this machine, where nobody must say who they are, has no such bound.",
    )
    waiting: int = Field(default=64, ge=0, description="How many queries may wait for their turn, in each process.")
    patience: float = Field(default=10, gt=0, description="How long a query may wait for its turn, in seconds.")
    deadline: float = Field(default=120, gt=0, description="How long a query may take in all, in seconds.")
    drain: float = Field(default=30, gt=0, description="How long answers may go on after SIGTERM, in seconds.")


class Settings(Options):
    """All that a gateway is told."""

    recipes: tuple[str, ...] = Field(min_length=1, description="Shipped recipes' names, or files.")
    host: str = Field(default="127.0.0.1", description="The address to listen at.")
    port: int = Field(default=8017, ge=0, le=65_535, description="The port to listen at; 0 takes a free one.")
    profile: str | None = Field(default=None, description="The profile of every recipe.")
    workers: int = Field(default=1, ge=1, le=64, description="How many processes answer.")
    folder: Path = Field(default=Path(".imagora/gateway"), description="Where the gateway keeps what it must not lose.")
    thumbnail_seconds: int = Field(default=600, ge=1, description="How long the address of a thumbnail is good for.")
    page: bool = Field(default=True, description="Whether there is a page for people.")
    bounds: Bounds = Field(default_factory=Bounds, description="How much one request may ask for.")
    access: Access = Field(default_factory=Access, description="Who may call, and how often.")
    audit: AuditOptions = Field(default_factory=AuditOptions, description="Where it is written who was given what.")
    fetching: Fetching = Field(default_factory=Fetching, description="Pictures by their address on the web.")

    @property
    def is_public(self) -> bool:
        """Whether others than this machine can reach it; a name that is no address counts as public."""
        if self.host == "localhost":
            return False
        try:
            return not ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return True


def settings_of_environment() -> Settings:
    """Read the settings that the parent process left."""
    return Settings.model_validate_json(os.environ[VARIABLE])


def settings_of(file: Path | None, said: Mapping[str, Any]) -> Settings:
    """Read a file of settings; what was said besides goes before it. QueryError names everything that is wrong."""
    read: Any = {}
    if file is not None:
        from ruamel.yaml import YAML
        from ruamel.yaml.error import YAMLError

        try:
            read = YAML(typ="safe", pure=True).load(file.read_text("utf-8")) or {}
        except (OSError, ValueError, YAMLError) as error:
            reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
            raise QueryError(f"the settings at '{file}' cannot be read: {reason}", code="IMG-124") from None
        if not isinstance(read, dict):
            raise QueryError(f"the settings at '{file}' are not keys with values", code="IMG-124")
    try:
        return Settings.model_validate({**read, **said})
    except ValidationError as error:
        wrong = [
            f"{'.'.join(map(str, one['loc']))}: {one['msg'].removeprefix('Value error, ')}" for one in error.errors()
        ]
        raise QueryError("\n".join(f"{file or 'the settings'}: {what}" for what in wrong), code="IMG-124") from None
