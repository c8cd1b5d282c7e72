"""`pdf` keeps the contracts of components and of sources."""

import json
from pathlib import Path

import pytest
from imagora import Item, Unreadable
from imagora.stages import Source
from imagora.testing import ComponentContract, SourceContract
from imagora_pdf.options import PdfOptions
from imagora_pdf.source import PdfSource

from .pdf_files import pdf


class TestPdfComponent(ComponentContract):
    plugin = "imagora_pdf"


class TestPdfSource(SourceContract):
    @pytest.fixture
    def stage(self, tmp_path: Path) -> PdfSource:
        (tmp_path / "b").mkdir()
        (tmp_path / "a.pdf").write_bytes(pdf([("one", "red"), ("two", "blue")]))
        (tmp_path / "b" / "c.PDF").write_bytes(pdf([("three", "white")]))
        (tmp_path / "broken.pdf").write_bytes(b"%PDF-1.7\n")
        return PdfSource(PdfOptions(path=tmp_path))

    def test_everything_is_an_item_or_unreadable(self, stage: Source) -> None:
        for item in stage.items():  # as the contract says, with pictures that are functions
            assert isinstance(item, Item | Unreadable) and item.uri
            if isinstance(item, Item):
                assert callable(item.picture) and item.picture().startswith(b"\x89PNG") and item.version
                json.dumps(dict(item.metadata), allow_nan=False)
            else:
                assert item.reason
