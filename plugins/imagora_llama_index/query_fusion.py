"""The retriever `query_fusion`: a question asked in several wordings, by LlamaIndex's QueryFusionRetriever."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import replace
from typing import Any

from imagora import BuildContext, Query
from llama_index.core.async_utils import asyncio_run
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.retrievers import QueryFusionRetriever
from llama_index.core.retrievers.fusion_retriever import FUSION_MODES
from llama_index.core.schema import NodeWithScore, QueryBundle

from .query_options import QueryFusionOptions


def query_fusion(options: QueryFusionOptions, context: BuildContext) -> Any:
    """Make the retriever; its parts are built as a recipe's own are."""
    inner, model = context.build(options.of), context.build(options.generator)
    asked: ContextVar[Query] = ContextVar("imagora_asked")

    class Worded(BaseRetriever):
        """Asks with another wording and all else of the query: LlamaIndex would drop its filter and its pictures."""

        async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
            query = asked.get()
            found: list[NodeWithScore] = await inner.aretrieve(replace(query, query_str=query_bundle.query_str))
            return found

        def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
            raise TypeError("this retriever is asynchronous; await aretrieve()")

    class QueryFusion(BaseRetriever):
        """Fuses what several wordings find; a query without words is asked as it is."""

        async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
            query = query_bundle if isinstance(query_bundle, Query) else Query(query_bundle.query_str)
            if not query.query_str.strip():
                return list(await inner.aretrieve(query))
            asked.set(query)
            fusing = QueryFusionRetriever(
                [Worded()],
                llm=model,
                mode=FUSION_MODES(options.mode),
                similarity_top_k=query.top_k or options.top_k,
                num_queries=options.queries,
            )
            return list(await fusing.aretrieve(QueryBundle(query.query_str)))

        def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
            return list(asyncio_run(self._aretrieve(query_bundle)))

    return QueryFusion()
