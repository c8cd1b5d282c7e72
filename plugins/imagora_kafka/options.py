"""The options of the source `kafka`."""

from __future__ import annotations

from typing import Literal, Self

from imagora import Options, RecipePath
from pydantic import Field, SecretStr, model_validator


class KafkaOptions(Options):
    """Which topic is read, as whom, and when a run ends."""

    servers: str = Field(min_length=1, description="The brokers' addresses with commas between, e.g. localhost:9092.")
    topic: str = Field(min_length=1, max_length=249, pattern=r"^[A-Za-z0-9._-]+$", description="The topic's name.")
    group: str = Field(
        default="imagora", min_length=1, description="The consumer group, whose offsets say what was done already."
    )
    start: Literal["earliest", "latest"] = Field(
        default="earliest",
        description="Where a new group begins, and any group when the index has nothing of the topic: at the first "
        "message that the topic still has. latest: a new group begins after the last message, and none begins again.",
    )
    security: Literal["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"] = Field(
        default="plaintext", description="How the brokers are spoken with."
    )
    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        default="PLAIN", description="How user and password are said, with sasl_plaintext or sasl_ssl."
    )
    user: str | None = Field(default=None, description="The user's name, with sasl_plaintext or sasl_ssl.")
    password: SecretStr | None = Field(default=None, description="The user's password; take it from ${NAME}.")
    certificates: RecipePath | None = Field(
        default=None, description="A file of the authorities to trust, in PEM form; without it, the system's."
    )
    idle: float = Field(default=10, gt=0, description="End the run after so many seconds without a message.")
    max_messages: int = Field(
        default=100_000, ge=1, description="End the run after so many messages; the rest is for the next run."
    )
    max_megabytes: float = Field(
        default=64, gt=0, le=1000, description="The largest message that is fetched without others, in megabytes."
    )
    timeout: float = Field(default=15, gt=0, description="How long the brokers are waited for, in seconds.")
    longest_batch: int = Field(
        default=900,
        ge=10,
        description="How long the work between two messages may take, in seconds; then the group takes us for dead "
        "and gives our partitions to others.",
    )
    folder: RecipePath | None = Field(
        default=None, description="The folder that a message's 'file' is in; without it, such messages are refused."
    )
    dead_letters: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9._-]+$",
        description="A topic that messages are copied to which cannot be read, with the reason in a header.",
    )

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        sasl = self.security.startswith("sasl")
        if sasl and (self.user is None or self.password is None):
            raise ValueError(f"'security: {self.security}' needs 'user' and 'password'")
        if not sasl and (self.user is not None or self.password is not None):
            raise ValueError("'user' and 'password' need 'security: sasl_ssl', or sasl_plaintext")
        if self.dead_letters == self.topic:
            raise ValueError("'dead_letters' must be another topic than 'topic'")
        return self
