"""The configuration of a collection on a server."""

from __future__ import annotations

from imagora.errors import IdentityMismatch
from qdrant_client import models

from .identities import Legs, is_sparse
from .options import QdrantOptions

_DISTANCES = {"cosine": models.Distance.COSINE, "dot": models.Distance.DOT}


def dense_config(legs: Legs, options: QdrantOptions) -> dict[str, models.VectorParams]:
    """Give a named vector for each dense leg."""
    return {
        leg: models.VectorParams(
            size=identity.dimension, distance=_DISTANCES[identity.metric], on_disk=options.on_disk or None
        )
        for leg, identity in legs.items()
        if not is_sparse(identity)
    }


def sparse_config(legs: Legs, options: QdrantOptions) -> dict[str, models.SparseVectorParams]:
    """Give a sparse vector with IDF for each sparse leg."""
    params = models.SparseVectorParams(
        index=models.SparseIndexParams(on_disk=options.on_disk or None), modifier=models.Modifier.IDF
    )
    return {leg: params for leg, identity in legs.items() if is_sparse(identity)}


def quantization_of(options: QdrantOptions) -> models.QuantizationConfig | None:
    """Give the quantization of all dense vectors."""
    match options.quantization:
        case "scalar":
            scalar = models.ScalarQuantizationConfig(type=models.ScalarType.INT8, always_ram=True)
            return models.ScalarQuantization(scalar=scalar)
        case "binary":
            return models.BinaryQuantization(binary=models.BinaryQuantizationConfig(always_ram=True))
        case "product":
            product = models.ProductQuantizationConfig(compression=models.CompressionRatio.X16, always_ram=True)
            return models.ProductQuantization(product=product)
        case "none":
            return None


def check_dimensions(params: models.CollectionParams, legs: Legs, place: str) -> None:
    """Compare what the collection says of itself with what is kept about it; others may have made it anew."""
    vectors = params.vectors if isinstance(params.vectors, dict) else {}
    for leg, identity in legs.items():
        if is_sparse(identity):
            continue
        size = vectors[leg].size if leg in vectors else 0
        if size != identity.dimension:
            raise IdentityMismatch(
                f"the collection at '{place}' takes {size} dimensions on the leg '{leg}', and its vectors are said to "
                f"be of {identity}; name another collection, or delete this one, and ingest anew"
            )
