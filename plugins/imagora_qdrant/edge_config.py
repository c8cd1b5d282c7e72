"""The configuration of an embedded shard."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import qdrant_edge as edge

from .disk_room import taken
from .durable import write_durably
from .identities import Legs, is_sparse
from .options import QdrantOptions

_DISTANCES = {"cosine": edge.Distance.Cosine, "dot": edge.Distance.Dot}
_FULL_SCAN_KILOBYTES = 10_000
_LARGE = 500_000_000
"""Bytes; some 200,000 items with vectors of 384 numbers on one leg."""
_SEARCH_THREADS = "max_search_threads"


def config_of(legs: Legs, options: QdrantOptions) -> edge.EdgeConfig:
    """Give a dense vector for each dense leg, and a sparse one with IDF for each sparse leg."""
    memory = edge.Memory.Cold if options.on_disk else None
    return edge.EdgeConfig(
        vectors={
            leg: edge.EdgeVectorParams(identity.dimension, _DISTANCES[identity.metric], memory=memory)
            for leg, identity in legs.items()
            if not is_sparse(identity)
        },
        sparse_vectors={
            leg: edge.EdgeSparseVectorParams(modifier=edge.Modifier.Idf, memory=memory)
            for leg, identity in legs.items()
            if is_sparse(identity)
        },
        hnsw_config=edge.HnswIndexConfig(options.hnsw.m, options.hnsw.ef_construct, _FULL_SCAN_KILOBYTES),
        quantization_config=_quantization(options),
    )


def fit_search_threads(engine: Path) -> None:
    """Let an index that is not large be searched in the thread that asks, and a large one in the engine's own threads.

    While the engine searches it holds Python's lock, so that all wait when it waits for a thread of its own to get a
    core. Where a search takes a millisecond, that is most of the time of a busy machine. Nothing but its file of
    options says how many threads there are; the engine has read it once it is open.
    """
    file = engine / "edge_config.json"
    threads = 1 if taken(engine) < _LARGE else None
    with suppress(OSError, ValueError):  # the engine will say what is wrong
        options = json.loads(file.read_text("utf-8"))
        if options.get(_SEARCH_THREADS) != threads:
            write_durably(new := file.with_suffix(".new"), json.dumps({**options, _SEARCH_THREADS: threads}))
            new.replace(file)


def _quantization(options: QdrantOptions) -> Any:
    match options.quantization:
        case "scalar":
            return edge.ScalarQuantizationConfig(edge.ScalarType.Int8, memory=edge.Memory.Pinned)
        case "binary":
            return edge.BinaryQuantizationConfig(memory=edge.Memory.Pinned)
        case "product":
            return edge.ProductQuantizationConfig(edge.CompressionRatio.X16, memory=edge.Memory.Pinned)
        case "none":
            return None
