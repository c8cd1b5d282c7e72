"""Contracts: the tests that every component of a kind must pass, for plugin authors to inherit.

    class TestMine(imagora.testing.RerankerContract):
        @pytest.fixture
        def stage(self): return build(...)

Each class says in its docstring which fixtures you give and which yes/no capabilities you may set.
"""

import pytest

_PARTS = ("answering", "component", "corpus", "embedder", "feed", "finding", "golden", "index", "ledger", "preparer")
pytest.register_assert_rewrite(*(f"{__name__}.{part}" for part in _PARTS))  # must come before the imports

from .answering import GeneratorContract, GuardrailContract, WrapperContract  # noqa: E402
from .component import ComponentContract  # noqa: E402
from .corpus import SourceContract  # noqa: E402
from .embedder import EmbedderContract  # noqa: E402
from .feed import FeedContract  # noqa: E402
from .finding import RerankerContract, RetrieverContract  # noqa: E402
from .index import IndexContract  # noqa: E402
from .ledger import LedgerContract  # noqa: E402
from .preparer import PreparerContract  # noqa: E402

__all__ = [
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
    "SourceContract",
    "WrapperContract",
]
