"""The check of a component in its own environment: what it prints is all that the other side hears of it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from imagora.catalog import installed_catalog
from imagora.errors import PluginError
from pydantic import ValidationError


def check_here() -> None:
    """Read a component's name and options from the standard input, and write what is wrong, or who offers it."""
    said = json.load(sys.stdin)
    print(json.dumps(_told(said), default=str))


def _told(said: dict[str, Any]) -> dict[str, Any]:
    try:
        offer = installed_catalog().get(said["kind"], said["name"])
    except PluginError as error:
        return {"problems": [["use", ["use"], f"{error} there"]]}
    if missing := offer.missing():
        packages = ", ".join(f"'{package}'" for package in missing)
        what = f"'{said['name']}' needs what is not installed there ({packages}); type there: {offer.pip_line()}"
        return {"problems": [["missing package", ["use"], what]]}
    try:
        folders = {name: Path(folder) for name, folder in said["folders"].items()}
        options = offer.component.options.model_validate(said["options"], context={"folders": folders})
    except ValidationError as invalid:
        known = ", ".join(offer.component.options.model_fields)
        return {"problems": [_problem(error, known) for error in invalid.errors(include_url=False)]}
    plugin = offer.plugin
    who = {"plugin": plugin.name, "distribution": plugin.distribution, "version": plugin.version}
    return {**who, "summary": offer.component.summary, "options": options.model_dump(mode="json")}


def _problem(error: Any, known: str) -> list[Any]:
    place = list(error["loc"])
    if error["type"] == "extra_forbidden":
        return ["extra", place, f"there is no option '{place[-1]}' (there is: {known})"]
    if error["type"] == "missing":
        return ["missing", place[:-1], f"the option '{place[-1]}' is missing"]
    said = error["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
    return ["value", place, said[:1].lower() + said[1:]]
