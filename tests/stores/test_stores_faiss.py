"""FAISS: files that are whole, crashes that lose nothing, and indexes that cannot forget or have to be trained."""

from __future__ import annotations

import asyncio
import random
import signal
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest
from imagora.errors import UnusableIndex
from imagora.filters import Eq
from imagora.stages import Entry, Identity, LegQuery, SearchRequest

from .places import index_of, making

making("faiss")

SIZE = 8
LEGS = {"image": Identity("pictures", "w1", "as is", SIZE, "cosine")}
WRITES_UNTIL_KILLED = """
import itertools, sys
from pathlib import Path
from stores.places import index_of
from stores.test_stores_faiss import LEGS, drawn
index = index_of("faiss", Path(sys.argv[1]))
index.open(LEGS, create=True)
for start in itertools.count(0, 10):
    index.upsert([drawn(number % 300) for number in range(start, start + 10)])
    index.delete([drawn((start + 5) % 300).id])
    print(start, flush=True)
"""


def drawn(number: int) -> Entry:
    chance = random.Random(number)
    vector = [chance.gauss(0, 1) for _ in range(SIZE)]
    return Entry(str(uuid.UUID(int=number)), {"image": vector}, {"n": number, "odd": number % 2 == 1})


def find(index: Any, entry: Entry, limit: int = 1, **more: Any) -> list[int]:
    query = LegQuery("image", "image", entry.vectors["image"])
    hits = asyncio.run(index.asearch(SearchRequest((query,), limit, limit, **more)))
    return [hit.payload["n"] for hit in hits]


def opened(path: Path, **more: Any) -> Any:
    index = index_of("faiss", path, **more)
    index.open(LEGS, create=True)
    return index


def test_what_was_written_before_a_kill_is_found(tmp_path: Path) -> None:
    index = opened(tmp_path / "index")
    index.upsert([drawn(number) for number in range(40)])
    index.close()
    tests = str(Path(__file__).parents[1])
    code = f"import sys; sys.path.insert(0, {tests!r})\n{WRITES_UNTIL_KILLED}"
    writing = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "index")], stdout=subprocess.PIPE, text=True)
    assert writing.stdout
    last = [int(writing.stdout.readline()) for _ in range(8)][-1]
    writing.send_signal(signal.SIGKILL)
    writing.wait()
    index = opened(tmp_path / "index")
    gone = {start + 5 for start in range(0, last + 10, 10)}
    kept = [number for number in range(last + 10) if number not in gone]
    assert [find(index, drawn(number)) for number in kept] == [[number] for number in kept]
    assert not gone & set(find(index, drawn(0), 100))
    assert set(kept) <= set(find(index, drawn(0), 1_000)), "each once, and none lost"
    index.close()


@pytest.mark.parametrize("harm", ["gone", "cut", "of another"])
def test_a_file_that_does_not_fit_is_made_again_out_of_the_catalogue(tmp_path: Path, harm: str) -> None:
    index = opened(tmp_path / "index")
    index.upsert([drawn(number) for number in range(60)])
    index.close()
    file = tmp_path / "index" / "faiss" / "image.faiss"
    if harm == "gone":
        file.unlink()
    elif harm == "cut":
        file.write_bytes(file.read_bytes()[:100])
    else:
        other = opened(tmp_path / "other")
        other.upsert([drawn(number) for number in range(100, 130)])
        other.close()
        file.write_bytes((tmp_path / "other" / "faiss" / "image.faiss").read_bytes())
    index = opened(tmp_path / "index")
    assert [find(index, drawn(number)) for number in range(60)] == [[number] for number in range(60)]
    index.close()


@pytest.mark.parametrize("kind", [{"kind": "flat"}, {"kind": "hnsw", "m": 8}, {"kind": "ivf", "lists": 4, "probes": 2}])
def test_every_kind_forgets_and_goes_on(tmp_path: Path, kind: dict[str, Any]) -> None:
    index = opened(tmp_path / "index", **kind)
    index.upsert([drawn(number) for number in range(400)])
    index.delete([drawn(number).id for number in range(0, 400, 4)])
    index.upsert([drawn(number) for number in range(0, 400, 8)])
    for _ in range(2):
        left = [number for number in range(400) if number % 8 != 4]
        assert [find(index, drawn(number)) for number in left[:60]] == [[number] for number in left[:60]]
        everything = find(index, drawn(0), 500)
        assert sorted(everything) == left, "more than a graph or a few lists propose are looked for exactly"
        assert all(n % 2 for n in find(index, drawn(0), 50, filter=Eq("odd", True)))
        index.close()
        index = opened(tmp_path / "index", **kind)
    index.close()


def test_another_kind_takes_over_what_is_there(tmp_path: Path) -> None:
    for kind in ("flat", "hnsw", "ivf", "flat"):
        index = opened(tmp_path / "index", kind=kind, lists=2)
        if not index.count():
            index.upsert([drawn(number) for number in range(100)])
        assert [find(index, drawn(number)) for number in range(100)] == [[number] for number in range(100)]
        index.close()


def test_a_folder_is_for_one_process_and_within_it_for_any_number(tmp_path: Path) -> None:
    first, second = opened(tmp_path / "index"), opened(tmp_path / "index")
    first.upsert([drawn(1)])
    assert find(second, drawn(1)) == [1]
    first.close()
    assert find(second, drawn(1)) == [1], "who closes one does not close the other"
    code = "import sys; from pathlib import Path; sys.path.insert(0, sys.argv[2])\n"
    code += "from stores.test_stores_faiss import opened; opened(Path(sys.argv[1]))"
    command = [sys.executable, "-c", code, str(tmp_path / "index"), str(Path(__file__).parents[1])]
    done = subprocess.run(command, capture_output=True, text=True)
    assert "IndexInUse" in done.stderr and "one at a time" in done.stderr, done.stderr
    second.close()
    with pytest.raises(UnusableIndex, match="not open"):
        second.count()


def test_a_folder_with_other_files_and_a_broken_catalogue_are_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.png").write_bytes(b"")
    with pytest.raises(UnusableIndex, match="cat.png"):
        opened(tmp_path / "photos")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "catalogue.sqlite").write_bytes(b"no database" * 100)
    with pytest.raises(UnusableIndex, match="catalogue"):
        opened(tmp_path / "broken")
