"""The options that several of the commands have."""

from __future__ import annotations

from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print everything as JSON.")]
SuiteName = Annotated[
    str, typer.Argument(help="A shipped suite's name, such as gallery or synthetic:items=500, a folder, or an address.")
]
