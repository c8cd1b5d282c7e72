"""Lessons of openclipart hold a passage that fits and others that do not."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from imagora_evals.clipart import Work, lessons, passage, works

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


def test_negatives_are_near_and_share_no_word_with_what_fits() -> None:
    kinds = ("bird", "cat", "car", "boat", "cup")
    known = [Work(f"{kind} {n}", (kind, f"of sort {n}"), (kind,)) for kind in kinds for n in range(30)]
    known = [Work(work.title, (work.keywords[0],), work.folders) for work in known]
    place = np.array([kinds.index(work.folders[0]) for work in known])
    likeness = (-np.abs(place[:, None] - place[None, :])).astype(np.float32)  # a car is between a cat and a boat
    given = list(lessons(known, likeness, random.Random(7), negatives=4))
    assert len(given) == len({lesson.question for lesson in given}) > 100
    for lesson in given:
        kind = lesson.question.split()[0]
        assert kind in lesson.fits and len(lesson.negatives) == 4
        assert not any(kind in negative for negative in lesson.negatives)
    cars = [negative for lesson in given if "car" in lesson.fits for negative in lesson.negatives[:3]]
    assert set(cars) == {"cat", "boat"}, "the near ones"
