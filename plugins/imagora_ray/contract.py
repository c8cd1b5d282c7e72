"""What `imagora plugin test ray` runs: the engine on a Ray cluster that it starts."""

import os

import pytest
from imagora.testing import RunnerContract


@pytest.mark.skipif("IMAGORA_RAY" not in os.environ, reason="starts a Ray cluster: set IMAGORA_RAY=1")
class TestRay(RunnerContract):
    """Two workers."""

    component = "ray"
