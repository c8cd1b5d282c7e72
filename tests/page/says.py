"""A plugin with a generator that says the whole corpus, and cites with it."""

from __future__ import annotations

from typing import Any

from imagora import BuildContext, Component, Options, hookimpl

from .corpus import CORPUS

imagora_api = ">=1.0,<2"


class SaysOptions(Options):
    """None."""


def _build(options: SaysOptions, context: BuildContext) -> Any:
    from imagora.testing.toy_generator import ToyQuote

    class SaysAll(ToyQuote):
        def _quote(self, message: object) -> str:
            return "\n".join(f"{payload} [{number}]" for number, payload in enumerate(CORPUS[:6], 1)) + "\n".join(
                CORPUS
            )

    return SaysAll()


@hookimpl
def offer_generators() -> list[Component[Any]]:
    return [Component("says_all", "says what no page should run", SaysOptions, _build)]
