"""Generations of an index side by side: who answers, what a kill leaves, and what is somebody else's."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from imagora.errors import IdentityMismatch, IndexInUse, IndexMissing, UnusableIndex
from imagora.stages import Entry, GenerationalIndex, Identity, LegQuery, LocalIndex, SearchRequest
from imagora_qdrant.index import EmbeddedIndex
from imagora_qdrant.options import QdrantOptions
from qdrant_client import models

from . import qdrant_places as places

OLD = {"image": Identity("pictures", "w1", "as is", 2, "cosine")}
NEW = {"image": replace(OLD["image"], weights="w2", dimension=3)}
THIRD = {"image": replace(OLD["image"], weights="w3")}
EITHER = pytest.mark.parametrize("place", [places.embedded, places.local], ids=["embedded", "local"])


def ids(number: int) -> list[str]:
    return [f"0000000{number}-0000-0000-0000-{place:012}" for place in range(number)]


def fill(index: Any, legs: Any, number: int) -> Any:
    """Write as many entries as the generation's number says, whose payloads name it."""
    index.open(legs, create=True)
    vector = [1.0, *[0.0] * (legs["image"].dimension - 1)]
    index.upsert([Entry(id_, {"image": vector}, {"from": number}) for id_ in ids(number)])
    return index


def answer(index: Any, legs: Any) -> set[Any]:
    vector = [1.0, *[0.0] * (legs["image"].dimension - 1)]
    request = SearchRequest((LegQuery("image", "image", vector),), 9, 9)
    return {hit.payload["from"] for hit in asyncio.run(index.asearch(request))}


def grown(index: Any) -> Any:
    """Make two generations, of which the first answers."""
    fill(index, OLD, 1).close()
    fill(index.generation(2), NEW, 2).close()
    return index


@EITHER
def test_each_generation_is_an_index_of_its_own(place: Any, tmp_path: Path) -> None:
    index = grown(place(tmp_path / "index"))
    assert isinstance(index, GenerationalIndex)
    first, second = index.generation(1), index.generation(2)
    assert isinstance(second, LocalIndex) == (place is places.embedded)
    assert second.place == f"{first.place} (generation 2)" and first.place == index.place
    first.open(OLD, create=False)
    second.open(NEW, create=False)
    second.delete(ids(2)[:1])
    assert (first.count(), second.count()) == (1, 1)
    assert (answer(first, OLD), answer(second, NEW)) == ({1}, {2})
    with pytest.raises(IdentityMismatch, match=r"\(generation 2\)' holds vectors of"):
        second.open(OLD, create=False)
    for each in (first, second):
        each.close()


@EITHER
def test_an_open_index_says_which_generation_it_is(place: Any, tmp_path: Path) -> None:
    index = grown(place(tmp_path / "index"))
    index.switch(2)
    index.open(NEW, create=True)
    assert index.place.endswith(" (generation 2)")
    index.close()


@EITHER
def test_a_mismatch_says_what_to_type(place: Any, tmp_path: Path) -> None:
    index = grown(place(tmp_path / "index"))
    with pytest.raises(IdentityMismatch) as caught:
        index.open(NEW, create=False)
    assert str(caught.value).endswith(
        "; generation 2 beside it fits; let it answer with: imagora index switch gallery"
    ), "there is one"
    with pytest.raises(IdentityMismatch) as caught:
        index.open(THIRD, create=True)
    assert str(caught.value).endswith(
        "; build a generation beside it with: imagora ingest gallery, and let it answer with: "
        "imagora index switch gallery"
    )


@EITHER
def test_what_is_not_there_can_neither_answer_nor_be_dropped(place: Any, tmp_path: Path) -> None:
    index = place(tmp_path / "index")
    for change in (index.switch, index.drop):
        with pytest.raises(IndexMissing, match=r"has no generation 1 \(there is: none\)"):
            change(1)
    assert not (tmp_path / "index").exists()
    grown(index)
    for change in (index.switch, index.drop):
        with pytest.raises(IndexMissing, match=r"has no generation 3 \(there is: 1, 2\)"):
            change(3)
    with pytest.raises(UnusableIndex, match="generation 1 of the index at .* is the one that answers"):
        index.drop(1)
    index.switch(1)
    assert (index.answering, index.before) == (1, None), "no switch, nothing before"


@EITHER
def test_numbers_have_two_digits_too(place: Any, tmp_path: Path) -> None:
    index = grown(place(tmp_path / "index"))
    fill(index.generation(10), THIRD, 3).close()
    index.switch(10)
    assert [each.number for each in index.generations()] == [1, 2, 10] and index.answering == 10
    index.drop(1)
    fresh = place(tmp_path / "index")
    fresh.open(THIRD, create=False)
    assert answer(fresh, THIRD) == {3} and fresh.before is None
    fresh.close()


def test_a_generation_that_was_taken_away_by_hand_is_not_the_one_before(tmp_path: Path) -> None:
    index = grown(places.embedded(tmp_path / "index"))
    index.switch(2)
    shutil.rmtree(tmp_path / "index" / "index")
    assert index.before is None


@pytest.mark.parametrize(
    "said", ["{", "[]", '{"imagora": 1}', '{"imagora": 1, "number": true}', '{"imagora": 1, "number": 1, "before": 0}']
)
def test_a_broken_word_on_who_answers_is_said_in_words(tmp_path: Path, said: str) -> None:
    index = grown(places.embedded(tmp_path / "index"))
    (tmp_path / "index" / "answering.json").write_text(said)
    for ask in (lambda: index.open(OLD, create=True), lambda: index.switch(2), lambda: index.answering):
        with pytest.raises(UnusableIndex, match=r"'answering\.json' in .* cannot be read; .* delete that file"):
            ask()
    (tmp_path / "index" / "answering.json").write_text('{"imagora": 99}')
    with pytest.raises(UnusableIndex, match="a newer imagora"):
        index.open(OLD, create=False)


@pytest.mark.parametrize("name", ["cat.png", "index-cats", "index-2", "lock-cats", "dropped-cats", "answering.json"])
def test_a_strangers_folder_gets_no_generation(tmp_path: Path, name: str) -> None:
    path = tmp_path / "photos"
    (path / name).mkdir(parents=True) if "." not in name else (path.mkdir(), (path / name).write_text("mine"))
    for number in (1, 3):
        with pytest.raises(UnusableIndex, match="name another path"):
            places.embedded(path).generation(number).open(OLD, create=True)
    assert [each.name for each in path.iterdir()] == [name] and places.embedded(path).generations() == []


def test_files_of_others_beside_an_index_are_left_alone(tmp_path: Path) -> None:
    index = places.embedded(tmp_path / "index")
    fill(index, OLD, 1).close()
    for name in ("dropped-cats", "dropped-2-holiday", "index-cats"):
        (tmp_path / "index" / name).mkdir()
        (tmp_path / "index" / name / "cat.png").write_text("mine")
    with pytest.raises(UnusableIndex, match="name another path"):
        index.generation(2).open(NEW, create=True)
    index.open(OLD, create=True)
    index.close()
    assert len(list((tmp_path / "index").rglob("cat.png"))) == 3


ANSWERING = """
import asyncio, sys
from pathlib import Path
from imagora.errors import ImagoraError
from imagora.stages import Identity, LegQuery, SearchRequest
from imagora_qdrant.index import EmbeddedIndex
from imagora_qdrant.options import QdrantOptions
index = EmbeddedIndex(QdrantOptions(path=Path(sys.argv[1])), "gallery")
old = Identity("pictures", "w1", "as is", 2, "cosine")
index.open({"image": old}, create=True)
print("open", flush=True)
for line in sys.stdin:
    hits = index.search(SearchRequest((LegQuery("image", "image", [1.0, 0.0]),), 9, 9))
    print(sorted({hit.payload["from"] for hit in hits}), flush=True)
"""


def test_a_process_answers_while_another_one_builds_switches_and_drops(tmp_path: Path) -> None:
    index = places.embedded(tmp_path / "index")
    fill(index, OLD, 1).close()
    command = [sys.executable, "-c", ANSWERING, str(tmp_path / "index")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin and process.stdout

        def ask() -> str:
            process.stdin.write("?\n")
            process.stdin.flush()
            return str(process.stdout.readline())

        assert process.stdout.readline() == "open\n"
        with pytest.raises(IdentityMismatch):  # and not IndexInUse: this is how an ingest learns to build beside it
            index.open(NEW, create=True)
        second = fill(index.generation(2), NEW, 2)
        assert ask() == "[1]\n" and answer(second, NEW) == {2}
        again = places.embedded(tmp_path / "index").generation(2)
        again.open(NEW, create=False)
        again.close()
        assert answer(second, NEW) == {2}, "this process shares it with itself"
        assert [each.number for each in index.generations()] == [1, 2]
        index.switch(2)
        with pytest.raises(IndexInUse, match="is in use by another process"):
            index.drop(1)
        assert ask() == "[1]\n", "who has the old one open keeps it"
        assert (index.before, len(index.generations())) == (1, 2)
        process.stdin.close()
        process.wait()
    index.drop(1)
    index.open(NEW, create=False)
    second.close()
    assert answer(index, NEW) == {2}
    index.close()
    assert not (tmp_path / "index" / "index").exists()


KILLED = """
import os, shutil, signal, sys
from pathlib import Path
from imagora_qdrant.index import EmbeddedIndex
from imagora_qdrant.options import QdrantOptions
folder, change, number = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])

def die_before_step(last):
    steps = removals = 0
    def step():
        nonlocal steps
        steps += 1
        if steps == last:
            os.kill(os.getpid(), signal.SIGKILL)
    def removal(event, arguments):
        nonlocal removals
        if event in ("os.remove", "os.rmdir"):
            removals += 1
            if removals % 10 == 1:
                step()
    def line(frame, event, argument):
        if Path(frame.f_code.co_filename).name not in ("answering_file.py", "durable.py", "folder_generations.py"):
            return None
        if event == "line":
            step()
        return line
    sys.addaudithook(removal)
    sys.settrace(line)

def copied(one, other):
    # Engines' files are not written to, only removed.
    (os.link if "engine" in one else shutil.copy)(one, other)

def ignored(inside, names):
    return () if change == "drop" and Path(inside).name == "index" else {"engine"}

for last in range(1, 1000):
    trial = folder.with_name(f"trial{last}")
    shutil.copytree(folder, trial, ignore=ignored, copy_function=copied)
    index = EmbeddedIndex(QdrantOptions(path=trial), "gallery")
    index.generations()  # so that no child has to import anything
    child = os.fork()
    if child == 0:
        try:
            die_before_step(last)
            getattr(index, change)(number)
        finally:
            sys.settrace(None)
            os._exit(0)
    if not os.WIFSIGNALED(os.waitpid(child, 0)[1]):
        print(last)
        break
"""


def killed_at_every_step(folder: Path, change: str, number: int) -> list[Path]:
    """Let processes make a change in copies of a folder, each killed before another step; the last one ends by itself.

    A step is a line of the files that change who answers or what is there, and every tenth removal of a file. What the
    change does not touch, the engines of other generations, is not copied.
    """
    command = [sys.executable, "-c", KILLED, str(folder), change, str(number)]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    return [folder.with_name(f"trial{step}") for step in range(1, int(ran.stdout) + 1)]


def files_of(generation: Path) -> list[str]:
    return sorted(str(each.relative_to(generation)) for each in generation.rglob("*"))


def test_a_kill_at_any_step_of_a_switch_leaves_the_old_or_the_new(tmp_path: Path) -> None:
    index = grown(places.embedded(tmp_path / "index"))
    fill(index.generation(3), THIRD, 3).close()
    index.switch(2)
    trials = [places.embedded(trial) for trial in killed_at_every_step(tmp_path / "index", "switch", 3)]
    seen = [(trial.answering, trial.before) for trial in trials]
    assert seen == sorted(seen) and [seen[0], seen[-1]] == [(2, 1), (3, 2)] and set(seen) == {(2, 1), (3, 2)}
    assert len(trials) > 20, "there were steps to be killed at"
    for trial in trials:
        trial.switch(3)
        assert (trial.answering, trial.before) == (3, 2), "what a kill left can be finished"


def test_a_kill_at_any_step_of_a_removal_leaves_a_generation_whole_or_gone(tmp_path: Path) -> None:
    grown(places.embedded(tmp_path / "index")).switch(2)
    whole = files_of(tmp_path / "index" / "index")
    seen: list[list[int]] = []
    left = []
    for trial in killed_at_every_step(tmp_path / "index", "drop", 1):
        index = places.embedded(trial)
        assert index.answering == 2
        seen.append([each.number for each in index.generations()])
        if 1 in seen[-1]:
            assert files_of(trial / "index") == whole
            index.drop(1)
        assert index.before is None
        if list(trial.glob("dropped-*")):
            left.append(index)
    assert seen == sorted(seen) and [seen[0], seen[-1]] == [[1, 2], [2]]
    assert len(seen) > 20 and left, "there were steps to be killed at, also while files were removed"
    for index in (left[0], left[-1]):  # the next opening, of any generation, removes what is left
        fill(index.generation(3), THIRD, 3).close()
        assert {each.name for each in index.folder.iterdir()} == {
            *("index-2", "index-3", "lock", "lock-2", "lock-3", "answering.json", "answering.lock")
        }


def test_a_generation_that_is_being_made_is_not_swept_away_by_another_one(tmp_path: Path) -> None:
    index = grown(places.embedded(tmp_path / "index"))
    for name in ("unfinished-3-abc", "unfinished-2-abc", "unfinished-abc", "dropped-4-0123abcd"):
        (tmp_path / "index" / name).mkdir()
    left = []
    for number, legs in ((1, OLD), (2, NEW)):
        one = index.generation(number)
        one.open(legs, create=False)
        one.close()
        left.append(sorted(each.name for each in (tmp_path / "index").glob("*-*-*")))
    assert left == [["unfinished-2-abc", "unfinished-3-abc"], ["unfinished-3-abc"]]
    assert not (tmp_path / "index" / "unfinished-abc").exists()


def test_listing_and_switching_load_no_engine(tmp_path: Path) -> None:
    grown(places.embedded(tmp_path / "index"))
    ask = f"""
import sys
from pathlib import Path
from imagora_qdrant.index import EmbeddedIndex
from imagora_qdrant.options import QdrantOptions
index = EmbeddedIndex(QdrantOptions(path=Path({str(tmp_path / "index")!r})), "gallery")
index.switch(2)
print(index.answering, len(index.generations()), {{"qdrant_edge", "qdrant_client", "numpy"}} & set(sys.modules))
"""
    ran = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    assert ran.stdout == "2 2 set()\n"


def test_an_opening_meets_a_switch_and_takes_the_new_one(tmp_path: Path) -> None:
    class Late(EmbeddedIndex):
        """Opens the generation that answered a moment ago, while another process switches and drops that one."""

        moved = False

        def _new_store(self, number: int) -> Any:
            if not self.moved:
                self.moved = True
                other = places.embedded(tmp_path / "index")
                other.switch(2)
                other.drop(1)
            return super()._new_store(number)

    grown(places.embedded(tmp_path / "index"))
    late = Late(QdrantOptions(path=tmp_path / "index"), "gallery")
    late.open(NEW, create=False)
    assert answer(late, NEW) == {2}
    late.close()


def collection(client: Any, name: str, metadata: Any = None) -> None:
    size = models.VectorParams(size=2, distance=models.Distance.COSINE)
    client.create_collection(name, vectors_config={"image": size}, metadata=metadata)


def test_a_collection_that_a_user_named_himself_is_no_generation(tmp_path: Path) -> None:
    index, client = places.local(tmp_path), places.client_of(tmp_path)
    fill(index, OLD, 1).close()
    ours = json.loads(json.dumps(client.get_collection("gallery").config.metadata))
    collection(client, "gallery--g2")
    collection(client, "gallery--g3", ours)  # what a recipe with this name made
    collection(client, "gallery--g04", {**ours, "of": "gallery", "generation": 4})
    assert [each.number for each in index.generations()] == [1]
    with pytest.raises(UnusableIndex, match="'gallery--g2' is there and was not made by imagora"):
        index.generation(2).open(OLD, create=True)
    with pytest.raises(UnusableIndex, match="'gallery--g3' is an index of its own, 'gallery--g3'"):
        index.generation(3).open(OLD, create=True)
    for change in (index.switch, index.drop):
        with pytest.raises(IndexMissing, match=r"has no generation 2 \(there is: 1\)"):
            change(2)
    assert {each.name for each in client.get_collections().collections} >= {"gallery--g2", "gallery--g3"}


def test_a_generation_is_no_index_of_its_own(tmp_path: Path) -> None:
    grown(places.local(tmp_path))
    client = places.client_of(tmp_path)
    other = places.local(tmp_path, collection="gallery--g2")
    with pytest.raises(UnusableIndex, match="'gallery--g2' is generation 2 of the index 'gallery'"):
        other.open(NEW, create=True)
    assert client.count("gallery--g2").count == 2


def test_an_alias_that_leads_elsewhere_is_refused(tmp_path: Path) -> None:
    index, client = grown(places.local(tmp_path)), places.client_of(tmp_path)
    collection(client, "cats")
    theirs = models.CreateAlias(collection_name="cats", alias_name="gallery--answering")
    client.update_collection_aliases([models.CreateAliasOperation(create_alias=theirs)])
    with pytest.raises(UnusableIndex, match=r"'gallery--answering' leads to the collection 'cats', which is no gen"):
        index.open(OLD, create=True)


def test_a_first_generation_behind_an_alias_can_answer_again(tmp_path: Path) -> None:
    index, client = places.local(tmp_path), places.client_of(tmp_path)
    real = fill(places.local(tmp_path, collection="real"), OLD, 1)
    real.close()
    alias = models.CreateAlias(collection_name="real", alias_name="gallery")
    client.update_collection_aliases([models.CreateAliasOperation(create_alias=alias)])
    fill(index.generation(2), NEW, 2).close()
    index.switch(2)
    assert (index.answering, index.before) == (2, 1)
    index.switch(1)
    assert (index.answering, index.before) == (1, 2)
    index.open(OLD, create=False)
    assert answer(index, OLD) == {1}
    index.close()


def test_a_switch_on_a_server_never_leaves_the_alias_away(tmp_path: Path, monkeypatch: Any) -> None:
    """A server writes one alias after the other: whatever it wrote when it died, an old or the new one answers."""
    index, client = grown(places.local(tmp_path)), places.client_of(tmp_path)
    fill(index.generation(3), THIRD, 3).close()
    sent: list[list[Any]] = []
    update = client.update_collection_aliases
    monkeypatch.setattr(client, "update_collection_aliases", sent.append)
    seen = []
    for number in (2, 3):
        index.switch(number)
        for operation in sent.pop():
            update([operation])
            seen.append((index.answering, index.before))
        assert not sent, "all in one call"
    assert seen == [(1, None), (2, 1), (2, None), (3, 2)]
