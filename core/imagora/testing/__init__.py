"""Contracts: the tests that every component of a kind must pass, for plugin authors to inherit.

    class TestMine(imagora.testing.RerankerContract):
        component = "mine"

Each class says in its docstring what you may name or give, and which yes/no capabilities you may set. `golden` holds
the pictures and words that the contracts use, drawn by code; the `toy_` modules hold parts to build yours on.
"""

import pytest

_PARTS = (
    *("built", "cancelling", "command", "component", "corpus", "embedder", "feed", "generator", "golden"),
    *("guardrail", "index", "index_kept", "ledger", "preparer", "reranker", "retriever", "runner", "tracer", "wrapper"),
)
pytest.register_assert_rewrite(*(f"{__name__}.{part}" for part in _PARTS))  # must come before the imports

from .built import on_toys  # noqa: E402
from .command import CommandContract  # noqa: E402
from .component import ComponentContract  # noqa: E402
from .corpus import SourceContract  # noqa: E402
from .embedder import EmbedderContract  # noqa: E402
from .feed import FeedContract  # noqa: E402
from .generator import GeneratorContract  # noqa: E402
from .guardrail import GuardrailContract  # noqa: E402
from .index import IndexContract  # noqa: E402
from .ledger import LedgerContract  # noqa: E402
from .preparer import PreparerContract  # noqa: E402
from .reranker import RerankerContract  # noqa: E402
from .retriever import RetrieverContract  # noqa: E402
from .runner import RunnerContract  # noqa: E402
from .tracer import TracerContract  # noqa: E402
from .wrapper import WrapperContract  # noqa: E402

__all__ = [
    "CommandContract",
    "ComponentContract",
    "EmbedderContract",
    "FeedContract",
    "GeneratorContract",
    "GuardrailContract",
    "IndexContract",
    "LedgerContract",
    "PreparerContract",
    "RerankerContract",
    "RetrieverContract",
    "RunnerContract",
    "SourceContract",
    "TracerContract",
    "WrapperContract",
    "on_toys",
]
