"""The demo's gallery, ingested once for all tests that ask it."""

from pathlib import Path

import imagora
import pytest
from imagora_demo.catalogue import read_catalogue
from imagora_demo.gallery import Gallery, find_photographs, lay_out


@pytest.fixture(scope="session")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recipe file of an ingested gallery: 18 photographs, 6 of them without a word."""
    made = Gallery(tmp_path_factory.mktemp("gallery"))
    lay_out(made, read_catalogue(), find_photographs(), "starter")
    with imagora.load(made.recipe) as pipeline:
        report = pipeline.ingest()
    assert not report.quarantined, report.quarantined
    return made.recipe


def photographs() -> list[Path]:
    """The photographs in scikit-image's wheel, and the drawings and diagrams among them."""
    endings = {".png", ".jpg", ".jpeg", ".gif"}
    return sorted(file for file in find_photographs().iterdir() if file.suffix in endings)
