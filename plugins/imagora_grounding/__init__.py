"""A guardrail that looks whether the passages support what an answer says."""

from __future__ import annotations

from typing import Any

import imagora
from imagora import BuildContext, Component

imagora_api = ">=1.0,<2"


@imagora.hookimpl
def offer_guardrails() -> list[Component[Any]]:
    """Offer the guardrail `grounding`."""
    from .options import ABOUT, GroundingOptions

    def build(options: GroundingOptions, context: BuildContext) -> object:
        from .guardrail import GroundingGuardrail

        return GroundingGuardrail(options, context.embedders.get("text"))

    return [
        Component(
            name="grounding",
            summary="flags, drops or refuses what an answer says and no passage supports",
            options=GroundingOptions,
            build=build,
            about=ABOUT,
        )
    ]
