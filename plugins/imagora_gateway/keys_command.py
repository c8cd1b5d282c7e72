"""`imagora keys`: make, list, end and exchange the keys of a gateway's callers."""

from __future__ import annotations

import json
import re
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from imagora.errors import QueryError

from .access import RATE, ROLES, Role
from .keys import Key, KeyFile

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Keys for callers of the gateway.")
_DURATION = re.compile(r"(?P<number>\d{1,6})(?P<unit>[smhdw])", re.ASCII)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
KEPT_AT = Path(".imagora/gateway/keys.sqlite")

At = Annotated[Path, typer.Option("--keys", metavar="FILE", help="The keys' file, as the gateway's settings have it.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="Who calls with it; records have this name.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def seconds_of(said: str) -> float:
    """Read a duration such as 90s, 12h or 30d."""
    match = _DURATION.fullmatch(said)
    if match is None:
        raise QueryError(f"'{said[:40]}' is no duration; write, for example, 12h, 30d or 52w", code="IMG-104")
    return int(match["number"]) * _SECONDS[match["unit"]]


@app.command()
def create(  # noqa: PLR0913, PLR0917 - a command's parameters are its options
    name: Name,
    role: Annotated[
        list[str] | None, typer.Option(help="viewer (where none is said), editor, evaluator, admin.")
    ] = None,
    tenant: Annotated[str, typer.Option(help="Whose items they see.")] = "",
    group: Annotated[list[str] | None, typer.Option(help="A group that they belong to; may be repeated.")] = None,
    recipe: Annotated[
        list[str] | None, typer.Option(help="A recipe that they may use; all, where none is said.")
    ] = None,
    rate: Annotated[list[str] | None, typer.Option(help="How often: 60/minute, 10000/day; may be repeated.")] = None,
    concurrent: Annotated[
        int | None, typer.Option(min=1, help="How many queries they may have under way; otherwise the settings' bound.")
    ] = None,
    expires: Annotated[str, typer.Option(metavar="DURATION", help="When it ends: 12h, 30d, 52w.")] = "52w",
    keys: At = KEPT_AT,
    as_json: AsJson = False,
) -> None:
    """Make a key and print it, this once: only a hash of it is kept."""
    key = Key(
        id="",
        name=name,
        tenant=tenant,
        groups=tuple(group or ()),
        roles=_roles(role or ["viewer"]),
        recipes=tuple(recipe) if recipe else None,
        rates=_rates(rate or []),
        expires=time.time() + seconds_of(expires),
        concurrent=concurrent,
    )
    _print_once(KeyFile(keys).create(key), as_json=as_json)


@app.command("list")
def list_(keys: At = KEPT_AT, as_json: AsJson = False) -> None:
    """List the keys: who calls with them and what for, never what they are."""
    all_ = KeyFile(keys).all()
    if as_json:
        typer.echo(json.dumps([_shown(key) for key in all_], indent=2))
        return
    for key in all_:
        ends = f", until {_day(key.expires)}" if key.expires is not None and key.state() == "valid" else ""
        what = [f"tenant {key.tenant}"] if key.tenant else []
        what += [f"groups {', '.join(key.groups)}"] if key.groups else []
        what += [f"recipes {', '.join(key.recipes)}"] if key.recipes is not None else []
        what += [", ".join(key.rates)] if key.rates else []
        what += [f"{key.concurrent} at once"] if key.concurrent is not None else []
        typer.echo(f"{key.id}  {key.name}: {key.state()}{ends}; {'; '.join([', '.join(key.roles), *what])}")


@app.command()
def revoke(name: Name, keys: At = KEPT_AT, as_json: AsJson = False) -> None:
    """End every key of a caller, at once."""
    ended = KeyFile(keys).revoke(name)
    typer.echo(json.dumps({"name": name, "revoked": ended}) if as_json else f"{name}: {ended} revoked")


@app.command()
def rotate(
    name: Name,
    grace: Annotated[str, typer.Option(metavar="DURATION", help="How long the old key still works.")] = "0s",
    keys: At = KEPT_AT,
    as_json: AsJson = False,
) -> None:
    """Make a new key for the same caller, with all that the old one had, and print it this once."""
    _print_once(KeyFile(keys).rotate(name, seconds_of(grace)), as_json=as_json)


def _print_once(key: str, *, as_json: bool) -> None:
    typer.echo(json.dumps({"key": key}) if as_json else key)
    typer.echo("keep it now: it is not shown again", err=True)


def _roles(said: list[str]) -> tuple[Role, ...]:
    for role in said:
        if role not in ROLES:
            raise QueryError(f"there is no role '{role[:40]}'; there is: {', '.join(sorted(ROLES))}", code="IMG-104")
    return tuple(role for role in sorted(ROLES) if role in said)


def _rates(said: list[str]) -> tuple[str, ...]:
    for rate in said:
        if not RATE.fullmatch(rate):
            what = f"'{rate[:40]}' is no rate; write, for example, 60/minute or 10000/day"
            raise QueryError(what, code="IMG-104")
    return tuple(said)


def _day(when: float) -> str:
    return datetime.fromtimestamp(when, UTC).date().isoformat()


def _shown(key: Key) -> dict[str, Any]:
    times = {
        name: None if when is None else datetime.fromtimestamp(when, UTC).isoformat(timespec="seconds")
        for name, when in (("created", key.created), ("expires", key.expires), ("revoked", key.revoked))
    }
    shown = {"id": key.id, "name": key.name, "state": key.state(), "tenant": key.tenant, "groups": key.groups}
    return {
        **shown,
        "roles": key.roles,
        "recipes": key.recipes,
        "rates": key.rates,
        "concurrent": key.concurrent,
        **times,
    }
