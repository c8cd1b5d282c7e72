"""Suites by the names that people give them: a shipped one's, a folder, or any fsspec address."""

from __future__ import annotations

from pathlib import Path

from imagora.errors import QueryError, did_you_mean
from imagora_recipe.tree import Mark, Value

from .suite import Suite
from .suite_reading import FILE, read_suite

SHIPPED = Path(__file__).with_name("shipped")


def shipped_suites() -> dict[str, Path]:
    """Give the folders of the suites that come with Imagora, by name."""
    return {file.parent.name: file.parent for file in sorted(SHIPPED.glob(f"*/{FILE}"))}


def find_suite(said: str | Path) -> Suite:
    """Read a suite and make or fetch what it needs.

    said: a shipped suite's name, with options for what makes its corpus if wanted (`synthetic:items=500,seed=3`); a
    folder; or an fsspec address such as s3://bucket/suites/shop, which is fetched whole. Raises QueryError where there
    is no such suite, and RecipeError with every problem in its files.
    """
    name, _, options = str(said).partition(":")
    shipped = shipped_suites()
    if "://" in str(said) or "::" in str(said):
        from .fetching import fetched

        return read_suite(fetched(str(said)))
    if name in shipped and not Path(said, FILE).is_file():
        return read_suite(shipped[name], _options(str(said), options))
    folder = Path(said).parent if Path(said).name == FILE else Path(said)
    if (folder / FILE).is_file():
        return read_suite(folder)
    if folder.is_dir():
        what = f"the folder '{folder}' is no suite, for it has no {FILE}; make one with: imagora eval new FOLDER"
    else:
        what = f"there is no folder and no shipped suite called '{said}'{did_you_mean(str(said), shipped)}"
    raise QueryError(what, code="IMG-720")


def _options(said: str, options: str) -> dict[str, Value]:
    found = {}
    mark = Mark(said, 0, 0)
    for part in filter(None, options.split(",")):
        key, sign, value = part.partition("=")
        if not sign:
            what = f"'{part}' is no option of a suite; write e.g. synthetic:items=500,seed=3"
            raise QueryError(what, code="IMG-720")
        found[key.strip()] = Value(value.strip(), mark, mark)
    return found
