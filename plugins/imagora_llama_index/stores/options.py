"""What a recipe may say about each vector store, checked without importing any."""

from __future__ import annotations

from typing import Literal

from imagora import Options, RecipePath
from pydantic import Field


class StoreOptions(Options):
    """What all have: the folder of the catalogue, and how much is written at a time."""

    path: RecipePath = Field(
        description="the folder of the index; its catalogue is there, and the store, where it is no server"
    )
    batch: int = Field(default=500, ge=1, le=10_000, description="entries written at a time")


class FaissOptions(StoreOptions):
    """FAISS, in memory and in a file for each dense leg."""

    kind: Literal["flat", "hnsw", "ivf"] = Field(
        default="flat",
        description="flat looks at every vector; hnsw follows a graph, ivf looks into the nearest lists: both are "
        "fast, miss some, and are made anew when a fifth of them was removed",
    )
    m: int = Field(default=32, ge=4, le=256, description="edges of each vector in the graph of hnsw")
    ef_construct: int = Field(default=100, ge=4, description="vectors looked at while the graph of hnsw is built")
    ef: int = Field(default=128, ge=1, description="vectors looked at in a search of the graph of hnsw")
    lists: int = Field(
        default=256, ge=1, le=65_536, description="lists of ivf; they are placed once each has 39 vectors"
    )
    probes: int = Field(default=16, ge=1, description="lists of ivf that a search looks into")
