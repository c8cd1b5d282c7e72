"""What `imagora plugin test pdf` runs: the source over a file of two pages."""

from pathlib import Path

import pytest
from imagora import BuildContext
from imagora.stages import Source
from imagora.testing import SourceContract
from imagora.testing.golden import draw


class TestPdf(SourceContract):
    """Two pages with a drawing each."""

    component = "pdf"

    @pytest.fixture
    def stage(self, context: BuildContext, tmp_path: Path) -> Source:
        draw("red circle").save(tmp_path / "two.pdf", save_all=True, append_images=[draw("green square")])
        stage: Source = self.built(context, path=tmp_path / "two.pdf")
        return stage
