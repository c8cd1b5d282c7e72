"""Errors come out of a worker as what they were, and pictures go in as something that can be sent."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from imagora.errors import ImagoraError, Problem, RecipeError, SourceError, StageError
from imagora.item import PICTURE, Deleted
from imagora.passages import payload_of
from imagora.runner import Change, Made
from imagora.stages import Entry
from imagora_ray.carrying import Sent, packed_error, packed_results, sendable, unpacked
from ray_toys import broken_picture, change


class Stubborn(ImagoraError):
    """Cannot be pickled at all: it holds what cannot."""

    def __init__(self) -> None:
        super().__init__("the words that matter")
        self.held = lambda: None


@pytest.mark.parametrize(
    "error",
    [
        SourceError("the bucket is gone"),
        RecipeError(
            [Problem("r.yaml", 1, 2, "embedders", "is wrong", "IMG-309"), Problem("r.yaml", 3, 4, "", "too", "IMG-309")]
        ),
        ZeroDivisionError("in a stranger's stage"),
        FileNotFoundError(2, "no such file", "weights.bin"),
    ],
)
def test_an_error_comes_out_as_it_was(error: Exception) -> None:
    with pytest.raises(type(error)) as raised:
        unpacked(packed_error(error))
    assert type(raised.value) is type(error)
    assert str(raised.value) == str(error)
    assert vars(raised.value) == vars(error)


def test_an_error_that_cannot_travel_keeps_its_words() -> None:
    with pytest.raises(StageError, match=r"^the words that matter$"):
        unpacked(packed_error(Stubborn()))


def test_a_file_is_read_where_the_workers_do_not_see_it(tmp_path: Path) -> None:
    file = tmp_path / "picture.png"
    file.write_bytes(b"bytes")
    kept = sendable(change(0, picture=file), read_files=False)
    read = sendable(change(0, picture=file), read_files=True)
    assert isinstance(kept, Change) and kept.item.picture == file  # type: ignore[union-attr] # it is an item
    assert isinstance(read, Change) and read.item.picture == b"bytes"  # type: ignore[union-attr] # as above


def test_a_picture_stays_where_it_is_for_those_who_look_for_it_later(tmp_path: Path) -> None:
    file = tmp_path / "picture.png"
    file.write_bytes(b"bytes")
    here = [change(0, picture=file), change(1, picture=b"bytes"), Change(2, change(2).row, Deleted("item 2"))]
    there = [sendable(one, read_files=True) for one in here]
    made = [
        Made(one, Entry(one.row.id, {}, payload_of(one.item)), thumbnail=b"small")  # type: ignore[arg-type] # an item
        for one in there[:2]
        if isinstance(one, Change)
    ]
    joined = Sent(here, {}).joined(unpacked(packed_results([*made, Made(here[2])])))
    assert [one.entry and one.entry.payload[PICTURE] for one in joined] == [str(file), None, None]
    assert [(one.change, one.thumbnail) for one in joined] == [(here[0], b"small"), (here[1], b"small"), (here[2], b"")]


def test_what_cannot_be_read_is_refused_with_its_reason(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for picture, reason in [
        (tmp_path / "none.png", "it cannot be read: No such file or directory"),
        (tmp_path / "pipe", "it is not a regular file"),
        (broken_picture, "the server says 404"),
    ]:
        given = change(0, picture=picture)
        assert sendable(given, read_files=True) == Made(given, refusal=reason)
