"""`imagora recipe check` and `imagora recipe show`."""

from __future__ import annotations

from typing import Annotated

import typer

from . import diffing, locking
from .completing import recipes
from .printable import printable

app = typer.Typer(no_args_is_help=True, help="Check and show recipes.")
app.command("diff")(diffing.diff)
app.command("lock")(locking.lock)

File = Annotated[str, typer.Argument(help="A recipe file, or a shipped recipe's name.", autocompletion=recipes)]


@app.command()
def check(file: File) -> None:
    """Check a recipe and say everything that is wrong with it; nothing is built or loaded."""
    from imagora_recipe.check import check as check_recipe

    plan = check_recipe(file)
    count = len(list(plan.components()))
    typer.echo(f"{printable(file)}: the recipe is fine: {count} components, hash {plan.hash}")


@app.command()
def show(file: File) -> None:
    """Show a recipe with all that it extends, each value with the file and line it came from, secrets masked."""
    from imagora_recipe.show import show as show_recipe

    typer.echo(printable(show_recipe(file)))
