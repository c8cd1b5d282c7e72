"""What `imagora plugin test clip` runs: the embedder on a checkpoint of yours."""

import os
from typing import ClassVar

import pytest
from imagora.testing import EmbedderContract

_MODEL = os.environ.get("IMAGORA_CLIP_MODEL", "")


@pytest.mark.skipif(not _MODEL, reason="needs weights: say in IMAGORA_CLIP_MODEL what the option `model` would")
class TestClip(EmbedderContract):
    """Pictures and words of one space."""

    component = "clip"
    options: ClassVar = {"model": _MODEL}
    pictures = meaning = meets = True
