"""What a recipe may say about `phoenix`, checked without importing OpenTelemetry."""

from __future__ import annotations

import os
import re
from typing import Literal
from urllib.parse import urlsplit

from imagora import Options
from pydantic import Field, SecretStr, field_validator

URL, KEY, PROJECT = "PHOENIX_COLLECTOR_ENDPOINT", "PHOENIX_API_KEY", "PHOENIX_PROJECT_NAME"
DEFAULT_URL = "http://127.0.0.1:6006"
TRACES = "/v1/traces"
_TRACE = re.compile(r"[0-9a-f]{32}")
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


class PhoenixOptions(Options):
    """Where traces go, what they show, and how many may wait."""

    url: str | None = Field(
        default=None,
        description=f"Address of Phoenix or another collector of OTLP over HTTP, e.g. {DEFAULT_URL}; '{TRACES}' is "
        f"added. Left out: that of the environment variable {URL}, or else {DEFAULT_URL}.",
    )
    pages: str | None = Field(
        default=None,
        description="Address at which people reach Phoenix's pages, where that is not `url`, e.g. behind a proxy.",
    )
    project: str | None = Field(
        default=None,
        min_length=1,
        description=f"Phoenix's project for the traces. Left out: that of {PROJECT}, or else 'imagora'.",
    )
    api_key: SecretStr | None = Field(
        default=None,
        description=f'Phoenix\'s key, sent as a bearer token; take it from "${{NAME}}". Left out: that of {KEY}.',
    )
    headers: dict[str, SecretStr] = Field(
        default_factory=dict, description="More HTTP headers for the collector, such as another one's key."
    )
    content: Literal["auto", "shown", "hidden"] = Field(
        default="auto",
        description="Whether traces hold words, titles, answers and pictures; auto: not where the recipe has a "
        "guardrail.",
    )
    thumbnails: int = Field(
        default=20, ge=0, le=20, description="Size of a picture in a trace at most, in kB; 0: no pictures."
    )
    characters: int = Field(
        default=4000, ge=100, le=100_000, description="Characters of one text in a trace at most; the rest is cut off."
    )
    queue: int = Field(
        default=1000, ge=1, le=100_000, description="Spans that wait to be sent at most; what comes then is counted."
    )
    timeout: float = Field(
        default=5.0, gt=0, le=60, description="Seconds that sending some spans may take, in all its tries."
    )

    @field_validator("url", "pages")
    @classmethod
    def _address(cls, url: str | None) -> str | None:
        return None if url is None else address(url)

    @field_validator("headers")
    @classmethod
    def _sendable(cls, headers: dict[str, SecretStr]) -> dict[str, SecretStr]:
        for name, value in headers.items():
            said = value.get_secret_value()
            if not _HEADER.fullmatch(name) or not (said.isprintable() and said.isascii()):
                raise ValueError(f"'{name}' is no header of HTTP; a name has letters and '-', a value printable ASCII")
        return headers

    def collector(self) -> str:
        """Give the address without `/v1/traces`, also where the environment says it."""
        if self.url is not None:
            return self.url
        try:
            return address(os.environ.get(URL) or DEFAULT_URL)
        except ValueError as error:
            raise ValueError(f"the environment variable '{URL}' is wrong: {error}") from None

    def page_of(self, trace: str) -> str | None:
        """Give the address of a trace's page by its id, None for what is no id."""
        return page(self.pages or self.collector(), trace)

    def project_name(self) -> str:
        """Give the project, also where the environment says it."""
        return self.project or os.environ.get(PROJECT) or "imagora"

    def sent_headers(self) -> dict[str, str]:
        """Give the headers of every request, secrets as they are."""
        key = self.api_key.get_secret_value() if self.api_key else os.environ.get(KEY)
        own = {name.lower(): value.get_secret_value() for name, value in self.headers.items()}
        return {**({"authorization": f"Bearer {key}"} if key else {}), **own}


def page(pages: str, trace: str) -> str | None:
    """Give the address of a trace's page, which Phoenix finds by the id alone; None for what is no id."""
    return f"{pages}/redirects/traces/{trace}" if _TRACE.fullmatch(trace) else None


def address(url: str) -> str:
    """Give a collector's address without `/v1/traces`; raise ValueError where it is none."""
    try:
        parts = urlsplit(url.strip())
        plain = parts.scheme in ("http", "https") and parts.hostname and (parts.port or 1) > 0
    except ValueError:  # a port that is no number
        plain = False
    if not plain or parts.username is not None or parts.query or parts.fragment or not url.strip().isprintable():
        raise ValueError(f"the url must be like {DEFAULT_URL}, without name, password or '?'")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/').removesuffix(TRACES)}"
