"""`isolate: process` on a component: it runs in a process of its own, in this Python's environment or in another's."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from imagora.catalog import Offer, Plugin
from imagora.component import Component
from imagora.options import Options
from imagora_batching.options import Batching
from pydantic import ConfigDict

ISOLATED_KINDS = ("preparer", "embedder", "retriever", "reranker", "generator", "guardrail")
"""The kinds of component that can be in another process: what they get and give can be sent there."""
KEYS = ("isolate", "python")
"""What a recipe says of it, beside `use` and the component's own options."""


@dataclass(frozen=True)
class Isolation:
    """Where a component runs that is not to run here: its name, its options as the recipe says them, and whose Python.

    python: the interpreter of another virtual environment, None for this one. folders: by option, what paths lie in.
    batching: how its calls are gathered there, None for not.
    """

    kind: str
    name: str
    options: Mapping[str, Any] = field(repr=False)
    folders: Mapping[str, Path]
    recipe: str
    python: Path | None = None
    batching: Batching | None = None


def why_not(kind: str, isolate: object) -> str:
    """Say what is wrong with `isolate` on a component of a kind; "" for nothing."""
    if isolate != "process":
        return f"must be 'process', and it is '{isolate}'"
    if kind in ISOLATED_KINDS:
        return ""
    return f"a component of the kind {kind} stays in this process; can leave it: {', '.join(ISOLATED_KINDS)}"


class ForeignOptions(Options):
    """Options that another environment has checked, by a model that need not be installed in this one."""

    model_config = ConfigDict(extra="allow", frozen=True)


@dataclass(frozen=True)
class Checked:
    """What another environment says of a component: who offers it, or every problem as (kind, place, words)."""

    offer: Offer | None
    options: Options | None
    problems: tuple[tuple[str, tuple[str | int, ...], str], ...] = ()


def checked_there(isolation: Isolation) -> Checked:
    """Let another environment check a component's name and options; it must have Imagora in it."""
    folders = {name: str(folder) for name, folder in isolation.folders.items()}
    said = {"kind": isolation.kind, "name": isolation.name, "options": dict(isolation.options), "folders": folders}
    return _checked(str(isolation.python), json.dumps(said, sort_keys=True, default=str))


@cache  # a recipe is checked more than once in a process
def _checked(python: str, said: str) -> Checked:
    from .environment import environment_of_another

    command = [python, "-P", "-m", "imagora_isolation", "--check"]
    try:
        done = subprocess.run(
            command, input=said, capture_output=True, text=True, timeout=60, env=environment_of_another()
        )
        told = json.loads(done.stdout)
    except OSError as error:
        return _not_there(f"'{python}' cannot be started: {(error.strerror or str(error)).lower()}")
    except (ValueError, subprocess.TimeoutExpired):
        return _not_there(f"'{python}' has no Imagora that can check it; type: {python} -m pip install imagora")
    if "problems" in told:
        return Checked(None, None, tuple((kind, tuple(place), what) for kind, place, what in told["problems"]))
    plugin = Plugin(told["plugin"], told["distribution"], told["version"])
    kind, name = json.loads(said)["kind"], json.loads(said)["name"]
    component: Component[Any] = Component(name, told["summary"], ForeignOptions, _only_there)
    return Checked(Offer(kind, component, plugin), ForeignOptions.model_validate(told["options"]))


def _not_there(what: str) -> Checked:
    return Checked(None, None, (("python", ("python",), what),))


def _only_there(_options: Options, _context: object) -> Any:
    raise AssertionError("it is built in its own process")
