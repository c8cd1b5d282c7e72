"""A preparer that writes down where pictures are from, what may be done with them, and which look the same."""

from __future__ import annotations

from typing import Any

import imagora
from imagora import BuildContext, Component

imagora_api = ">=1.0,<2"


@imagora.hookimpl
def offer_preparers() -> list[Component[Any]]:
    """Offer `provenance`."""
    from .options import ProvenanceOptions

    return [
        Component(
            name="provenance",
            summary="Writes licence, source, rights and a perceptual hash, and marks pictures that look like another.",
            options=ProvenanceOptions,
            build=_build,
            requires=("imagehash",),
            extra="provenance",
            about="Near-duplicates are looked for among the pictures of one run. The hash sees shapes, not colours: "
            "it finds copies that were resized, recompressed or slightly changed, not cropped or turned ones.",
        )
    ]


def _build(options: Any, _context: BuildContext) -> Any:
    from .preparer import ProvenancePreparer

    return ProvenancePreparer(options)
