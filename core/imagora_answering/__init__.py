"""The road of a query: guardrails, retriever, rerankers, prompt, generator, citations, guardrails."""
