"""`folder` keeps the contracts of components and of sources."""

from pathlib import Path

import pytest
from imagora.testing import ComponentContract, SourceContract
from imagora_folder.options import FolderOptions
from imagora_folder.source import FolderSource


class TestFolderComponent(ComponentContract):
    plugin = "imagora_folder"


class TestFolderSource(SourceContract):
    @pytest.fixture
    def stage(self, tmp_path: Path) -> FolderSource:
        (tmp_path / "cats").mkdir()
        (tmp_path / "cats" / "tom.jpg").write_bytes(b"\xff\xd8")
        (tmp_path / "cats" / "tom.txt").write_text("a grey cat")
        (tmp_path / "sofa.png").write_bytes(b"\x89PNG")
        (tmp_path / "notes.md").write_text("# Notes")
        (tmp_path / "empty.txt").touch()
        (tmp_path / "manifest.csv").write_text("picture,title,price\nsofa.png,A sofa,120\nbed.png,A bed,300\n")
        return FolderSource(FolderOptions(path=tmp_path))
