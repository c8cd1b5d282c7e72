"""FAISS: an index in memory, read from a file of its own and written to it whole."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import faiss
import numpy as np
from llama_index.vector_stores.faiss import FaissVectorStore
from numpy.typing import NDArray

from .neighbours import Neighbours
from .vectors import Matrix

_VECTORS_A_LIST = 39  # fewer, and FAISS warns that the lists are badly placed


class NumberedFaiss(FaissVectorStore):
    """LlamaIndex's store over a FAISS index with numbers of our own.

    LlamaIndex's own FaissMapVectorStore (0.7) takes how many vectors there are for the next one's number, so that after
    a removal two vectors have the same one.
    """

    def __init__(self, faiss_index: Any) -> None:
        super().__init__(faiss_index=faiss_index)

    def add(self, nodes: Any, **_more: Any) -> list[str]:
        """Add nodes, whose ids are numbers."""
        numbers = np.array([int(node.id_) for node in nodes], dtype=np.int64)
        self.client.add_with_ids(np.array([node.get_embedding() for node in nodes], dtype=np.float32), numbers)
        return [node.id_ for node in nodes]

    def delete_nodes(self, node_ids: Any = None, filters: Any = None, **_more: Any) -> None:
        """Remove nodes by their numbers."""
        self.client.remove_ids(np.array([int(id_) for id_ in node_ids], dtype=np.int64))


class FaissFile(Neighbours):
    """One FAISS index in a file.

    The file is only ever whole: it is written beside its place, and moved there when it is on the disk. What came after
    it is in the catalogue, and told again. Lists (`ivf`) are placed once there are enough vectors. Graphs (`hnsw`) and
    lists do not forget (lists could, but not with numbers of our own around them: IndexIDMap2 would mix them up). What
    is removed stays there and is left out of what is found, until it is a fifth of all; then all is made anew.
    """

    keeps: ClassVar[bool] = False

    changed: int = 0
    _removed: int = 0

    def count(self) -> int:
        return int(self.store.client.ntotal) - self._removed

    def fits(self, numbers: NDArray[np.int64], *, certain: bool) -> bool:
        held = faiss.vector_to_array(self.store.client.id_map)
        self._removed = len(held) - len(np.intersect1d(held, numbers))
        return bool(np.isin(numbers, held).all())

    def add(self, numbers: Sequence[int], vectors: Matrix) -> None:
        super().add(numbers, vectors)
        self.changed += len(numbers)

    def remove(self, numbers: Sequence[int]) -> None:
        self.changed += len(numbers)
        if not isinstance(self._inner(self.store.client), faiss.IndexFlat):
            self._removed += int(np.isin(faiss.vector_to_array(self.store.client.id_map), numbers).sum())
        else:
            super().remove(numbers)

    def clear(self) -> None:
        self._store, self._removed = NumberedFaiss(faiss_index=self._fresh()), 0

    def save(self) -> None:
        """Write the file beside its place and move it there, so that it is whole or the one before."""
        if not self.changed:
            return
        new = self._file.with_suffix(".new")
        self.store.persist(str(new))
        for path, flags in ((new, os.O_RDWR), (self.folder, os.O_RDONLY)):
            if path == self.folder:
                new.replace(self._file)
            if path == new or os.name == "posix":  # Windows opens no folder
                handle = os.open(path, flags)
                try:
                    os.fsync(handle)
                finally:
                    os.close(handle)
        self.changed = 0

    def due(self) -> bool:
        inner = self._inner(self.store.client)
        if self.options.kind == "ivf" and isinstance(inner, faiss.IndexFlat):
            return bool(inner.ntotal >= _VECTORS_A_LIST * self.options.lists)
        return bool(self._removed * 5 > max(100, inner.ntotal))

    @property
    def _file(self) -> Path:
        return self.folder / f"{self.leg}.faiss"

    def _opened(self) -> Any:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.changed = 0
        try:
            read = faiss.read_index(str(self._file)) if self._file.exists() else self._fresh()
        except RuntimeError:  # what it held is in the catalogue
            read = self._fresh()
        if not (isinstance(read, faiss.IndexIDMap2) and read.d == self.identity.dimension and self._is_of_kind(read)):
            read = self._fresh()
        self._tune(self._inner(read))
        return NumberedFaiss(faiss_index=read)

    def _fresh(self) -> Any:
        """Make an index with nothing in it; lists are placed by the vectors that are there until now."""
        o, size = self.options, self.identity.dimension
        inner: Any = faiss.IndexFlatIP(size)
        if o.kind == "hnsw":
            inner = faiss.IndexHNSWFlat(size, o.m, faiss.METRIC_INNER_PRODUCT)
            inner.hnsw.efConstruction = o.ef_construct
        elif o.kind == "ivf" and self._store is not None and self.due():
            before = self._inner(self.store.client)
            if isinstance(before, faiss.IndexIVF):
                inner = faiss.clone_index(before)  # the one before goes with what is around it
                inner.reset()
            else:
                inner = faiss.IndexIVFFlat(inner, size, o.lists, faiss.METRIC_INNER_PRODUCT)
                inner.train(before.reconstruct_n(0, before.ntotal))
        self._tune(inner)
        return faiss.IndexIDMap2(inner)

    def _tune(self, inner: Any) -> None:
        if isinstance(inner, faiss.IndexHNSW):
            inner.hnsw.efSearch = self.options.ef
        elif isinstance(inner, faiss.IndexIVF):
            inner.nprobe = self.options.probes

    def _is_of_kind(self, read: Any) -> bool:
        inner = self._inner(read)
        match self.options.kind:
            case "hnsw":
                return isinstance(inner, faiss.IndexHNSW)
            case "ivf":
                flat = isinstance(inner, faiss.IndexFlat)
                return flat or (isinstance(inner, faiss.IndexIVF) and inner.nlist == self.options.lists)
            case _:
                return isinstance(inner, faiss.IndexFlat)

    def _inner(self, index: Any) -> Any:
        return faiss.downcast_index(index.index)
