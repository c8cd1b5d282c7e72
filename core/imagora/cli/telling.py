"""How an error is told: a sentence with its code on the terminal, an object where JSON was asked for."""

from __future__ import annotations

import errno
import json
import re
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import typer

from imagora.errors import ImagoraError, RecipeError

from .printable import printable

UsageError: type[Exception] = typer.BadParameter.__mro__[1]
"""Typer's error for a command line that is not understood; typer brings its own copy of click, under a private name."""
FAILED_TO_LOAD = "IMG-403"
_USAGE = {"NoSuchOption": "IMG-102", "MissingParameter": "IMG-103", "BadParameter": "IMG-104"}


def code_of(error: Exception) -> str:
    """Give the code of whatever a command may end with."""
    if isinstance(error, ImagoraError):
        return error.code
    if isinstance(error, OSError):
        return "IMG-111" if error.errno in {errno.ENOSPC, errno.EDQUOT} else "IMG-110"
    if "No such command" in str(error):
        return "IMG-101"
    return next((_USAGE[kind.__name__] for kind in type(error).__mro__ if kind.__name__ in _USAGE), "IMG-105")


def as_dict(error: Exception) -> dict[str, Any]:
    """Give an error as JSON has it: its sentence, its code, and a recipe's problems one by one."""
    said: dict[str, Any] = {"error": printable(_sentence(error)), "code": code_of(error)}
    if isinstance(error, RecipeError):
        said["problems"] = [asdict(problem) for problem in error.problems]
    return said


def tell(error: Exception, *, as_json: bool) -> None:
    """Print an error: where JSON was asked for as an object, otherwise every problem on its line, with its code."""
    if as_json:
        typer.echo(json.dumps(as_dict(error), indent=2))
        return
    told = [(str(p), p.code) for p in error.problems] if isinstance(error, RecipeError) else []
    lines = [f"{printable(what)} [{code}]" for what, code in told or [(_sentence(error), code_of(error))]]
    typer.echo("error: " + "\n".join(lines), err=True)


def asked_for_json(arguments: Sequence[str]) -> bool:
    """Say whether a command line has --json; after `--` there are words only."""
    words = list(arguments)
    return "--json" in (words[: words.index("--")] if "--" in words else words)


def is_help(error: Exception) -> bool:
    """Say whether it is no error but the help of a command that was typed alone."""
    return type(error).__name__ == "NoArgsIsHelpError"


def _sentence(error: Exception) -> str:
    if not isinstance(error, UsageError):
        return str(error)
    said = str(error.format_message()).strip().removesuffix(".").replace("\n", " ")  # type: ignore[attr-defined]  # typer's own
    said = re.sub(r"\. ([A-Z])", lambda match: f"; {match[1].lower()}", said)
    context = getattr(error, "ctx", None)
    command = context.command_path.removeprefix(context.find_root().command_path) if context else ""
    return f"{said[:1].lower()}{said[1:]}; type: imagora{command} --help"
