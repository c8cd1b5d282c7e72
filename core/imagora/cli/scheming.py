"""`imagora recipe schema`: what an editor needs to complete and check recipes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from .printable import printable


def schema(
    output: Annotated[Path | None, typer.Option("-o", "--output", help="A file, instead of the screen.")] = None,
) -> None:
    """Print a JSON Schema of recipes with all that the installed plugins offer, for editors.

    An editor with a YAML language server follows this line at a recipe's top: # yaml-language-server: $schema=FILE
    """
    from imagora_recipe_tools.schema import recipe_schema

    from imagora.catalog import installed_catalog

    text = json.dumps(recipe_schema(installed_catalog()), indent=1, ensure_ascii=False)
    if output is None:
        typer.echo(text)
        return
    output.write_text(text + "\n", encoding="utf-8")
    typer.echo(
        f"{printable(str(output))}: write above a recipe: # yaml-language-server: $schema={printable(output.name)}"
    )
