"""The command `imagora trace`: where the last query's trace is, and what was lost on the way there."""

from __future__ import annotations

import json
import webbrowser
from typing import Annotated, Any

import typer
from imagora.errors import ImagoraError

from .last_trace import read
from .options import address, page

app = typer.Typer(add_completion=False)


@app.command()
def trace(
    open_it: Annotated[bool, typer.Option("--open", help="Open the address in the browser, too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Print the address of the last query's trace, and say what was lost."""
    state = read()
    if state is None:
        raise ImagoraError(
            "there is no trace yet; write 'traces: {use: phoenix}' in a recipe or type: export IMAGORA_TRACES=phoenix, "
            "and ask something"
        )
    try:
        where = page_of(state)
        lines = [*described(state), *lost(state)]
    except (KeyError, TypeError, ValueError):
        raise ImagoraError("what was written of the last trace cannot be read; ask something again") from None
    if as_json:
        typer.echo(json.dumps({"address": where, **state}, indent=2))
    else:
        typer.echo("\n".join([where or "no trace has left yet", *lines]))
    if open_it and where:
        webbrowser.open(where)


def page_of(state: dict[str, Any]) -> str | None:
    """Give Phoenix's address of the last trace, None where no trace was sent; Phoenix knows the project of it."""
    last = state["last"]
    return page(address(state.get("pages") or state["url"]), f"{int(last['trace'], 16):032x}") if last else None


def described(state: dict[str, Any]) -> list[str]:
    """Say what the last trace is of."""
    last = state["last"]
    if not last:
        return []
    arrived = "" if last["arrived"] else "; it did not arrive"
    return [f"{last['name']}, {last['ended']}, project '{state['project']}'{arrived}"]


def lost(state: dict[str, Any]) -> list[str]:
    """Say how many spans of the last program with traces arrived and how many did not, and why."""
    sent, failed, dropped, waiting = (int(state[name]) for name in ("sent", "failed", "dropped", "waiting"))
    lines = [f"{sent} {'span' if sent == 1 else 'spans'} arrived" + (f", {waiting} on their way" if waiting else "")]
    if failed:
        lines.append(
            f"{failed} lost: '{state['url']}' did not take them" + (f" ({why})" if (why := state["why"]) else "")
        )
    if dropped:
        lines.append(f"{dropped} lost: too many were waiting, or the program ended")
    return lines
