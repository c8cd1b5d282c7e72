"""`imagora explain`: what the code of an error means, without a network."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from imagora.errors import QueryError

from .completing import codes


def explain(
    code: Annotated[
        str | None, typer.Argument(help="The code of an error, such as IMG-305.", autocompletion=codes)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Say what the code of an error means, why it happens and what to do; without a code list all that there are."""
    from imagora.codes import codes as table

    known = table()
    if code is None:
        listed = [asdict(entry) for entry in known.values()]
        plain = "\n".join(f"{entry.code}  {entry.title}" for entry in known.values())
        typer.echo(json.dumps(listed, indent=2) if as_json else plain)
        return
    asked = code.strip("[]").upper()
    entry = known.get(asked if asked.startswith("IMG-") else f"IMG-{asked}")
    if entry is None:
        raise QueryError(f"there is no code '{code}'; all that there are: imagora explain", code="IMG-191")
    plain = f"{entry.code}: {entry.title}\n\n{entry.why}\n\nWhat to do: {entry.do}"
    typer.echo(json.dumps(asdict(entry), indent=2) if as_json else plain)
