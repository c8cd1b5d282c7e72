"""The gateway: recipes as models that OpenAI's clients can talk to, doors of our own, a page, and MCP.

Only options and hooks stand here; FastAPI and all behind it are imported when the command runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import imagora

if TYPE_CHECKING:
    import typer


def _serve() -> typer.Typer:
    from .command import app

    return app


def _mcp() -> typer.Typer:
    from .mcp_command import app

    return app


def _feedback() -> typer.Typer:
    from .feedback_command import app

    return app


def _keys() -> typer.Typer:
    from .keys_command import app

    return app


def _audit() -> typer.Typer:
    from .audit_command import app

    return app


def _alerts() -> typer.Typer:
    from .watching.command import alerts

    return alerts


def _dashboard() -> typer.Typer:
    from .watching.command import dashboard

    return dashboard


imagora_api = ">=1.0,<2"


@imagora.hookimpl
def offer_commands() -> list[imagora.Command]:
    """Offer `imagora serve`, and what goes with it."""
    return [
        imagora.Command(name="serve", summary="Serve recipes to OpenAI's clients, over HTTP of our own.", app=_serve),
        imagora.Command(name="mcp", summary="Offer recipes as tools over MCP, on stdin and stdout.", app=_mcp),
        imagora.Command(name="feedback", summary="Write users' feedback as a suite to measure with.", app=_feedback),
        imagora.Command(
            name="keys", summary="Make, list, end and exchange the keys of the gateway's callers.", app=_keys
        ),
        imagora.Command(
            name="recipe alerts", summary="Write Prometheus's alerting rules for a recipe that is served.", app=_alerts
        ),
        imagora.Command(
            name="recipe dashboard", summary="Write a Grafana dashboard for a recipe that is served.", app=_dashboard
        ),
        imagora.Command(name="audit", summary="Verify what the gateway wrote down of its answers.", app=_audit),
    ]
