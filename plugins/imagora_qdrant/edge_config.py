"""The configuration of an embedded shard."""

from __future__ import annotations

from typing import Any

import qdrant_edge as edge

from .identities import Legs, is_sparse
from .options import QdrantOptions

_DISTANCES = {"cosine": edge.Distance.Cosine, "dot": edge.Distance.Dot}
_FULL_SCAN_KILOBYTES = 10_000
_THREADS = 2


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
