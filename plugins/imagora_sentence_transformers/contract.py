"""What `imagora plugin test sentence_transformers` runs: the embedder and the reranker on models of yours."""

import os
from typing import ClassVar

import pytest
from imagora.testing import EmbedderContract, RerankerContract

_TEXT, _CROSS = (os.environ.get(f"IMAGORA_{kind}_MODEL", "") for kind in ("TEXT", "CROSS_ENCODER"))


@pytest.mark.skipif(not _TEXT, reason="needs weights: say in IMAGORA_TEXT_MODEL what the option `model` would")
class TestSentenceTransformers(EmbedderContract):
    """Words to vectors."""

    component = "sentence_transformers"
    options: ClassVar = {"model": _TEXT}
    meaning = True


@pytest.mark.skipif(not _CROSS, reason="needs weights: say in IMAGORA_CROSS_ENCODER_MODEL what `model` would")
class TestCrossEncoder(RerankerContract):
    """The query and each passage, read together."""

    component = "cross_encoder"
    options: ClassVar = {"model": _CROSS}
