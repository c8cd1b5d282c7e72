"""A disk that fills up under an ingest: a clean stop that names it, and the same command goes on once there is room."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

NAMESPACES = (
    ["unshare", "--mount"],
    ["unshare", "--map-root-user", "--mount"],
    ["sudo", "--non-interactive", "--preserve-env", "unshare", "--mount"],
)


@pytest.fixture
def namespace(tmp_path: Path) -> list[str]:
    """What a command begins with that may mount a small disk, which nobody else sees and which goes with it."""
    tried = []
    for words in NAMESPACES:
        if shutil.which(words[0]):
            done = subprocess.run(
                [*words, "mount", "-t", "tmpfs", "none", str(tmp_path)], capture_output=True, text=True
            )
            if done.returncode == 0:
                return words
            tried.append(f"'{' '.join(words)}': {done.stderr.strip()}")
    pytest.skip(f"a small disk cannot be mounted here, which takes root on Linux; {'; '.join(tried) or 'no unshare'}")


def test_an_ingest_that_fills_the_disk_says_so_and_goes_on_where_it_was_once_there_is_room(
    namespace: list[str],
) -> None:
    command = [*namespace, sys.executable, "-m", "imagora_benchmarks.disk_full", "--json"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.stdout, done.stderr
    cases = json.loads(done.stdout)
    assert len(cases) == 3
    for case in cases:
        assert case["wrong"] == [], case
        assert case["whole"] == 600
    assert done.returncode == 0
