"""What `imagora plugin test table` runs: the source over a CSV file."""

from pathlib import Path

import pytest
from imagora import BuildContext
from imagora.stages import Source
from imagora.testing import SourceContract


class TestTable(SourceContract):
    """Rows with and without a picture, and one without a name."""

    component = "table"

    @pytest.fixture
    def stage(self, context: BuildContext, tmp_path: Path) -> Source:
        (tmp_path / "a.png").write_bytes(b"\x89PNG")
        (tmp_path / "t.csv").write_text("id,picture,title,price\n1,a.png,A,3\n2,,B,4\n,,no name,5\n4,x,y\n")
        stage: Source = self.built(context, path=tmp_path / "t.csv")
        return stage
