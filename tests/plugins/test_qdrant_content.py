"""What a Qdrant index calls the state of its content: another name after every write, and never one of before."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from imagora.errors import UnusableIndex
from imagora.stages import Entry, Identity, VersionedIndex
from imagora_qdrant.content_version import CONTENT

from . import qdrant_places as places

LEGS = {"image": Identity("pictures", "w1", "as is", 2, "cosine")}
ID = "00000000-0000-0000-0000-000000000001"
EITHER = pytest.mark.parametrize("place", [places.embedded, places.local], ids=["embedded", "local"])


def name(index: Any) -> str | None:
    assert isinstance(index, VersionedIndex)
    return asyncio.run(index.aversion())


def opened(place: Any, path: Path, *, write: bool = True) -> Any:
    index = place(path)
    index.open(LEGS, create=write)
    return index


def write(index: Any, text: str = "a") -> None:
    index.upsert([Entry(ID, {"image": [1.0, 0.0]}, {"text": text})])


@EITHER
def test_every_write_gives_another_name_and_reading_keeps_it(place: Any, tmp_path: Path) -> None:
    index = opened(place, tmp_path / "index")
    names = []
    for act in (write, lambda i: i.set_payloads({ID: {"text": "b"}}), lambda i: i.delete([ID]), write, write):
        act(index)
        names.append(name(index))
    assert (None not in names, len(set(names))) == (True, 5)
    assert (index.count(), name(index)) == (1, names[-1])
    index.close()
    again = opened(place, tmp_path / "index", write=False)
    assert name(again) == names[-1]
    again.close()
    third = opened(place, tmp_path / "index")
    write(third)
    assert name(third) not in {None, *names}
    third.close()


@EITHER
def test_generations_have_names_of_their_own(place: Any, tmp_path: Path) -> None:
    index = opened(place, tmp_path / "index")
    write(index)
    second = index.generation(2)
    second.open(LEGS, create=True)
    write(second)
    assert len({name(index), name(second)} - {None}) == 2
    second.close()
    index.close()


def test_a_write_that_failed_gives_another_name_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = opened(places.embedded, tmp_path / "index")
    write(index)
    before = name(index)
    with pytest.raises(UnusableIndex, match="cannot be written to"):
        index.set_payloads({ID: {"text": "b"}, "no id": {"text": "c"}})
    assert name(index) not in {None, before}
    index.close()


def test_after_a_crash_no_name_of_before_counts(tmp_path: Path) -> None:
    index = opened(places.embedded, tmp_path / "index")
    write(index)
    index.close()
    file = tmp_path / "index" / "index" / CONTENT
    index = opened(places.embedded, tmp_path / "index")
    before = name(index)
    assert json.loads(file.read_text())["content"] == before
    write(index, "b")
    in_between = file.read_text()
    assert json.loads(in_between)["content"] is None
    index.close()
    names = {before}
    for kept in (in_between, "", "{", '{"imagora": 2, "content": "x"}', '{"imagora": 1, "content": 5}'):
        file.write_text(kept)  # as a crash, or a disk, left it
        index = opened(places.embedded, tmp_path / "index", write=False)
        assert name(index) not in {None, *names}
        names.add(name(index))
        index.close()
    file.unlink()  # as in an index of before
    index = opened(places.embedded, tmp_path / "index", write=False)
    assert name(index) not in {None, *names}
    index.close()


def test_two_indexes_on_one_folder_see_each_others_writes(tmp_path: Path) -> None:
    one, other = (opened(places.embedded, tmp_path / "index") for _ in range(2))
    write(one)
    before = name(other)
    write(one, "b")
    assert name(other) == name(one) != before
    other.close()
    one.close()


def test_on_a_server_there_is_no_name_while_another_process_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader, writer = (opened(places.local, tmp_path / "index") for _ in range(2))
    assert name(reader) is None  # nothing was written yet, or by an older version
    write(writer)
    before, client, seen = name(reader), places.client_of(tmp_path / "index"), []
    real = client.upsert
    monkeypatch.setattr(client, "upsert", lambda *a, **k: (seen.append(name(reader)), real(*a, **k)))
    write(writer, "b")
    assert (seen, name(reader) not in {None, before}) == ([None], True)

    say = client.update_collection

    def dies(*args: Any, **said: Any) -> None:
        if said["metadata"]["content"]:
            raise ConnectionError("gone")
        say(*args, **said)

    monkeypatch.setattr(client, "update_collection", dies)
    with pytest.raises(Exception, match="gone"):
        write(writer, "c")
    assert name(reader) is None
    for index in (reader, writer):
        index.close()
