"""Where evals keep what they fetch, make and ingest."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """Give the folder for corpora and their indexes: $IMAGORA_CACHE, else the user's cache folder."""
    import platformdirs

    chosen = os.environ.get("IMAGORA_CACHE")
    return (Path(chosen).expanduser().absolute() if chosen else platformdirs.user_cache_path("imagora")) / "evals"
