"""Items from the rows of a table: CSV, JSON Lines or Parquet."""

from __future__ import annotations

from typing import Any

import imagora
from imagora import BuildContext, Component

imagora_api = ">=1.0,<2"


@imagora.hookimpl
def offer_sources() -> list[Component[Any]]:
    """Offer `table`."""
    from .options import TableOptions

    return [
        Component(
            name="table",
            summary="A row an item: CSV, JSON Lines or Parquet, with pictures as paths or URLs and checked types.",
            options=TableOptions,
            build=_build,
            about="Rows are read one by one, so the table may have millions. Parquet needs the extra 'table'. URLs are "
            "refused unless the recipe names their hosts.",
        )
    ]


def _build(options: Any, _context: BuildContext) -> Any:
    from .source import TableSource

    return TableSource(options)
