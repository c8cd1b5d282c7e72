"""Host batching: concurrent calls of one embedder or reranker, gathered into one call of its model."""
