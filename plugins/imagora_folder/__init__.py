"""Pictures and texts in a folder, with words from a manifest or from files beside the pictures."""

from __future__ import annotations

from typing import Any

import imagora
from imagora import BuildContext, Component

imagora_api = ">=1.0,<2"


@imagora.hookimpl
def offer_sources() -> list[Component[Any]]:
    """Offer `folder`."""
    from .options import FolderOptions

    return [
        Component(
            name="folder",
            summary="Pictures and texts in a folder, with words from a manifest or from files beside the pictures.",
            options=FolderOptions,
            build=_build,
        )
    ]


def _build(options: Any, _context: BuildContext) -> Any:
    from .source import FolderSource

    return FolderSource(options)
