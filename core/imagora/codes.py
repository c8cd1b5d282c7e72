"""The codes of errors, read from codes.toml: what each means, why it happens and what to do; and the docs' page."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

GROUPS = {
    "1": "The command line and the machine",
    "2": "The form of a recipe",
    "3": "What a recipe says",
    "4": "Plugins",
    "5": "Queries",
    "6": "Pictures",
    "7": "Sources",
    "8": "Stages that run",
    "9": "Indexes and ledgers",
}


@dataclass(frozen=True)
class Code:
    """A code and its entry; `retired` is the version from which on nothing raises it; it is never given again."""

    code: str
    title: str
    why: str
    do: str
    retired: str = ""


@cache
def codes() -> Mapping[str, Code]:
    """Give all codes of this version by their names, in order."""
    table = tomllib.loads(files(__package__).joinpath("codes.toml").read_text("utf-8"))
    return {code: Code(code, **entry) for code, entry in sorted(table.items())}


def page() -> str:
    """Give the page about all codes, as Markdown with an anchor for each code."""
    said = ["# Errors", ""]
    said += [
        "Every error ends with its code, such as `[IMG-305]`, and so does every problem of a recipe; with `--json` it",
        "is the field `code`, in Python `error.code`. `imagora explain IMG-305` prints the entry. A code keeps its",
        "meaning.",
        "This page is made from `imagora/codes.toml`.",
    ]
    for group, heading in GROUPS.items():
        said += ["", f"## {heading}"]
        for code in codes().values():
            if code.code.removeprefix("IMG-").startswith(group):
                retired = f" (until {code.retired})" if code.retired else ""
                said += ["", f'<a id="{code.code.lower()}"></a>', f"### {code.code}: {code.title}{retired}", ""]
                said += [code.why, "", f"**What to do:** {code.do}"]
    return "\n".join(said) + "\n"
