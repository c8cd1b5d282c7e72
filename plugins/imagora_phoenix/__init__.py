"""The tracer `phoenix`: every query as a trace in Phoenix or any OpenTelemetry collector; and `imagora trace`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import imagora
from imagora import BuildContext, Component

if TYPE_CHECKING:
    from collections.abc import Iterable

    import typer
    from imagora.health import Check


def _app() -> typer.Typer:
    from .command import app

    return app


imagora_api = ">=1.0,<2"


@imagora.hookimpl
def offer_tracers() -> list[Component[Any]]:
    """Offer `phoenix`."""
    from .options import PhoenixOptions

    def build(options: PhoenixOptions, context: BuildContext) -> object:
        from .tracer import PhoenixTracer

        return PhoenixTracer(options, context.generator, context.embedders)

    def checks(options: PhoenixOptions) -> Iterable[Check]:
        from .health import checks

        return checks(options)

    return [
        Component(
            name="phoenix",
            summary="Sends a trace of every query to Phoenix or to any OpenTelemetry collector.",
            options=PhoenixOptions,
            build=build,
            requires=(
                "opentelemetry.sdk",
                "opentelemetry.exporter.otlp.proto.http",
                "openinference.semconv",
                "platformdirs",
                "requests",
            ),
            extra="phoenix",
            checks=checks,
            about="Phoenix runs elsewhere and is not needed here. Where a guardrail stands in the recipe, no words and "
            "no pictures are sent unless 'content: shown' says so. A collector that is down costs traces, which are "
            "counted, and slows down no query. No proxy of the environment is used.",
        )
    ]


@imagora.hookimpl
def offer_commands() -> list[imagora.Command]:
    """Offer `imagora trace`."""
    summary = "Print or open the address of the last query's trace, and say what was lost."
    return [imagora.Command(name="trace", summary=summary, app=_app)]
