"""Imagora side by side with LlamaIndex, Haystack, txtai, and the same models and index called by hand.

    python -m imagora_benchmarks.peers [--by words] [--items 10000] [--queries 200] [--only imagora,floor]
                                        [--results FOLDER]

One retrieval a query, in words, for ten passages with their texts. What is the same for all: MiniLM's weights from
their package, the captions, k, one thread, no network, no telemetry, a warm-up with half a minute after it, and the
stored vectors. Those are embedded once, by MiniLM on ONNX Runtime, and kept in the cache folder; every side writes them
as documents of its own into its own index. That is fair, since only queries are measured, and each side embeds the
query itself.

Every side runs in a process of its own. Queries come in rounds of 30 that go from side to side, in another order each
time, so that a busy machine is busy for all; the first five of a round are not counted. No query comes twice.

    imagora      a recipe with the starter's text leg (MiniLM on ONNX Runtime) and the embedded Qdrant index,
                 asked by `pipeline.search`
    floor        the same ONNX model, and Qdrant's engine on a copy of the same index, called by hand
    torch        sentence-transformers and a product with all vectors in NumPy: exact, what rankings are held against
    llama-index  VectorStoreIndex over QdrantVectorStore in local mode, HuggingFaceEmbedding
    haystack     a pipeline of SentenceTransformersTextEmbedder and QdrantEmbeddingRetriever in local mode
    txtai        Embeddings with their defaults: transformers, Faiss, contents in SQLite

With `--by pictures` the queries are files of drawn pictures, and the encoder is the starter's for all: Imagora, which
decodes them in a limited process, the floor and an exact search, which do not, and LlamaIndex's
MultiModalVectorStoreIndex. Stored picture vectors are mixtures of real ones; embedding so many would take an hour.

Times are judged in words and from 10,000 items on, rankings always. Exit code 1 where a bound does not hold. The
figures go to `peers-ITEMS.json`, with a table (`.md`) and a plot (`.svg`) beside it.
"""
