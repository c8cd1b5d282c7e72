"""A guardrail that finds texts which carry instructions to the model, and marks, cuts or refuses them."""

from __future__ import annotations

from typing import Any

import imagora
from imagora import BuildContext, Component

imagora_api = ">=1.0,<2"


@imagora.hookimpl
def offer_guardrails() -> list[Component[Any]]:
    """Offer the guardrail `injection`."""
    from .options import ABOUT, InjectionOptions

    def build(options: InjectionOptions, _context: BuildContext) -> object:
        from .guardrail import InjectionGuardrail

        return InjectionGuardrail(options)

    return [
        Component(
            name="injection",
            summary="marks, cuts or refuses texts that carry instructions to the model",
            options=InjectionOptions,
            build=build,
            about=ABOUT,
        )
    ]
