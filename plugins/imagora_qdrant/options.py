"""What a recipe can say about a Qdrant index and about BM25."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from imagora import Costs, Options, RecipePath
from pydantic import Field, SecretStr, model_validator

FieldType: TypeAlias = Literal["keyword", "integer", "float", "bool", "datetime", "text"]
Language: TypeAlias = Literal[
    "arabic", "danish", "dutch", "english", "finnish", "french", "german", "greek", "hungarian", "italian", "norwegian",
    "portuguese", "romanian", "russian", "spanish", "swedish", "turkish", "none",
]  # fmt: skip
_SERVER_ONLY = ("api_key", "collection", "shard_number", "replication_factor", "write_consistency_factor", "timeout")


class HnswOptions(Options):
    """The graph that finds near vectors without looking at all of them."""

    m: int = Field(
        default=16, ge=4, le=256, description="edges of each vector in the graph; more is more exact, more memory"
    )
    ef_construct: int = Field(default=100, ge=4, description="vectors looked at for each edge while the graph is built")
    ef: Annotated[int | None, Costs("online")] = Field(
        default=None, ge=1, description="vectors looked at in a search; not given: as `ef_construct`"
    )


class QdrantOptions(Options):
    """One collection of picture, text and sparse vectors, in a folder of this machine or on a Qdrant server."""

    path: RecipePath | None = Field(
        default=None,
        description="the folder of an index that runs inside this process; one process at a time can use it",
    )
    url: str | None = Field(
        default=None,
        min_length=1,
        description="the address of a Qdrant server or cluster, such as http://localhost:6333",
    )
    api_key: Annotated[SecretStr | None, Costs("online")] = Field(
        default=None, description="the server's API key; take it from the environment: ${NAME}"
    )
    collection: str = Field(
        default="imagora", min_length=1, max_length=255, description="the collection's name on the server"
    )
    fields: Annotated[dict[str, FieldType], Costs("ingest")] = Field(
        default_factory=dict,
        description="metadata fields that queries filter on, and their types, such as {price: float}; they are indexed "
        "at ingestion, and a filter on any other field looks at every item; a filter on a `text` field asks for all of "
        "the words, on any other type for the very value",
    )
    batch: Annotated[int, Costs("later")] = Field(default=500, ge=1, le=10_000, description="entries written at a time")
    hnsw: HnswOptions = Field(default_factory=HnswOptions, description="the graph that finds near vectors")
    quantization: Literal["none", "scalar", "binary", "product"] = Field(
        default="none",
        description="how vectors are kept small in memory: scalar 4, product 16 and binary 32 times smaller",
    )
    oversampling: Annotated[float | None, Costs("online")] = Field(
        default=None,
        ge=1,
        le=100,
        description="with quantization: so many times the hits are found by the small vectors, and put in order by the "
        "whole ones; not given: as many as are wanted",
    )
    rescore: Annotated[bool | None, Costs("online")] = Field(
        default=None,
        description="with quantization: whether the whole vectors put in order what the small ones found; not given: "
        "the engine decides",
    )
    on_disk: bool = Field(
        default=False, description="keep the vectors on the disk and read them from there: slow, little memory"
    )
    shard_number: int | None = Field(
        default=None, ge=1, description="shards of the collection; not given: the server decides"
    )
    replication_factor: int | None = Field(default=None, ge=1, description="copies of each shard in a cluster")
    write_consistency_factor: int | None = Field(
        default=None, ge=1, description="copies that must have a write before it is called done"
    )
    timeout: Annotated[int, Costs("online")] = Field(default=30, ge=1, description="seconds to wait for the server")
    prefer_grpc: Annotated[bool, Costs("online")] = Field(
        default=False, description="speak gRPC (port 6334) to the server instead of HTTP"
    )

    @model_validator(mode="after")
    def _one_place(self) -> QdrantOptions:
        if (self.path is None) == (self.url is None):
            said = "neither is given" if self.path is None else "both are given"
            raise ValueError(
                f"an index is at a 'path' (a folder of this machine) or at a 'url' (a Qdrant server), and {said}; "
                "say one, such as path: ./index"
            )
        for name in (*_SERVER_ONLY, "prefer_grpc"):
            if self.path is not None and name in self.model_fields_set:
                raise ValueError(
                    f"'{name}' is for a server, and this index is in a folder; take it out, or give a 'url'"
                )
        return self


class Bm25Options(Options):
    """How texts become term weights; documents and queries must have the same."""

    language: Language = Field(
        default="english",
        description="whose stop words are left out and whose word endings are cut; none for any language",
    )
    stemmer: bool = Field(default=True, description="cut word endings, so that 'photos' finds 'photo'")
    fold_accents: bool = Field(default=False, description="read 'café' as 'cafe'")
    k: float = Field(default=1.2, ge=0, description="how much a word's repetition counts, 0 for not at all")
    b: float = Field(default=0.75, ge=0, le=1, description="how much a text's length counts, from 0 to 1")
    avg_len: float = Field(default=40, gt=0, description="words in a usual text of this corpus, stop words left out")
