"""`imagora audit verify`."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated

import typer
from imagora.errors import QueryError

from .audit_chain import files_of, verify

app = typer.Typer(add_completion=False, no_args_is_help=True, help="The audit of a gateway.")


@app.callback()
def audit() -> None:
    """Look at the audit of a gateway: who was given what."""


@app.command("verify")
def verify_(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="The file that is written; full ones beside it go first.")
    ],
    key_from: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The environment variable with the chain's key, where it has one."),
    ] = None,
    begins: Annotated[
        int, typer.Option(min=1, help="The first line that is still here, where older ones are archived.")
    ] = 1,
    reaches: Annotated[
        str | None, typer.Option(metavar="HASH", help="A hash that you noted: the chain must have it.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say of every line whether it is as it was written, and which were changed, taken out or moved.

    Exit code 1 where something is wrong. Whoever may write the file and has the key, or needs none, can write another
    chain: note the last hash elsewhere from time to time, and give it with --reaches.
    """
    if not files_of(file):
        raise QueryError(
            f"there is no audit at '{file}'; a gateway writes one to audit.jsonl in its folder", code="IMG-126"
        )
    found = verify(file, _key(key_from), begins, reaches)
    number, hash_ = found.last
    if as_json:
        said = {"fine": not found.wrong, "lines": found.lines, "last": number, "hash": hash_, "wrong": found.wrong}
        typer.echo(json.dumps(said, indent=2))
    else:
        for what in found.wrong:
            typer.echo(what)
        typer.echo(f"{found.lines} lines, {len(found.wrong)} wrong; the last is {number}, {hash_}")
    if found.wrong:
        raise typer.Exit(1)


def _key(name: str | None) -> bytes | None:
    if name is None:
        return None
    said = os.environ.get(name)
    if not said:
        raise QueryError(f"the variable {name} is not set; type: export {name}=…", code="IMG-126")
    return said.encode()
