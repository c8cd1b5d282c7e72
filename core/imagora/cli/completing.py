"""What a shell offers for an argument after the tab key: recipes, kinds, components, plugins and codes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import typer

from imagora.errors import ImagoraError


def recipes(incomplete: str) -> list[str]:
    """Offer the recipes that ship, and folders and YAML files."""
    from imagora_recipe.extends import shipped_recipes

    return [name for name in shipped_recipes() if name.startswith(incomplete)] + list(_files(incomplete))


def profiles(ctx: typer.Context, incomplete: str) -> list[str]:
    """Offer the profiles of the recipe that was typed before, whether or not the rest of it is fine."""
    from imagora_recipe.extends import read_files
    from imagora_recipe.profiles import profiles_of

    recipe = ctx.params.get("recipe") or ctx.params.get("file") or next(iter(ctx.args), "")  # it may not be parsed yet
    try:
        known = profiles_of(read_files(str(recipe)))
    except ImagoraError:  # a shell has no place for what is wrong with it
        return []
    before, comma, begun = incomplete.rpartition(",")
    return [f"{before}{comma}{name}" for name in known if name.startswith(begun)]


def codes(incomplete: str) -> list[tuple[str, str]]:
    """Offer the codes of errors, each with its title."""
    from imagora.codes import codes as known

    return [(name, code.title) for name, code in known().items() if name.startswith(incomplete)]


def offered(incomplete: str) -> list[tuple[str, str]]:
    """Offer the kinds and the installed components, each with what it is."""
    from imagora.catalog import KINDS, installed_catalog

    catalog = installed_catalog()
    named = [(kind, f"every {kind}") for kind in KINDS]
    named += [(offer.component.name, offer.component.summary) for kind in KINDS for offer in catalog.offers(kind)]
    return [(name, summary) for name, summary in named if name.startswith(incomplete)]


def plugins(incomplete: str) -> list[tuple[str, str]]:
    """Offer the installed plugins, each with its distribution."""
    from imagora.catalog import installed_catalog

    found = installed_catalog().plugins
    return [(one.name, f"{one.distribution} {one.version}") for one in found if one.name.startswith(incomplete)]


def _files(incomplete: str) -> Iterator[str]:
    typed, _, begun = incomplete.rpartition("/")
    folder = Path(f"{typed}/" if "/" in incomplete else ".").expanduser()
    before = incomplete[: len(incomplete) - len(begun)]
    try:
        found = sorted(folder.iterdir())
    except OSError:  # no such folder, or one that may not be looked into
        return
    for path in found:
        if path.name.startswith(begun) and (begun or not path.name.startswith(".")):
            if path.is_dir():
                yield f"{before}{path.name}/"
            elif path.suffix in {".yaml", ".yml"}:
                yield before + path.name
