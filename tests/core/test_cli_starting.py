"""The garbage collector while a command starts: it waits, and not for ever."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest
from imagora.cli.starting import IMPORTED, spare_collections


@pytest.fixture
def usual() -> Iterator[tuple[int, int, int]]:
    before, heard = gc.get_threshold(), list(gc.callbacks)
    yield before
    gc.set_threshold(*before)
    gc.callbacks[:] = heard


def test_it_waits_for_what_is_imported_and_then_is_as_ever(usual: tuple[int, int, int]) -> None:
    gc.collect()
    spare_collections()
    assert gc.get_threshold() == (IMPORTED, *usual[1:])
    collections = gc.get_stats()[0]["collections"]
    kept = [[] for _ in range(IMPORTED // 2)]
    assert gc.get_stats()[0]["collections"] == collections
    kept += [[] for _ in range(IMPORTED)]
    assert gc.get_stats()[0]["collections"] > collections
    assert gc.get_threshold() == usual
    assert len(kept) == IMPORTED // 2 + IMPORTED


def test_one_that_is_asked_for_ends_the_waiting_too(usual: tuple[int, int, int]) -> None:
    spare_collections()
    gc.collect()
    assert gc.get_threshold() == usual
