"""The options of the source `postgres` and of the ledger `postgres`."""

from __future__ import annotations

import re
from typing import Annotated, Self

from imagora import Options, RecipePath
from pydantic import AfterValidator, Field, SecretStr, model_validator

_SPACE = re.compile(r"(\s|--[^\n]*(\n|$)|/\*.*?\*/|\()*", re.DOTALL)
_READS = re.compile(r"(select|with|values|table)\b", re.IGNORECASE)


def _one_select(query: str) -> str:
    query = query.strip().removesuffix(";").rstrip()
    start = _SPACE.match(query)
    if not _READS.match(query, start.end() if start else 0):
        raise ValueError("the query must be one SELECT, since the source only reads; e.g. SELECT id, title FROM goods")
    return query


class Columns(Options):
    """Which of the query's columns is what; every other column is metadata under its own name."""

    id: str = Field(default="id", description="Column that names a row: unique, never NULL, and the same in every run.")
    text: str | None = Field(default=None, description="Column with an item's words; left out: 'text' if there is one.")
    title: str | None = Field(default=None, description="Column with its title; left out: 'title' if there is one.")
    tags: str | None = Field(
        default=None,
        description="Column with its tags, an array or words with commas between them; left out: 'tags' if there is "
        "one.",
    )
    picture: str | None = Field(
        default=None,
        description="Column with its picture, as bytea or as a path under 'folder'; left out: 'picture' if there is "
        "one.",
    )
    version: str | None = Field(
        default=None,
        description="Column that changes whenever the picture does, e.g. a hash; then a bytea picture is fetched only "
        "where the item is new or changed.",
    )


class Server(Options):
    """Which database, and who connects."""

    dsn: SecretStr | None = Field(
        default=None,
        description="Connection string, e.g. postgresql://reader:…@db/shop?sslmode=verify-full; best as '${NAME}' from "
        "the environment. Instead of host, port, dbname, user and password.",
    )
    host: str | None = Field(default=None, description="The server's name or address, or the folder of its socket.")
    port: int | None = Field(default=None, ge=1, le=65535, description="The server's port; left out: 5432.")
    dbname: str | None = Field(default=None, description="The database's name.")
    user: str | None = Field(default=None, description="Who connects; for a source, give one that may only read.")
    password: SecretStr | None = Field(default=None, description="The user's password; best as '${NAME}'.")

    @model_validator(mode="after")
    def _says_where(self) -> Self:
        apart = [name for name in ("host", "port", "dbname", "user", "password") if getattr(self, name) is not None]
        if self.dsn is not None and apart:
            raise ValueError(f"say either dsn or {', '.join(apart)}, not both")
        if self.dsn is None and self.dbname is None:
            raise ValueError("where is the database? say dsn: ${NAME}, or host, dbname, user and password")
        return self


class PostgresOptions(Server):
    """Where the database is, and which rows are items."""

    name: str = Field(
        pattern=r"^[a-z0-9][a-z0-9_.-]*$",
        description="What tells this source from others in the index, e.g. 'goods'; keep it when the query or the "
        "server changes, since items of another name are other items.",
    )
    query: Annotated[str, AfterValidator(_one_select)] = Field(
        description="One SELECT that gives a row an item, run in a read-only transaction."
    )
    columns: Columns = Field(default=Columns(), description="Which of the query's columns is what.")
    folder: RecipePath | None = Field(
        default=None, description="The folder that pictures' paths are under, where the column 'picture' has paths."
    )
    cursor: str | None = Field(
        default=None,
        description="Column that grows whenever a row changes, e.g. updated_at; with it a run reads only rows that "
        "changed since the last one. It is no metadata.",
    )
    state: RecipePath | None = Field(
        default=None, description="With 'cursor': a JSON file that keeps how far the last run came."
    )
    overlap: float = Field(
        default=300,
        ge=0,
        description="With 'cursor': how far before the last value a run begins, in seconds for times and in steps for "
        "numbers, for transactions that were still open when the last run read.",
    )
    deleted: str | None = Field(
        default=None,
        description="Column that is true, or not NULL, for rows that count as deleted, e.g. deleted_at. It is no "
        "metadata.",
    )
    timeout: float = Field(default=600, gt=0, le=86_400, description="How long the server may take a step, in seconds.")

    @model_validator(mode="after")
    def _fits_together(self) -> PostgresOptions:
        if (self.cursor is None) != (self.state is None):
            raise ValueError("'cursor' and 'state' go together, e.g. cursor: updated_at, state: ./goods.cursor.json")
        return self


class LedgerOptions(Server):
    """Where it is written down what an index holds."""

    tables: str = Field(
        default="imagora",
        pattern=r"^([a-z_][a-z0-9_]{0,40}\.)?[a-z_][a-z0-9_]{0,40}$",
        description="What the names of its tables begin with, e.g. 'imagora' for imagora_items; 'search.imagora' puts "
        "them into the schema 'search'. They are made when they are missing.",
    )
    name: str | None = Field(
        default=None,
        min_length=1,
        max_length=200,
        description="What tells this ledger from others in the same tables; left out: the recipe's name. Recipes that "
        "share an index must share its ledger, and others must not.",
    )
