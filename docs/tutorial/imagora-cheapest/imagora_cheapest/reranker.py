"""The reranker: a LlamaIndex node postprocessor, like any other."""

from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import NodeWithScore, QueryBundle


class Cheapest(BaseNodePostprocessor):
    """Sorts the first `among` passages by price; those without a price come behind them, the rest stay."""

    field: str
    among: int

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        best, rest = nodes[: self.among], nodes[self.among :]
        return sorted(best, key=lambda passage: passage.metadata.get(self.field, float("inf"))) + rest
