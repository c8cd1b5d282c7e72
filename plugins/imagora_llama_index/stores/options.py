"""What a recipe may say about each vector store, checked without importing any."""

from __future__ import annotations

from typing import Annotated, Literal

from imagora import Costs, Options, RecipePath
from pydantic import Field, SecretStr


class StoreOptions(Options):
    """What all have: the folder of the catalogue, and how much is written at a time."""

    path: RecipePath = Field(
        description="the folder of the index; its catalogue is there, and the store, where it is no server"
    )
    fields: Annotated[dict[str, Literal["keyword", "integer", "float", "bool"]], Costs("online")] = Field(
        default_factory=dict,
        description="metadata fields that people filter by, and their types, such as {price: float}: a page offers "
        "them; the catalogue can filter on every field, named here or not",
    )
    batch: Annotated[int, Costs("later")] = Field(default=500, ge=1, le=10_000, description="entries written at a time")


class FaissOptions(StoreOptions):
    """FAISS, in memory and in a file for each dense leg."""

    kind: Annotated[Literal["flat", "hnsw", "ivf"], Costs("ingest")] = Field(
        default="flat",
        description="flat looks at every vector; hnsw follows a graph, ivf looks into the nearest lists: both are "
        "fast, miss some, and are made anew when a fifth of them was removed",
    )
    m: Annotated[int, Costs("ingest")] = Field(
        default=32, ge=4, le=256, description="edges of each vector in the graph of hnsw"
    )
    ef_construct: Annotated[int, Costs("ingest")] = Field(
        default=100, ge=4, description="vectors looked at while the graph of hnsw is built"
    )
    ef: Annotated[int, Costs("online")] = Field(
        default=128, ge=1, description="vectors looked at in a search of the graph of hnsw"
    )
    lists: Annotated[int, Costs("ingest")] = Field(
        default=256, ge=1, le=65_536, description="lists of ivf; they are placed once each has 39 vectors"
    )
    probes: Annotated[int, Costs("online")] = Field(
        default=16, ge=1, description="lists of ivf that a search looks into"
    )


class PlacedOptions(StoreOptions):
    """Where a store is that is in the index's folder, or on a server."""

    url: str | None = Field(
        default=None,
        pattern=r"^https?://[^\s?#]+$",
        description="the address of a server; left out: the store is in the folder, inside this process",
    )
    api_key: Annotated[SecretStr | None, Costs("online")] = Field(
        default=None, description="the server's key or token; take it from the environment: ${NAME}"
    )
    collection: str = Field(
        default="imagora",
        pattern=r"^[A-Za-z][A-Za-z0-9_]{2,40}$",
        description="the beginning of the collections' names; each leg has one, such as imagora_image",
    )


class ChromaOptions(PlacedOptions):
    """Chroma, in a folder or on a server."""

    m: int = Field(default=32, ge=4, le=256, description="edges of each vector in the graph")
    ef: int = Field(default=128, ge=1, description="vectors looked at in a search of the graph")


class MilvusOptions(PlacedOptions):
    """Milvus, in a file or on a server."""

    kind: Literal["flat", "autoindex"] = Field(
        default="flat", description="flat looks at every vector; autoindex is a server's own choice of a graph"
    )


class LanceOptions(StoreOptions):
    """LanceDB, in a folder."""


class PineconeOptions(StoreOptions):
    """Pinecone, a service."""

    api_key: Annotated[SecretStr, Costs("online")] = Field(
        description='the key of the service; take it from "${PINECONE_API_KEY}"'
    )
    url: str | None = Field(
        default=None, pattern=r"^https?://[^\s?#]+$", description="another address of the service than its own"
    )
    collection: str = Field(
        default="imagora",
        pattern=r"^[a-z][a-z0-9-]{2,30}$",
        description="the beginning of the indexes' names; each leg has one, such as imagora-image",
    )
    cloud: Literal["aws", "gcp", "azure"] = Field(default="aws", description="where an index is made")
    region: str = Field(default="us-east-1", min_length=1, description="the cloud's region where an index is made")


class PgVectorOptions(StoreOptions):
    """PostgreSQL with the extension vector."""

    url: SecretStr = Field(
        description='the address of the database, postgresql://user:password@host/database; take it from "${NAME}"'
    )
    collection: str = Field(
        default="imagora",
        pattern=r"^[a-z][a-z0-9_]{2,40}$",
        description="the beginning of the tables' names; each leg has one, such as data_imagora_image",
    )
    kind: Literal["flat", "hnsw"] = Field(
        default="flat", description="flat looks at every vector; hnsw follows a graph, which is fast and misses some"
    )
    m: int = Field(default=16, ge=4, le=100, description="edges of each vector in the graph of hnsw")
    ef_construct: int = Field(default=64, ge=8, le=1_000, description="vectors looked at while the graph is built")
    ef: int = Field(default=128, ge=1, le=1_000, description="vectors looked at in a search of the graph")


class WeaviateOptions(StoreOptions):
    """Weaviate, on a server."""

    url: str = Field(pattern=r"^https?://[^\s@?#]+$", description="the address of the server, with its port for HTTP")
    grpc_port: int = Field(default=50051, ge=1, le=65_535, description="the server's port for gRPC")
    grpc_host: str | None = Field(default=None, description="the host for gRPC, where it is another one")
    api_key: Annotated[SecretStr | None, Costs("online")] = Field(
        default=None, description='the key of the server; take it from "${WEAVIATE_API_KEY}"'
    )
    collection: str = Field(
        default="Imagora",
        pattern=r"^[A-Za-z][A-Za-z0-9_]{2,40}$",
        description="the beginning of the collections' names; each leg has one, such as Imagora_image",
    )
