"""PostgreSQL: rows of a query as items, so that metadata stays in one place, and the ledger in its tables."""

from __future__ import annotations

from typing import Any

import imagora
from imagora import BuildContext, Component

imagora_api = ">=1.0,<2"


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
            checks=_checks,
            about="Reads in a read-only transaction of one snapshot, which stays open while the rows are read. Without "
            "'cursor' every run reads every row, embeds what changed and deletes what is gone. With 'cursor' a run "
            "reads only what changed since the last one, and sees deletions only by the column 'deleted'.",
        )
    ]


@imagora.hookimpl
def offer_ledgers() -> list[Component[Any]]:
    """Offer `postgres`."""
    from .options import LedgerOptions

    return [
        Component(
            name="postgres",
            summary="Tables in PostgreSQL, in which several recipes may have their ledgers.",
            options=LedgerOptions,
            build=_build_ledger,
            requires=("psycopg",),
            extra="postgres",
            checks=_checks,
            about="Makes its tables when they are missing. An ingest holds a lock for as long as it runs, and a second "
            "one into the same ledger ends at once; reading is always possible. The lock belongs to the connection, so "
            "a pooler in between must keep connections whole (session pooling).",
        )
    ]


def _checks(options: Any) -> Any:
    from .health import checks

    return checks(options)


def _build(options: Any, _context: BuildContext) -> Any:
    from .source import ChangedRows, Rows

    return Rows(options) if options.cursor is None else ChangedRows(options)


def _build_ledger(options: Any, context: BuildContext) -> Any:
    from .ledger import PostgresLedger

    return PostgresLedger(options, options.name or context.recipe)
