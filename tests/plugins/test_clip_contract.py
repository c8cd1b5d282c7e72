"""`clip` keeps the contracts, on a real open_clip model in a folder."""

from typing import ClassVar

import pytest
from imagora.testing import ComponentContract, EmbedderContract
from imagora_clip.embedding import ClipEmbedding

from .open_clip_folder import clip_folder, student  # noqa: F401 - fixtures


class TestClipComponent(ComponentContract):
    plugin = "imagora_clip"
    examples: ClassVar = {"clip": {"model": "ViT-B-32", "weights": "laion2b_s34b_b79k"}}


class TestClipEmbedder(EmbedderContract):
    pictures = True
    meaning = True

    @pytest.fixture
    def stage(self, student: ClipEmbedding) -> ClipEmbedding:  # noqa: F811 - pytest's way; test_clip_loading loads anew
        return student
