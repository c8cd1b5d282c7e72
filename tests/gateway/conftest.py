"""What the tests of the gateway share: one gateway with a recipe of toys, served for all of them."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from .live import Live, ingested, served


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Run the tests that are marked `anyio` with asyncio, as the gateway runs."""
    return "asyncio"


@pytest.fixture(scope="session")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    folder = tmp_path_factory.mktemp("gateway")
    with served(folder, ingested(folder)) as live:
        yield live


@pytest.fixture
def client(live: Live) -> Iterator[httpx.Client]:
    with live.client() as client:
        yield client
