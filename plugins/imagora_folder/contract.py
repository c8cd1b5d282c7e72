"""What `imagora plugin test folder` runs: the source over a folder with a picture, words and a manifest."""

from pathlib import Path

import pytest
from imagora import BuildContext
from imagora.stages import Source
from imagora.testing import SourceContract


class TestFolder(SourceContract):
    """A picture with words beside it, one out of a manifest, and one that is not there."""

    component = "folder"

    @pytest.fixture
    def stage(self, context: BuildContext, tmp_path: Path) -> Source:
        (tmp_path / "tom.jpg").write_bytes(b"\xff\xd8")
        (tmp_path / "tom.txt").write_text("a grey cat")
        (tmp_path / "sofa.png").write_bytes(b"\x89PNG")
        (tmp_path / "manifest.csv").write_text("picture,title,price\nsofa.png,A sofa,120\nbed.png,A bed,300\n")
        stage: Source = self.built(context, path=tmp_path)
        return stage
