"""`table` keeps the contracts of components and of sources."""

from pathlib import Path

import pytest
from imagora.testing import ComponentContract, SourceContract
from imagora_table.options import TableOptions
from imagora_table.source import TableSource


class TestTableComponent(ComponentContract):
    plugin = "imagora_table"


CSV = "id,picture,title,price\n1,a.png,A,3\n2,,B,4\n,,no name,5\n1,,again,6\n3,b.png,not there,7\n4,x,y\n"
JSON = '{"id": "1", "picture": "a.png"}\n{"id": "2", "text": "words", "price": 3.5, "sold": true}\n\n[1]\n{"id": "3"}\n'


@pytest.mark.parametrize(("name", "content"), [("t.csv", CSV), ("t.jsonl", JSON)])
class TestTableSource(SourceContract):
    @pytest.fixture
    def stage(self, tmp_path: Path, name: str, content: str) -> TableSource:
        (tmp_path / "a.png").write_bytes(b"\x89PNG")
        (tmp_path / name).write_text(content)
        return TableSource(TableOptions(path=tmp_path / name))


class TestParquetSource(SourceContract):
    @pytest.fixture
    def stage(self, tmp_path: Path) -> TableSource:
        pa = pytest.importorskip("pyarrow", reason="Parquet needs pyarrow")
        pq = pytest.importorskip("pyarrow.parquet", reason="Parquet needs pyarrow")
        rows = [{"id": "1", "title": "A", "price": 3.0}, {"id": "2", "title": "B"}, {"id": None, "title": "C"}]
        pq.write_table(pa.Table.from_pylist(rows), tmp_path / "t.parquet")
        return TableSource(TableOptions(path=tmp_path / "t.parquet"))
