"""Rows of a PostgreSQL query as items: the database stays the one place where metadata is kept."""

from __future__ import annotations

from typing import Any

import imagora
from imagora import BuildContext, Component


@imagora.hookimpl
def offer_sources() -> list[Component[Any]]:
    """Offer `postgres`."""
    from .options import PostgresOptions

    return [
        Component(
            name="postgres",
            summary="Rows of a PostgreSQL query as items; all of them each time, or those that changed.",
            options=PostgresOptions,
            build=_build,
            requires=("psycopg",),
            extra="postgres",
            about="Reads in a read-only transaction of one snapshot, which stays open while the rows are read. Without "
            "'cursor' every run reads every row, embeds what changed and deletes what is gone. With 'cursor' a run "
            "reads only what changed since the last one, and sees deletions only by the column 'deleted'.",
        )
    ]


def _build(options: Any, _context: BuildContext) -> Any:
    from .source import ChangedRows, Rows

    return Rows(options) if options.cursor is None else ChangedRows(options)
