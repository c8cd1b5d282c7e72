"""Fused legs are at least as good as the best of them alone, on some of the stamps."""

from __future__ import annotations

from pathlib import Path

import pytest
from imagora_benchmarks.fusion_of_items import STAMPS, written
from imagora_benchmarks.legs import FUSIONS, measured


@pytest.mark.skipif(not STAMPS.is_dir(), reason="Debian's package tuxpaint-stamps-default is not installed")
def test_the_starters_fusion_is_at_least_as_good_as_the_best_leg(tmp_path: Path) -> None:
    tables = dict(measured(tmp_path, written(STAMPS, tmp_path / "things", 50)))
    assert set(tables) == {"words", "picture", "both"}
    for sort, rows in tables.items():
        legs = [figures[0] for name, figures in rows.items() if name not in FUSIONS]
        assert rows["calibrated"][0] >= max(legs) > 0.3, (sort, rows)
