"""What is read of openclipart."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from imagora_benchmarks.clipart import Work, passage, works

DRAWING = """<svg><metadata><cc:Work><dc:title>{title}</dc:title><dc:subject><rdf:Bag>{keywords}</rdf:Bag></dc:subject>
<dc:creator><cc:Agent><dc:title>A Name</dc:title></cc:Agent></dc:creator></cc:Work></metadata></svg>"""


@pytest.fixture
def drawings(tmp_path: Path) -> Path:
    for place, title, keywords in (
        ("animals/birds/a.svg", "Barn &amp; Owl_02", ["bird", "owl", "hash", "0xa0f", ""]),
        ("animals/birds/copy of a.svg", "Barn &amp; Owl_02", ["other"]),
        ("unsorted/b.svg", "Kettle", ["kitchen"]),
        ("unsorted/nothing.svg", "Nothing", []),
        ("food/fruit/no title.svg", "", ["apple"]),
    ):
        (file := tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        file.write_text(DRAWING.format(title=title, keywords="".join(f"<rdf:li>{word}</rdf:li>" for word in keywords)))
    return tmp_path


def test_titles_and_keywords_are_read_without_what_says_nothing(drawings: Path) -> None:
    assert works(drawings) == [
        Work("barn owl", ("bird", "owl"), ("animals", "birds")),
        Work("kettle", ("kitchen",), ()),
    ]


def test_a_passage_is_of_keywords_or_folders() -> None:
    work = Work("barn owl", ("bird", "owl"), ("animals", "bird"))
    passages = {passage(work, random.Random(seed)) for seed in range(30)}
    assert passages == {"bird, owl", "animals, bird", "animals, bird, owl"}
