"""Which files a recipe is made of, merged: a recipe extends a shipped recipe or a file beside it.

Laid over each other are, in this order: the files, parents first; the profiles that are asked for; what `--set` says.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from imagora import __version__
from imagora.errors import Problem, RecipeError, did_you_mean

from .assignments import Assignments, assigned
from .merging import merged
from .profiles import chosen
from .sections import VERSION
from .tree import Mark, Value, read

_PACKAGE = Path(__file__).resolve().parent
# In a wheel the shipped recipes lie inside the package; in a checkout they are the folder at its top.
SHIPPED = next((p for p in (_PACKAGE / "shipped", _PACKAGE.parents[1] / "recipes") if p.is_dir()), _PACKAGE)
MAX_PARENTS = 8


def shipped_recipes() -> dict[str, Path]:
    """Give the recipes that come with Imagora, by name."""
    return {path.stem: path for path in sorted(SHIPPED.glob("*.yaml"))}


def find(recipe: str | Path) -> Path:
    """Give the file of a recipe: a file's path, the name of a shipped recipe, or that of NAME.yaml where one is."""
    path = Path(recipe)
    if _is(path.is_file):
        return path
    shipped = shipped_recipes()
    if str(recipe) in shipped:
        return shipped[str(recipe)]
    if str(recipe) == path.name and _is(Path(f"{recipe}.yaml").is_file):
        return Path(f"{recipe}.yaml")  # as messages name it
    is_folder = bool(path.parts) and _is(path.is_dir)
    if is_folder or path.suffix in {".yaml", ".yml"} or len(path.parts) > 1:
        there = [one.name for one in path.parent.glob("*.y*ml") if _is(one.is_file)] if _is(path.parent.is_dir) else []
        what = "is a folder, not a recipe file; name a file in it" if is_folder else "there is no such file"
        what += did_you_mean(path.name, there) if there and not is_folder else ""
        raise RecipeError([Mark(str(path)).problem("IMG-203" if is_folder else "IMG-202", "", what)])
    what = f"there is no file and no shipped recipe called '{recipe}'{did_you_mean(str(recipe), shipped)}"
    raise RecipeError([Mark(str(recipe)).problem("IMG-201", "", what)])


def read_merged(recipe: str | Path, profile: str | None = None, said: Assignments | None = None) -> Value:
    """Read a recipe and all that it extends, merged; each value keeps the place where it was written.

    profile: names with commas between; None means what IMAGORA_PROFILE says. said: what `--set` says.
    """
    files = read_files(recipe)
    layers = [_without_profiles(file) for file in files]
    return merged([*layers, *chosen(files, profile), *assigned(said)])


def read_files(recipe: str | Path) -> list[Value]:
    """Read a recipe's file and those that it extends, parents first; raise RecipeError where one has another version.

    What else would be wrong in that one is not said, because it may be right in its own version.
    """
    files = _read(find(recipe), ())
    if problems := [problem for file in files if (problem := other_version(file))]:
        raise RecipeError(problems)
    return files


def other_version(file: Value) -> Problem | None:
    """Say what to do about a file of another version than is read here; None where it is of this one."""
    said = file.data.get("recipe") if isinstance(file.data, dict) else None
    if said is None or type(said.data) is not int or said.data == VERSION:
        return None
    if said.data < VERSION:
        what = f"is of version {said.data}, and recipes are of version {VERSION}; type: imagora recipe migrate {{}}"
        return said.mark.problem("IMG-232", "recipe", what.format(said.mark.file))
    newer = f"type: pip install 'imagora>=0.{said.data}'"
    what = f"is of version {said.data}, and this Imagora ({__version__}) reads version {VERSION}; {newer}"
    return said.mark.problem("IMG-231", "recipe", what)


def _without_profiles(file: Value) -> Value:
    assert isinstance(file.data, dict)  # noqa: S101 - _read gives nothing else
    return replace(file, data={name: value for name, value in file.data.items() if name != "profiles"})


def _read(path: Path, children: tuple[Path, ...]) -> list[Value]:
    tree = read(path)
    if not isinstance(tree.data, dict):
        what = "is not a recipe; a recipe is a mapping and begins with: recipe: 1"
        raise RecipeError([tree.mark.problem("IMG-209", "", what)])
    parent = tree.data.get("extends")
    if parent is None:
        return [tree]
    if not isinstance(parent.data, str) or not parent.data:
        what = "must be the name of a shipped recipe or a file's path"
        raise RecipeError([parent.mark.problem("IMG-220", "extends", what)])
    chain = (*children, path.resolve())
    file = _parent_file(parent, path)
    if file.resolve() in chain or len(chain) > MAX_PARENTS:
        names = " extends ".join(f"'{p.name}'" for p in (*chain, file))
        what = f"the recipes go round in a circle or too deep: {names}; take one away"
        raise RecipeError([parent.mark.problem("IMG-222", "extends", what)])
    return [*_read(file, chain), tree]


def _parent_file(parent: Value, child: Path) -> Path:
    name = str(parent.data)
    if _is((beside := child.parent / name).is_file):
        return beside
    shipped = shipped_recipes()
    if name in shipped:
        return shipped[name]
    what = f"there is no file '{beside}' and no shipped recipe called '{name}'{did_you_mean(name, shipped)}"
    raise RecipeError([parent.mark.problem("IMG-221", "extends", what)])


def _is(look: Callable[[], bool]) -> bool:
    try:
        return look()
    except OSError:  # a name that is too long, a folder that may not be looked into
        return False
