"""The tables of docs/contracts.md: every test of every contract, and the faulty toys that it finds.

`python tests/core/faulty_table.py` writes them anew.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).with_name("faulty")
FILES = sorted(file for file in FOLDER.glob("*.py") if file.stem not in {"__init__", "making"})
PAGE = Path(__file__).resolve().parents[2] / "docs" / "contracts.md"
BEGIN, END = "<!-- tables: written by tests/core/faulty_table.py -->\n", "<!-- end of the tables -->\n"


def faulty_toys() -> list[tuple[Path, Any]]:
    """Give every faulty toy with the file that it stands in."""
    found = []
    for file in FILES:
        module = import_module(f"faulty.{file.stem}")
        toys = [thing for name, thing in vars(module).items() if name.startswith("Faulty")]
        found += [(file, toy) for toy in toys if toy.__module__ == module.__name__]
    return found


def contracts() -> list[Any]:
    """Give every contract, in the order of their names."""
    kit = import_module("imagora.testing")
    found = [getattr(kit, name) for name in kit.__all__]
    return [thing for thing in found if isinstance(thing, type)]


def tables() -> str:
    """Write one table a contract."""
    toys = faulty_toys()
    known = sum(1 for _, toy in toys if getattr(toy, "real", ""))
    lines = [f"{len(toys)} faulty toys, all of them found; {known} of them are bugs that were met in the field.", ""]
    for contract in contracts():
        lines += [f"### {contract.__name__}", "", "| what it asks | faults that it finds |", "|---|---|"]
        tests = [name for kind in reversed(contract.__mro__) for name in vars(kind) if name.startswith("test_")]
        for test in dict.fromkeys(tests):
            found = [_said(toy) for _, toy in toys if contract in toy.__mro__ and toy.fails == test]
            lines.append(f"| {test.removeprefix('test_').replace('_', ' ')} | {'<br>'.join(found)} |")
        lines.append("")
    return "\n".join(lines) + "\n"


def _said(toy: Any) -> str:
    real = getattr(toy, "real", "")
    return toy.__doc__ + (f" *({real})*" if real else "")


def written(page: str) -> str:
    """Give the page with its tables written anew."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + "\n" + tables() + END + after


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    PAGE.write_text(written(PAGE.read_text("utf-8")), "utf-8")
