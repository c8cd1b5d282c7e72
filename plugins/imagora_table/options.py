"""The options of the source `table`."""

from __future__ import annotations

import codecs
import re
from typing import Annotated, Literal

from imagora import Options, RecipePath
from pydantic import AfterValidator, Field, model_validator

Type = Literal["str", "int", "float", "bool", "date", "list"]
_HOST = re.compile(r"(\*\.)?[a-z0-9_]([a-z0-9_.-]*[a-z0-9])?(:[0-9]{1,5})?|\[[0-9a-f:.]+\](:[0-9]{1,5})?")


def _known_encoding(value: str) -> str:
    try:
        return codecs.lookup(value).name
    except LookupError:
        raise ValueError("it must be the name of an encoding, such as utf-8, utf-16 or cp1252") from None


def _hosts(value: tuple[str, ...]) -> tuple[str, ...]:
    hosts = tuple(host.lower() for host in value)
    for host in hosts:
        if not _HOST.fullmatch(host):
            raise ValueError(f"'{host}' is not a host; write 'example.org', '*.example.org' or 'example.org:8443'")
    return hosts


def _metadata_keys(value: dict[str, Type] | None) -> dict[str, Type] | None:
    for name in value or ():
        if not name or name.startswith("_") or name == "uri":
            raise ValueError(f"'{name}' cannot be metadata: keys do not begin with '_', and are not 'uri'")
    return value


class Columns(Options):
    """Which column is what; one that the table does not have is left out, unless the recipe names it."""

    picture: str = Field(default="picture", description="The picture's path beside the table, or its URL.")
    text: str = Field(default="text", description="The item's words.")
    title: str = Field(default="title", description="The item's title.")
    id: str = Field(default="id", description="What names the item; a row without one is named by its picture.")
    tags: str = Field(default="tags", description="Words with commas or semicolons between them, or a list.")
    version: str | None = Field(
        default=None,
        description="What changes whenever the picture does, such as a time; then its bytes are not read to know.",
    )


class TableOptions(Options):
    """Which table, what its columns are, and whether pictures may be fetched."""

    path: RecipePath | None = Field(
        default=None,
        description="The table, a file that ends in .csv, .tsv, .jsonl, .ndjson or .parquet; may be left out where the "
        "command line gives one with --source.",
    )
    columns: Columns = Field(default=Columns(), description="The names of the columns with a meaning of their own.")
    metadata: Annotated[dict[str, Type] | None, AfterValidator(_metadata_keys)] = Field(
        default=None,
        description="The columns that become metadata, each with its type: str, int, float, bool, date (as 2026-01-31) "
        "or list (of words). Without it every other column does, in CSV as words.",
    )
    delimiter: Literal[",", ";", "tab", "|"] | None = Field(
        default=None, description="What stands between the values in CSV; without it, what the header has most of."
    )
    encoding: Annotated[str, AfterValidator(_known_encoding)] = Field(
        default="utf-8", description="How a text table is written, e.g. cp1252; a byte order mark tells by itself."
    )
    urls: Literal["refused", "https", "http"] = Field(
        default="refused",
        description="Whether pictures may be fetched: refused, by https only, or by plain http as well.",
    )
    hosts: Annotated[tuple[str, ...], AfterValidator(_hosts)] = Field(
        default=(),
        description="The hosts that pictures may be fetched from: 'img.example.org', '*.example.org' or, for another "
        "port than the usual one, 'img.example.org:8443'.",
    )
    allow_private: bool = Field(
        default=False,
        description="Fetch from addresses that are not public too, such as 127.0.0.1 and 10.0.0.1; for tests and "
        "intranets.",
    )
    url_seconds: float = Field(default=20.0, gt=0, le=600, description="Seconds that fetching one picture may take.")
    url_bytes: int = Field(default=64_000_000, gt=0, description="Bytes that a fetched picture may have.")

    @model_validator(mode="after")
    def _hosts_where_urls(self) -> TableOptions:
        if self.urls != "refused" and not self.hosts:
            raise ValueError(
                "'urls' needs 'hosts', the hosts that pictures may be fetched from, e.g. [img.example.org]"
            )
        return self
