"""The road of an item: from a source through decoder, preparers and embedders to an index, with a ledger.

It is found as any plugin is, for what it offers to recipes: the ledger `sqlite` and the engine `local`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import imagora

if TYPE_CHECKING:
    from .options import LocalOptions, SqliteOptions

imagora_api = ">=1.0,<2"


@imagora.hookimpl
def offer_ledgers() -> list[imagora.Component[Any]]:
    """Offer the ledger `sqlite`."""
    from .options import SqliteOptions

    summary = "a SQLite file, by default beside an embedded index; what a recipe gets that names no ledger"
    return [imagora.Component(name="sqlite", summary=summary, options=SqliteOptions, build=_sqlite)]


@imagora.hookimpl
def offer_engines() -> list[imagora.Component[Any]]:
    """Offer the engine `local`."""
    from .options import LocalOptions

    summary = "reads, decodes, embeds and writes at once in this process; what a recipe gets that names no engine"
    return [imagora.Component(name="local", summary=summary, options=LocalOptions, build=_local)]


def _sqlite(options: SqliteOptions, context: imagora.BuildContext) -> Any:
    from .sqlite import SqliteLedger, beside

    return SqliteLedger(options.path or beside(context.index, context.recipe))


def _local(_options: LocalOptions, _context: imagora.BuildContext) -> Any:
    from .local import LocalRunner

    return LocalRunner()
