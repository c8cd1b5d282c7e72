"""The vectors of an index and of a suite's queries, in a folder, so that other indexes are filled without a model."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from imagora import Pipeline
from imagora.errors import QueryError
from imagora.stages import Entry, Identity, SparseEmbedder, VectorIndex

from imagora_evals.suite import EvalQuery

from .exact import Matrix, Nearest, Places

PAGE = 1_000


@dataclass(frozen=True)
class Corpus:
    """What lies in the folder; ids: of all items. legs: who made the vectors of each dense leg."""

    folder: Path
    ids: list[str]
    legs: dict[str, Identity]

    def rows(self, leg: str) -> Places:
        """Give the numbers of the items that have a vector on a leg, in the order of their vectors."""
        found: Places = np.load(self.folder / f"{leg}.rows.npy")
        return found

    def vectors(self, leg: str) -> Matrix:
        """Give the vectors of a leg, read from the disk as they are used."""
        found: Matrix = np.load(self.folder / f"{leg}.npy", mmap_mode="r")
        return found

    def queries(self, leg: str) -> Matrix:
        """Give the vectors of the queries that can ask this leg; of a leg of cosines, their directions."""
        found: Matrix = np.load(self.folder / f"{leg}.queries.npy")
        if self.legs[leg].metric == "cosine":
            found /= np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-12)
        return found

    def entries(self) -> Iterator[Entry]:
        """Give every item with its vectors and without its payload."""
        given = {leg: (self.rows(leg), self.vectors(leg)) for leg in self.legs}
        at = dict.fromkeys(self.legs, 0)
        for number, id_ in enumerate(self.ids):
            vectors: dict[str, Any] = {}
            for leg, (rows, matrix) in given.items():
                if at[leg] < len(rows) and rows[at[leg]] == number:
                    vectors[leg] = matrix[at[leg]].tolist()
                    at[leg] += 1
            if vectors:
                yield Entry(id_, vectors, {})

    def least(self, leg: str, count: int) -> list[float]:
        """Give for each query the score of the last of its nearest items, by exact search.

        What scores as much is as near: where several items are equally far, no index can know which of them is meant.
        """
        vectors = self.vectors(leg)
        found = Nearest(self.queries(leg), count)
        for start in range(0, len(vectors), 10 * PAGE):
            found.show(np.asarray(vectors[start : start + 10 * PAGE]))
        least: list[float] = found.scores.min(axis=1).tolist()
        return least


def read(folder: Path) -> Corpus:
    """Read what `keep` has left."""
    said = json.loads((folder / "corpus.json").read_text("utf-8"))
    return Corpus(folder, said["ids"], {leg: Identity(**identity) for leg, identity in said["legs"].items()})


def keep(pipeline: Pipeline, queries: list[EvalQuery], folder: Path) -> Corpus:
    """Write down an open pipeline's vectors and those of queries; QueryError where the index gives none back."""
    index = pipeline.stages.index
    if not isinstance(index, VectorIndex):
        raise QueryError("the recipe's index gives no vectors back, so that there is nothing to compare with")
    folder.mkdir(parents=True, exist_ok=True)
    ids = list(index.ids())
    legs: dict[str, Identity] = {}
    for leg, embedder in pipeline.stages.embedders.items():
        identity = embedder.identity()
        if isinstance(embedder, SparseEmbedder) or not _kept(index, ids, leg, folder, identity.dimension):
            continue
        asked = _queries(pipeline, leg, embedder, queries)
        if asked:
            legs[leg] = identity
            np.save(folder / f"{leg}.queries.npy", np.asarray(asked, dtype=np.float32))
    if not legs:
        raise QueryError("no query of the suite asks a leg that has vectors, so that there is nothing to measure")
    said = {"ids": ids, "legs": {leg: asdict(identity) for leg, identity in legs.items()}}
    (folder / "corpus.json").write_text(json.dumps(said), "utf-8")
    return Corpus(folder, ids, legs)


def _kept(index: VectorIndex, ids: list[str], leg: str, folder: Path, dimension: int) -> int:
    """Write the vectors of a leg, a page at a time, and give how many there are."""
    file, rows, count = folder / f"{leg}.raw", [], 0
    with file.open("wb") as stream:
        for start in range(0, len(ids), PAGE):
            page = ids[start : start + PAGE]
            there = index.vectors(page, leg)
            for number, id_ in enumerate(page, start=start):
                if id_ in there:
                    rows.append(number)
                    stream.write(np.asarray(there[id_], dtype=np.float32).tobytes())
                    count += 1
    if count:
        raw = np.memmap(file, dtype=np.float32, mode="r", shape=(count, dimension))
        np.save(folder / f"{leg}.npy", raw)
        np.save(folder / f"{leg}.rows.npy", np.asarray(rows, dtype=np.int64))
    file.unlink()
    return count


def _queries(pipeline: Pipeline, leg: str, embedder: Any, queries: list[EvalQuery]) -> list[list[float]]:
    found = [embedder.get_query_embedding(query.text) for query in queries if query.text.strip()]
    for query in (one for one in queries if one.pictures and leg == "image"):
        # As with any query, pictures are decoded within the recipe's limits, in a process of their own.
        decoded = asyncio.run(pipeline.query(pictures=list(query.pictures))).pictures
        found += [embedder.get_image_embedding(BytesIO(picture.png)) for picture in decoded]
    return found
