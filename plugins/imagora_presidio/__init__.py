"""A guardrail that finds personal data with Presidio, and redacts or refuses it."""

from __future__ import annotations

from typing import Any

import imagora
from imagora import BuildContext, Component, Model

imagora_api = ">=1.0,<2"


@imagora.hookimpl
def offer_guardrails() -> list[Component[Any]]:
    """Offer the guardrail `presidio`."""
    from .options import PresidioOptions

    def build(options: PresidioOptions, _context: BuildContext) -> object:
        from .guardrail import PresidioGuardrail
        from .models import installed_model

        return PresidioGuardrail(options, installed_model(options))

    def models(options: PresidioOptions) -> list[Model]:
        from .models import model_of

        return [model_of(options)]

    return [
        Component(
            name="presidio",
            summary="finds names, e-mail addresses, phone, card and account numbers in texts; redacts or refuses them",
            options=PresidioOptions,
            build=build,
            requires=("presidio_analyzer", "spacy", "phonenumbers", "tldextract"),
            extra="presidio",
            models=models,
        )
    ]
