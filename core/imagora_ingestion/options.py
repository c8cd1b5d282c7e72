"""The options of the ledger `sqlite` and the engine `local`."""

from __future__ import annotations

from imagora import Options, RecipePath
from pydantic import Field


class SqliteOptions(Options):
    """Where it is written down what was ingested."""

    path: RecipePath | None = Field(default=None, description="A file; by default it lies beside an embedded index.")


class LocalOptions(Options):
    """Nothing to choose: how many pictures are decoded at once is said under `pictures`."""
