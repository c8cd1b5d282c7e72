"""From a planned component with `isolate: process` to the stage that stands for it here."""

from __future__ import annotations

from typing import Any

from imagora.errors import StageError

from imagora_isolation.planning import Isolation

from . import proxies
from .process import Process

_OF_A_KIND: dict[str, type[Any]] = {
    "reranker": proxies.IsolatedReranker,
    "retriever": proxies.IsolatedRetriever,
    "guardrail": proxies.IsolatedGuardrail,
}


def build_isolated(isolation: Isolation) -> Any:
    """Start the component's process, which builds it, and give its stand-in; raise what its build function raises."""
    process = Process(isolation)
    about = process.ready()
    can, facts = set(about["can"]), about["facts"]
    if isolation.kind == "embedder":
        if "SparseEmbedder" in about["fits"]:
            return proxies.IsolatedSparse(process)
        return (proxies.IsolatedPicture if "PictureEmbedder" in about["fits"] else proxies.IsolatedText)(process)
    if isolation.kind == "generator":
        return (proxies.IsolatedStream if "astream_chat" in can else proxies.IsolatedGenerator)(process, facts)
    if isolation.kind == "preparer":
        return proxies.IsolatedPreparer(process, facts)
    if isolation.kind not in _OF_A_KIND:
        raise StageError(f"a component of the kind {isolation.kind} cannot be in another process")
    return _OF_A_KIND[isolation.kind](process)
