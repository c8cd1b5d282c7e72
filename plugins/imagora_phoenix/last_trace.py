"""What `imagora trace` reads: a small file with the last trace and with how many spans arrived and were lost."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import platformdirs


def place() -> Path:
    """Give the file: in $IMAGORA_CACHE, else in the user's cache folder."""
    chosen = os.environ.get("IMAGORA_CACHE")
    folder = Path(chosen).expanduser().absolute() if chosen else platformdirs.user_cache_path("imagora")
    return folder / "phoenix" / "last-trace.json"


def write(state: Mapping[str, Any]) -> None:
    """Write the file as a whole, so that nobody reads half of it; raise OSError where that cannot be."""
    path = place()
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix="last-trace-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(state, file)
        Path(name).replace(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise


def read() -> dict[str, Any] | None:
    """Give what was written last, None where there is nothing that can be read."""
    try:
        state = json.loads(place().read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return state if isinstance(state, dict) else None
