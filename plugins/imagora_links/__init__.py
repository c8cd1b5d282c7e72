"""A guardrail that leaves only allowed link and picture addresses in a text."""

from __future__ import annotations

from typing import Any

import imagora
from imagora import BuildContext, Component

imagora_api = ">=1.0,<2"


@imagora.hookimpl
def offer_guardrails() -> list[Component[Any]]:
    """Offer the guardrail `links`."""
    from .options import ABOUT, LinksOptions

    def build(options: LinksOptions, _context: BuildContext) -> object:
        from .guardrail import LinksGuardrail

        return LinksGuardrail(options)

    return [
        Component(
            name="links",
            summary="leaves only allowed link and picture addresses, in every Markdown and HTML form",
            options=LinksOptions,
            build=build,
            requires=("markdown_it", "linkify_it", "idna"),
            extra="links",
            about=ABOUT,
        )
    ]
