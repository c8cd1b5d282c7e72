"""The contract of indexes, on every vector store that runs here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from imagora.testing import IndexContract

from .places import making


class TestFaiss(IndexContract):
    @pytest.fixture
    def make(self) -> Callable[[Path], Any]:
        return making("faiss")
