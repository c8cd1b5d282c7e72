"""The postprocessors of LlamaIndex that a recipe may name, each by a name of its own.

Left out: those that want a document store, and those that change what they are given (PII, recency of access).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from imagora import Options
from pydantic import SecretStr

from .reranker_options import (
    CutoffOptions,
    HostedRerankOptions,
    ModelRerankOptions,
    PlacedRerankOptions,
    ReorderOptions,
    ReplacementOptions,
)

CORE = "llama_index.core.postprocessor"


@dataclass(frozen=True)
class KnownReranker:
    """A postprocessor: its class in `module`, and what it calls each of our options.

    more: arguments that are always given. reads_words, reads_scores: passages without them are not given to it.
    rewrites: passages that have the metadata key that the options name get another text.
    """

    name: str
    summary: str
    options: type[Options]
    module: str
    class_: str
    takes: Mapping[str, str]
    more: tuple[tuple[str, Any], ...] = ()
    reads_words: bool = False
    reads_scores: bool = False
    rewrites: bool = False

    @property
    def extra(self) -> str | None:
        """The extra of Imagora that brings it, None for what comes with LlamaIndex itself."""
        return None if self.module.startswith(CORE) else self.name.replace("_", "-")

    def made(self, options: Options, build: Callable[[Any], Any]) -> Any:
        """Make LlamaIndex's own; build: makes a component within the options."""
        arguments: dict[str, Any] = dict(self.more)
        for ours, theirs in self.takes.items():
            value = getattr(options, ours)
            if ours == "generator":
                value = build(value)
            if value is not None:
                arguments[theirs] = value.get_secret_value() if isinstance(value, SecretStr) else value
        return getattr(import_module(self.module), self.class_)(**arguments)


HOSTED = {"model": "model", "api_key": "api_key", "keep": "top_n"}
ASKED = {"generator": "llm", "keep": "top_n"}
KNOWN_RERANKERS = {
    known.name: known
    for known in (
        KnownReranker(
            "similarity_cutoff",
            "leaves out passages whose score is too low",
            CutoffOptions,
            CORE,
            "SimilarityPostprocessor",
            {"cutoff": "similarity_cutoff"},
            reads_scores=True,
        ),
        KnownReranker(
            "long_context_reorder",
            "puts the best passages first and last, where models read best",
            ReorderOptions,
            CORE,
            "LongContextReorder",
            {},
            reads_scores=True,
        ),
        KnownReranker(
            "metadata_replacement",
            "reads a metadata key, such as a wider window, instead of a passage's text",
            ReplacementOptions,
            CORE,
            "MetadataReplacementPostProcessor",
            {"key": "target_metadata_key"},
            rewrites=True,
        ),
        KnownReranker(
            "llm_rerank",
            "asks a model how well each passage fits",
            ModelRerankOptions,
            CORE,
            "LLMRerank",
            ASKED,
            reads_words=True,
        ),
        KnownReranker(
            "rank_gpt",
            "asks a model for the order of all passages",
            ModelRerankOptions,
            f"{CORE}.rankGPT_rerank",
            "RankGPTRerank",
            ASKED,
            reads_words=True,
        ),
        KnownReranker(
            "cohere_rerank",
            "asks Cohere how well each passage fits",
            PlacedRerankOptions,
            "llama_index.postprocessor.cohere_rerank",
            "CohereRerank",
            {**HOSTED, "url": "base_url"},
            reads_words=True,
        ),
        KnownReranker(
            "jina_rerank",
            "asks Jina AI how well each passage fits",
            PlacedRerankOptions,
            "llama_index.postprocessor.jinaai_rerank",
            "JinaRerank",
            {**HOSTED, "url": "base_url"},
            reads_words=True,
        ),
        KnownReranker(
            "voyage_rerank",
            "asks Voyage AI how well each passage fits",
            HostedRerankOptions,
            "llama_index.postprocessor.voyageai_rerank",
            "VoyageAIRerank",
            HOSTED,
            reads_words=True,
        ),
    )
}
