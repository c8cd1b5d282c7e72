"""What a recipe can say about a cache in Redis."""

from __future__ import annotations

import os
from typing import Self

from imagora_caching.levels import LevelOptions
from pydantic import Field, SecretStr, model_validator

URL = "IMAGORA_REDIS_URL"
"""The environment variable with the server's address, which `imagora doctor` looks at, too."""
_SCHEMES = ("redis://", "rediss://", "unix://")


class RedisOptions(LevelOptions):
    """How long each level is kept, where, and how long Redis is waited for."""

    url: SecretStr | None = Field(
        default=None,
        description="the server's address, redis://[[user]:password@]host[:port][/database], or rediss:// for TLS; "
        f"best as '${{NAME}}' from the environment; left out: what {URL} says",
    )
    prefix: str = Field(
        default="", max_length=100, description="what the keys begin with, where others use the same database"
    )
    timeout: float = Field(
        default=0.05, gt=0, le=5, description="seconds after which an answer of Redis is not waited for any more"
    )
    slow: float = Field(
        default=0.01,
        gt=0,
        le=5,
        description="seconds that half of the last answers of Redis may take; beyond it, it is left alone for a while",
    )
    retry_after: float = Field(
        default=5, gt=0, description="seconds that a Redis that failed or was slow is left alone at first"
    )
    megabytes: float = Field(default=8, gt=0, le=512, description="the largest value that is kept, in megabytes")

    @model_validator(mode="after")
    def _has_an_address(self) -> Self:
        address = self.address()
        if not address:
            raise ValueError(f"there is no address of Redis; set {URL}, or say url: redis://HOST:6379/0")
        if not address.startswith(_SCHEMES) and "${" not in address:  # one that is not set has been told of already
            raise ValueError("an address of Redis begins with redis://, rediss:// or unix://")
        return self

    def address(self) -> str:
        """Give the address, with its password."""
        return self.url.get_secret_value() if self.url is not None else os.environ.get(URL, "")
