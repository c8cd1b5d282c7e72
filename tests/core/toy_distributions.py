"""Distributions as pip leaves them: a dist-info folder and modules, found on the path by a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

TOYS = Path(__file__).parent


def install(
    site: Path,
    name: str,
    plugins: Mapping[str, str],
    modules: Mapping[str, str] | None = None,
    version: str = "1.0",
) -> None:
    """Lay a distribution out in a folder; plugins: module by the entry point's name; modules: source by module."""
    info = site / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    points = "".join(f"{plugin} = {module}\n" for plugin, module in plugins.items())
    (info / "entry_points.txt").write_text(f"[imagora]\n{points}")
    for module, source in (modules or {}).items():
        (site / f"{module}.py").write_text(source)


def install_toys(site: Path) -> None:
    """Lay out a distribution that offers the toys."""
    install(site, "imagora-toys", {"toys": "toys"}, version="0.1")


def run(
    *arguments: str, site: Path | None = None, cwd: Path | None = None, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run Python with a folder of distributions on its path, the toys' folder too."""
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**environment_with(site), **(environment or {})},
        timeout=120,
        check=False,
    )


def environment_with(site: Path | None) -> dict[str, str]:
    """Give this process's environment with the folders on Python's path."""
    path: Sequence[Any] = [part for part in (site, TOYS, os.environ.get("PYTHONPATH")) if part]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, path)), "COLUMNS": "200", "NO_COLOR": "1"}
