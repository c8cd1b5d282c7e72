"""Phoenix's server in an environment of its own, since it needs other versions than Imagora's."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from uv import find_uv_bin

PYTHON, PHOENIX = "3.11", "19.10.0"  # 20 does not start with Python 3.11
ROOTS = f"arize-phoenix=={PHOENIX}"
QUIET = {
    "PHOENIX_TELEMETRY_ENABLED": "false",
    "PHOENIX_ALLOW_EXTERNAL_RESOURCES": "false",
    "PHOENIX_DISABLE_AGENT_ASSISTANT": "true",
    "DO_NOT_TRACK": "1",
}


def variables() -> dict[str, str]:
    """Give the environment of Phoenix's processes; without bytecode each start would compile everything again."""
    left_out = ("PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "VIRTUAL_ENV", "UV_CONSTRAINT")
    kept = {name: value for name, value in os.environ.items() if name not in left_out}
    return {name: value for name, value in kept.items() if not name.startswith(("PHOENIX_", "OTEL_"))} | QUIET


def environment(folder: Path) -> Path:
    """Give the folder of the environment, made if it is not there; skip with the reason where it cannot be had."""
    made, pins = folder / "made-of", Path(__file__).with_name("constraints.txt")
    if made.is_file() and made.read_text() == ROOTS + pins.read_text():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    _uv("venv", "--quiet", "--clear", "--python", PYTHON, str(folder))
    _uv("pip", "install", "--quiet", "--python", str(folder), "--constraint", str(pins), ROOTS)
    made.write_text(ROOTS + pins.read_text())
    return folder


def _uv(*words: str) -> None:
    environ = variables() | {"UV_HTTP_TIMEOUT": "60"}
    done = subprocess.run([find_uv_bin(), *words], env=environ, capture_output=True, text=True, timeout=600)
    if done.returncode != 0:
        print(f"uv {' '.join(words)}: {done.stderr}", file=sys.stderr)
        pytest.skip(f"Phoenix cannot be had here: {' '.join(done.stderr.split())[-400:]}")
