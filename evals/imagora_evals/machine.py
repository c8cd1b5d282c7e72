"""What a measurement was made on: without it a figure means nothing."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TypedDict

_PACKAGES = (
    "imagora",
    "llama-index-core",
    "qdrant-edge-py",
    "qdrant-client",
    "faiss-cpu",
    "onnxruntime",
    "torch",
    "numpy",
)


class Machine(TypedDict):
    """cores: those that this process may use. memory: bytes. commit: of the code, "" where it is in no repository."""

    cores: int
    cpu: str
    memory: int
    system: str
    python: str
    commit: str
    versions: dict[str, str]


def machine() -> Machine:
    """Look at this machine, and at the versions of what counts for speed."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return Machine(
        cores=cores,
        cpu=_cpu(),
        memory=_memory(),
        system=platform.platform(),
        python=platform.python_version(),
        commit=_commit(),
        versions={name: found for name in _PACKAGES if (found := _version(name))},
    )


def in_a_line(found: Machine) -> str:
    """Say it in a line for people."""
    return f"{found['cores']} cores of {found['cpu']}, {found['memory'] / 1e9:.0f} GB, Python {found['python']}"


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.machine())


def _memory() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # not on every system
        return 0


def _commit() -> str:
    here = Path(__file__).resolve().parent
    command = ["git", "-C", str(here), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        tracked = subprocess.run([*command[:3], "ls-files", __file__], capture_output=True, text=True)
        done = subprocess.run(command, capture_output=True, text=True)
    except OSError:  # no git
        return ""
    # Where Imagora is installed, the repository around it is somebody else's.
    return done.stdout.strip() if tracked.stdout.strip() and not done.returncode else ""
