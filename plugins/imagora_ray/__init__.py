"""The engine `ray`: the stages of ingestion on Ray Data, on this machine or on a cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import imagora
from imagora import BuildContext, Component

if TYPE_CHECKING:
    from .options import RayOptions

imagora_api = ">=1.0,<2"


@imagora.hookimpl
def offer_engines() -> list[Component[Any]]:
    """Offer `ray`."""
    from .options import RayOptions

    return [
        Component(
            name="ray",
            summary="Decodes, prepares and embeds in workers on Ray Data, on this machine or on a cluster.",
            options=RayOptions,
            build=_build,
            requires=("ray", "pyarrow"),
            extra="ray",
            about="Each worker is a process that loads the recipe's stages once and keeps them for the whole run. The "
            "source, the index and the ledger stay with the process that ingests.",
        )
    ]


def _build(options: RayOptions, _context: BuildContext) -> Any:
    from .runner import RayRunner

    return RayRunner(options)
