"""One cluster for the tests that do not look at how it starts and ends: starting one takes several seconds."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# Workers load what the tests send them by name, from where they look for it when they start.
sys.path.insert(0, str(Path(__file__).parent))
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(Path(__file__).parent), os.environ.get("PYTHONPATH")]))


@pytest.fixture(scope="session")
def cluster() -> Iterator[None]:
    from imagora_ray.cluster import running_cluster
    from imagora_ray.options import RayOptions

    with running_cluster(RayOptions(workers=4)):
        yield
