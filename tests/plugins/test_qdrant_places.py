"""Where an index lives: whose vectors it holds, who else uses it, what a crash or a stranger leaves there."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from imagora.errors import IdentityMismatch, IndexInUse, IndexMissing, UnusableIndex
from imagora.filters import Eq
from imagora.stages import Entry, Identity, LegQuery, SearchRequest
from imagora_qdrant import edge_config
from imagora_qdrant.index import QdrantIndex
from imagora_qdrant.options import QdrantOptions
from pydantic import ValidationError
from qdrant_client import models

from . import qdrant_places as places

IMAGE = Identity("pictures", "w1", "as is", 2, "cosine")
TEXT = Identity("words", "w2", "as is", 2, "cosine")
BOTH = {"image": IMAGE, "text": TEXT}
ID = "00000000-0000-0000-0000-000000000001"
EITHER = pytest.mark.parametrize("place", [places.embedded, places.local], ids=["embedded", "local"])


def one_found(index: QdrantIndex) -> Any:
    request = SearchRequest((LegQuery("image", "image", [1.0, 0.0]),), 1, 1)
    return asyncio.run(index.asearch(request))[0]


def test_building_imports_neither_engine_nor_client() -> None:
    build = """
import sys, imagora_qdrant, imagora
for component in (*imagora_qdrant.offer_indexes(), *imagora_qdrant.offer_embedders()):
    options = {"url": "http://host"} if component.name == "qdrant" else {}
    built = component.build(component.options(**options), imagora.BuildContext("gallery"))
    print(getattr(built, "place", ""), {"qdrant_edge", "qdrant_client", "numpy"} & set(sys.modules))
"""
    ran = subprocess.run([sys.executable, "-c", build], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines() == ["http://host, collection imagora set()", " set()"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({}, "neither is given; say one, such as path: ./index"),
        ({"path": "index", "url": "http://localhost:6333"}, "both are given; say one"),
        ({"path": "index", "collection": "gallery"}, "'collection' is for a server"),
        ({"path": "index", "api_key": "secret"}, "'api_key' is for a server"),
    ],
)
def test_an_index_is_at_exactly_one_place(options: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says) as caught:
        QdrantOptions.model_validate(options)
    assert "secret" not in str(caught.value.errors(include_input=False))


def test_a_place_is_printed_without_credentials() -> None:
    options = QdrantOptions(url="https://user:pass@host:6333/x?api_key=hidden", api_key="hidden", collection="gallery")
    index = QdrantIndex(options, "gallery")
    assert index.place == "https://host:6333/x, collection gallery" and index.folder is None
    assert "hidden" not in repr(options.api_key)


def test_a_missing_index_says_what_to_type(tmp_path: Path) -> None:
    with pytest.raises(IndexMissing) as caught:
        places.embedded(tmp_path / "none").open(BOTH, create=False)
    assert str(caught.value) == (
        f"there is no index at '{tmp_path / 'none'}' yet; make it with: imagora ingest gallery"
    )
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("use", ["count", "upsert", "delete", "asearch"])
def test_an_index_that_is_not_open_says_so(tmp_path: Path, use: str) -> None:
    index = places.embedded(tmp_path / "index")
    with pytest.raises(UnusableIndex, match=r"is not open; call open\(\) first"):
        if use == "asearch":
            one_found(index)
        else:
            getattr(index, use)(*([] if use == "count" else [[]]))


@EITHER
def test_fewer_legs_can_be_searched_and_not_written(place: Any, tmp_path: Path) -> None:
    index = place(tmp_path / "index")
    index.open(BOTH, create=True)
    index.upsert([Entry(ID, {"image": [1.0, 0.0], "text": [1.0, 0.0]}, {})])
    index.close()
    index.open({"image": IMAGE}, create=False)
    assert one_found(index).scores == pytest.approx({"image": 1.0})
    with pytest.raises(IdentityMismatch, match="also has the leg 'text'"):
        index.open({"image": IMAGE}, create=True)
    with pytest.raises(IdentityMismatch, match=r"has no leg 'smell' \(there is: image, text\)"):
        index.open({**BOTH, "smell": TEXT}, create=False)
    index.close()


def test_weights_that_begin_alike_are_told_apart_in_full(tmp_path: Path) -> None:
    index = places.embedded(tmp_path / "index")
    index.open({"image": replace(IMAGE, weights="laion2b_s34b_b79k")}, create=True)
    with pytest.raises(IdentityMismatch, match="weights 'laion2b_s34b_b79k' and 'laion2b_s34b_b88k'"):
        index.open({"image": replace(IMAGE, weights="laion2b_s34b_b88k")}, create=False)
    index.close()


@pytest.mark.parametrize("stranger", ["a file", "a folder of files", "a folder named index"])
def test_what_is_not_ours_is_refused_and_left_as_it_was(tmp_path: Path, stranger: str) -> None:
    path = tmp_path / "photos"
    if stranger == "a file":
        path.write_text("mine")
    else:
        kept = path / "index" if stranger == "a folder named index" else path
        kept.mkdir(parents=True)
        (kept / "cat.png").write_text("mine")
    before = sorted(str(each) for each in tmp_path.rglob("*"))
    for create in (True, False):
        with pytest.raises(UnusableIndex, match="name another path"):
            places.embedded(path).open(BOTH, create=create)
    assert sorted(str(each) for each in tmp_path.rglob("*")) == before


def test_an_empty_folder_and_a_crashed_beginning_are_taken(tmp_path: Path) -> None:
    (tmp_path / "index" / "unfinished-x").mkdir(parents=True)
    index = places.embedded(tmp_path / "index")
    index.open(BOTH, create=True)
    index.close()
    assert sorted(each.name for each in (tmp_path / "index").iterdir()) == ["index", "lock"]


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ("{", "cannot be read"),
        ('{"imagora": 1}', "cannot be read"),
        ('{"imagora": 1, "legs": {"image": {}}}', "cannot be read"),
        ('{"imagora": 99, "legs": {}}', "a newer imagora"),
    ],
)
def test_what_is_kept_about_an_index_may_be_broken(tmp_path: Path, document: str, says: str) -> None:
    index = places.embedded(tmp_path / "index")
    index.open(BOTH, create=True)
    index.close()
    (tmp_path / "index" / "index" / "imagora.json").write_text(document)
    with pytest.raises(UnusableIndex, match=says):
        index.open(BOTH, create=True)


def test_a_damaged_engine_is_said_in_words(tmp_path: Path) -> None:
    index = places.embedded(tmp_path / "index")
    index.open(BOTH, create=True)
    index.close()
    (tmp_path / "index" / "index" / "engine" / "edge_config.json").write_text("{")
    with pytest.raises(UnusableIndex, match="cannot be read"):
        index.open(BOTH, create=True)


PROCESS = """
import sys, uuid
from pathlib import Path
from imagora.stages import Entry, Identity
from imagora_qdrant import edge_config
from imagora_qdrant.index import QdrantIndex
from imagora_qdrant.options import QdrantOptions
index = QdrantIndex(QdrantOptions(path=Path(sys.argv[1])), "gallery")
index.open({"image": Identity("pictures", "w1", "as is", 2, "cosine")}, create=True)
print("open", flush=True)
number = 0
while True:
    ids = [str(uuid.UUID(int=number + n + 1)) for n in range(50)]
    index.upsert([Entry(id_, {"image": [1.0, 0.0]}, {"n": number + n}) for n, id_ in enumerate(ids)])
    number += 50
    print(number, flush=True)
"""


def test_a_second_process_is_told_and_a_killed_one_leaves_a_whole_index(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PROCESS, str(tmp_path / "index")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "open\n"
        index = places.embedded(tmp_path / "index")
        for _ in range(20):  # while the other one writes: an attempt that reaches the engine loses the other's vectors
            with pytest.raises(IndexInUse, match="in use by another process"):
                index.open({"image": IMAGE}, create=False)
        while int(process.stdout.readline()) < 500:
            pass
        process.send_signal(signal.SIGKILL)
        written = [int(line) for line in process.stdout.read().split()]
    durable = max(written, default=500)
    index.open({"image": IMAGE}, create=True)
    assert durable <= index.count() <= durable + 50, "all that was said to be written is there, and no more than began"
    request = SearchRequest((LegQuery("image", "image", [1.0, 0.0]),), index.count(), index.count())
    hits = asyncio.run(index.asearch(request))
    assert sorted(hit.payload["n"] for hit in hits) == list(range(index.count())), "none lost its vector or payload"
    index.upsert([Entry(ID, {"image": [0.0, 1.0]}, {"n": "new"})])
    index.close()


def test_fields_are_indexed_when_it_is_opened_for_writing_also_later_and_otherwise(tmp_path: Path) -> None:
    def types(**fields: str) -> dict[str, str]:
        index = places.embedded(tmp_path / "index", fields=fields)
        index.open(BOTH, create=True)
        index.upsert([Entry(ID, {"image": [1.0, 0.0]}, {"n": 3})])
        store = places.store_of(index)
        schema = store._shard.info().payload_schema
        request = SearchRequest((LegQuery("image", "image", [1.0, 0.0]),), 1, 1, filter=Eq("n", 3))
        assert len(asyncio.run(index.asearch(request))) == 1
        index.close()
        return {name: str(info.data_type).rpartition(".")[2] for name, info in schema.items()}

    assert types() == {}
    assert types(n="integer", taken="datetime") == {"n": "Integer", "taken": "Datetime"}
    assert types(n="float") == {"n": "Float", "taken": "Datetime"}
    wanted = dict.fromkeys(("keyword", "integer", "float", "bool", "datetime", "text"))
    assert types(**{name: name for name in wanted}).items() >= {name: name.capitalize() for name in wanted}.items()


@pytest.mark.parametrize("quantization", ["scalar", "binary", "product"])
def test_small_vectors_still_give_exact_raw_scores(tmp_path: Path, quantization: str) -> None:
    options = {"quantization": quantization, "on_disk": True, "hnsw": {"m": 8, "ef_construct": 32, "ef": 64}}
    index = places.embedded(tmp_path / "index", **options)
    index.open(BOTH, create=True)
    index.upsert([Entry(ID, {"image": [0.6, 0.8]}, {})])
    assert one_found(index).scores == pytest.approx({"image": 0.6}, abs=1e-4)
    index.close()


def test_a_graph_is_built_for_many_vectors_and_finds_them(tmp_path: Path) -> None:
    legs = {"image": replace(IMAGE, dimension=256)}
    vectors = np.random.default_rng(1).normal(size=(10_500, 256)).tolist()
    # Few edges are quick to build; with an `ef` as small, one random vector in twelve does not even find itself.
    index = places.embedded(tmp_path / "index", batch=2_000, hnsw={"m": 8, "ef_construct": 32, "ef": 1_000})
    index.open(legs, create=True)
    ids = [f"00000000-0000-0000-0000-{number:012}" for number in range(len(vectors))]
    index.upsert([Entry(id_, {"image": vector}, {}) for id_, vector in zip(ids, vectors, strict=True)])
    store = places.store_of(index)
    assert store._shard.info().indexed_vectors_count >= 10_000
    for number in (0, 5_000, 10_400):
        request = SearchRequest((LegQuery("image", "image", vectors[number]),), 1, 10)
        assert asyncio.run(index.asearch(request))[0].id == ids[number]
    index.close()


def test_a_collection_of_somebody_else_is_refused(tmp_path: Path) -> None:
    index, client = places.local(tmp_path), places.client_of(tmp_path)
    client.create_collection("gallery", vectors_config=models.VectorParams(size=2, distance=models.Distance.COSINE))
    with pytest.raises(UnusableIndex, match="the collection 'gallery' is there and was not made by imagora"):
        index.open(BOTH, create=True)


def test_a_collection_of_another_dimension_than_is_kept_about_it_is_refused(tmp_path: Path) -> None:
    index = places.local(tmp_path)
    index.open(BOTH, create=True)
    client = places.client_of(tmp_path)
    kept = client.get_collection("gallery").config.metadata
    index.close()
    client.delete_collection("gallery")
    size = models.VectorParams(size=3, distance=models.Distance.COSINE)
    client.create_collection(
        "gallery", vectors_config={"image": size, "text": size}, metadata=json.loads(json.dumps(kept))
    )
    with pytest.raises(IdentityMismatch, match=r"takes 3 dimensions on the leg 'image'.*2 dimensions"):
        index.open(BOTH, create=True)


@pytest.mark.parametrize("grpc", [False, True], ids=["http", "grpc"])
def test_a_server_that_does_not_answer_is_said_in_words(grpc: bool) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://user:pass@127.0.0.1:{free.getsockname()[1]}"
    index = QdrantIndex(QdrantOptions(url=url, prefer_grpc=grpc, timeout=2), "gallery")
    with pytest.raises(UnusableIndex, match=r"no Qdrant server answers at 'http://127\.0\.0\.1") as caught:
        index.open(BOTH, create=True)
    assert "pass" not in str(caught.value)


COUNTING = """
import sys
from pathlib import Path
from imagora.stages import Identity
from imagora_qdrant.index import EmbeddedIndex
from imagora_qdrant.options import QdrantOptions
index = EmbeddedIndex(QdrantOptions(path=Path(sys.argv[1])), "counting")
index.open({"image": Identity("pictures", "w1", "as is", 2, "cosine")}, create=False)
print(index.count())
"""


def test_indexes_of_one_process_share_a_folder_and_the_last_one_lets_go_of_it(tmp_path: Path) -> None:
    first, second = (places.embedded(tmp_path / "index") for _ in range(2))
    first.open({"image": IMAGE}, create=True)
    second.open({"image": IMAGE}, create=False)
    first.upsert([Entry(ID, {"image": [1.0, 0.0]}, {"n": 1})])
    request = SearchRequest((LegQuery("image", "image", [1.0, 0.0]),), 1, 1)
    assert [hit.payload["n"] for hit in asyncio.run(second.asearch(request))] == [1]
    first.close()
    with pytest.raises(UnusableIndex, match="is not open"):
        first.count()
    assert second.count() == 1, "it is still open for the other"

    def elsewhere() -> str:
        command = [sys.executable, "-c", COUNTING, str(tmp_path / "index")]
        done = subprocess.run(command, capture_output=True, text=True)
        return done.stdout.strip() or done.stderr

    assert "in use by another process" in elsewhere()
    second.close()
    assert elsewhere() == "1"


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc, which only Linux has")
def test_a_small_index_is_searched_in_the_thread_that_asks_and_a_large_one_by_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def threads() -> set[str]:
        names = {(task / "comm").read_text().strip() for task in Path("/proc/self/task").iterdir()}
        return {name for name in names if name.startswith("edge-search")}

    there = threads()
    for large, many in ((10**12, False), (0, True), (10**12, False)):
        monkeypatch.setattr(edge_config, "_LARGE", large)
        index = places.embedded(tmp_path / "index")
        index.open(BOTH, create=True)
        index.upsert([Entry(ID, {"image": [1.0, 0.0], "text": [0.0, 1.0]}, {})])
        assert one_found(index).id == ID
        assert (len(threads() - there) > 1) == many
        index.close()
