"""The measurements of an ingest, on small corpora: what they assert at full size holds here, too."""

from __future__ import annotations

from pathlib import Path

import pytest
from imagora_benchmarks import ingest_scale
from imagora_benchmarks.ingest_killed import killed
from imagora_benchmarks.squares import ingest_squares, write_recipe, write_squares, write_words

ITEMS = 150


def test_after_a_kill_at_a_commit_point_or_a_moment_nothing_is_missing_twice_stale_or_orphaned(tmp_path: Path) -> None:
    rounds = list(killed(tmp_path, 1, ITEMS, seed=3, points=("ledger.mark written", "index.delete", "ledger.commit")))
    assert all(one.killed for one in rounds[:6])
    for one in rounds:
        assert (one.missing, one.duplicate, one.stale, one.orphan) == (0, 0, 0, 0), one
        assert one.repeated <= 96, "three batches at most are on their way"


def test_small_changes_are_counted_exactly_and_only_they_are_embedded(tmp_path: Path) -> None:
    write_squares(tmp_path / "pictures", range(ITEMS))
    write_recipe(tmp_path)
    first = ingest_squares(tmp_path)
    assert (first.added, first.embedded) == (ITEMS, ITEMS)
    again = ingest_squares(tmp_path)
    assert (again.unchanged, again.embedded) == (ITEMS, 0)
    write_squares(tmp_path / "pictures", range(2), version=2)
    for name in ("000002.png", "000002.json"):
        (tmp_path / "pictures" / name).unlink()
    for number in (3, 4, 5):
        write_words(tmp_path / "pictures", number, version=1, price=2)
    third = ingest_squares(tmp_path)
    counts = (third.added, third.changed, third.deleted, third.relabelled, third.unchanged, third.embedded)
    assert counts == (0, 2, 1, 3, ITEMS - 6, 2)


def test_the_memory_of_a_corpus_is_measured_with_all_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest_scale, "SMALL", 40)
    assert ingest_scale.memory(tmp_path, 400, squares=True) == 0
