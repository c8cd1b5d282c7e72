"""`imagora recipe check` and `imagora recipe show`."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from . import diffing, drawing, locking, migrating, scheming
from .offered import OfferedCommands
from .opening import Assigned, Profile, Recipe
from .printable import printable

app = typer.Typer(cls=OfferedCommands, no_args_is_help=True, help="Check and show recipes.")
app.command("diff")(diffing.diff)
app.command("draw")(drawing.draw)
app.command("lock")(locking.lock)
app.command("migrate")(migrating.migrate)
app.command("schema")(scheming.schema)


@app.command()
def check(
    recipe: Recipe,
    profile: Profile = None,
    assigned: Assigned = None,
    all_profiles: Annotated[
        bool, typer.Option("--all-profiles", help="Check it alone, and with each of its profiles.")
    ] = False,
) -> None:
    """Check a recipe and say everything that is wrong with it; nothing is built or loaded."""
    from imagora_recipe.check import check as check_recipe
    from imagora_recipe.extends import read_files
    from imagora_recipe.profiles import profiles_of

    profiles = ["", *profiles_of(read_files(recipe))] if all_profiles else [profile]
    for chosen in profiles:
        plan = check_recipe(recipe, profile=chosen, said=assigned)
        with_it = f" with the profile {printable(chosen)}" if chosen else ""
        count = len(list(plan.components()))
        typer.echo(f"{printable(recipe)}{with_it}: the recipe is fine: {count} components, hash {plan.hash}")


@app.command()
def show(
    recipe: Recipe,
    explain: Annotated[
        bool, typer.Option("--explain", help="Also say what each value stands in the place of, and show all defaults.")
    ] = False,
    profile: Profile = None,
    assigned: Assigned = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a list of values with their places as JSON.")] = False,
) -> None:
    """Show a recipe with all that it extends, each value with the file and line it came from, secrets masked."""
    from imagora_recipe.extends import read_merged
    from imagora_showing.show import listed, shown

    tree = read_merged(recipe, profile, assigned)
    if explain:
        from imagora_showing.defaults import with_defaults

        from imagora.catalog import installed_catalog

        tree = with_defaults(tree, installed_catalog())
    if as_json:
        typer.echo(json.dumps({"recipe": recipe, "profile": profile, "values": listed(tree)}, indent=2))
    else:
        typer.echo(printable(shown(tree, explain=explain)))
