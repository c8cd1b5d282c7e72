"""Debian's stamps are ingested whole with the starter recipe, and the counts are those of the package's files."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from imagora_benchmarks.stamps_whole import PACKAGE, listed


def test_all_pictures_and_texts_of_the_package_are_in_the_index_or_in_quarantine() -> None:
    there = listed()
    if there is None:
        pytest.skip(f"the package {PACKAGE} is not installed; on Debian type: apt install {PACKAGE}")
    command = [sys.executable, "-m", "imagora_benchmarks.stamps_whole", "--cut", "--json"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.stdout, done.stderr
    counts = json.loads(done.stdout)
    assert counts["wrong"] == []
    assert done.returncode == 0
    assert counts["pictures"] > 700
    assert counts["items"] + counts["quarantined"] == len(there.pictures) + len(there.texts)
    assert counts["items_with_pictures"] == len(there.pictures)  # these are sound: none is in quarantine
    assert counts["items_with_both"] == len(there.with_words)
    print(f"\n{counts}")
