"""The options of the sources `s3` and `s3_events`."""

from __future__ import annotations

from typing import Annotated, Self
from urllib.parse import urlsplit

from imagora import Options, RecipePath
from pydantic import AfterValidator, Field, SecretStr, model_validator


def _address(value: str) -> str:
    parts = urlsplit(value)
    if not parts.scheme or "://" not in value or "::" in value:
        raise ValueError(f"'{value}' is not an address such as 's3://bucket/folder'")
    if parts.username or parts.password:
        raise ValueError("an address with a user or a password in it would be written down; say them in other options")
    return value.rstrip("/") or value


def _endings(value: tuple[str, ...]) -> tuple[str, ...]:
    for ending in value:
        if not ending.startswith(".") or "/" in ending:
            raise ValueError(f"a file ending begins with a dot, e.g. '.jpg', and '{ending}' does not")
    return tuple(ending.lower() for ending in value)


Address = Annotated[str, AfterValidator(_address)]
Endings = Annotated[tuple[str, ...], AfterValidator(_endings)]


class BucketOptions(Options):
    """Where the objects are, who asks for them, and which of them are items."""

    url: Address = Field(description="The address, e.g. s3://bucket/folder; any that fsspec knows, such as gs://.")
    endpoint_url: str | None = Field(
        default=None, description="The address of another S3 server than Amazon's, e.g. http://localhost:9000."
    )
    region: str | None = Field(default=None, description="The region, e.g. eu-central-1.")
    key: SecretStr | None = Field(
        default=None,
        description="The access key; without it the usual places are asked: environment, profile, the machine's role.",
    )
    secret: SecretStr | None = Field(default=None, description="The access key's secret; take it from ${NAME}.")
    anon: bool = Field(default=False, description="Ask without any credentials, for public buckets.")
    storage: dict[str, bool | int | SecretStr] = Field(
        default_factory=dict, description="More arguments of the fsspec file system; words are kept as secrets."
    )
    recursive: bool = Field(default=True, description="Read the folders in the folder as well.")
    pictures: Endings = Field(
        default=(".jpg", ".jpeg", ".jfif", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif", ".ppm", ".pgm"),
        description="Endings of pictures; capitals do not matter.",
    )
    texts: Endings = Field(
        default=(".txt", ".md"),
        description="Endings of texts: the words of the picture with the same name, or items of their own.",
    )
    max_megabytes: float = Field(default=64, gt=0, description="The largest picture that is downloaded, in megabytes.")
    attempts: int = Field(
        default=4, ge=1, le=20, description="How often a request is tried while the network or the server stumbles."
    )
    timeout: float = Field(default=30, gt=0, description="How long one answer is waited for, in seconds.")

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if (self.key is None) != (self.secret is None):
            raise ValueError("'key' and 'secret' are given together or not at all")
        if self.anon and self.key is not None:
            raise ValueError("'anon' asks without credentials, and there is a 'key'; keep one")
        own = {"endpoint_url", "region", "key", "secret", "anon"} & self.model_fields_set
        if own and not self.is_s3:
            raise ValueError(f"'{min(own)}' is for s3:// addresses; say it for others under 'storage'")
        return self

    @property
    def is_s3(self) -> bool:
        """Say whether the address is S3's."""
        return urlsplit(self.url).scheme in ("s3", "s3a")

    @property
    def uri(self) -> str:
        """What tells this place from others, without credentials; the same for `s3` and `s3_events`."""
        return f"{self.url}?endpoint={self.endpoint_url}" if self.endpoint_url else self.url


class S3Options(BucketOptions):
    """A bucket that is listed."""

    words_file: RecipePath | None = Field(
        default=None,
        description="A file that keeps the words of unchanged objects from run to run; without it, texts and side "
        "objects are downloaded in every run. Pictures that have not changed never are.",
    )


class S3EventsOptions(BucketOptions):
    """A bucket whose changes come through an SQS queue."""

    queue_url: str = Field(description="The queue's address, e.g. https://sqs.eu-central-1.amazonaws.com/123/changes.")
    queue_endpoint_url: str | None = Field(
        default=None, description="The address of the SQS server where it is not Amazon's; else as 'endpoint_url'."
    )
    wait: int = Field(default=20, ge=0, le=20, description="How long one request waits for messages, in seconds.")
    idle: float = Field(default=20, ge=0, description="End the run after so many seconds without a message.")
    max_messages: int = Field(
        default=1000, ge=1, le=100_000, description="End the run after so many messages; the rest is for the next run."
    )
    visibility: int = Field(
        default=300,
        ge=1,
        le=43_200,
        description="How long a message that was taken stays hidden from others, in seconds; prolonged while it is "
        "worked on. After a crash it comes again when this time is over.",
    )

    @model_validator(mode="after")
    def _on_s3(self) -> Self:
        if not self.is_s3:
            raise ValueError("'s3_events' needs an s3:// address in 'url'")
        return self
