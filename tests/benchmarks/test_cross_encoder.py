"""MiniLM learns what to add to its own cosines: lessons are what they say, and a short course is the same twice."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from imagora_benchmarks.clipart import Work
from imagora_benchmarks.cross_encoder import WEIGHTS, best_weight, interval, measured
from imagora_benchmarks.cross_lessons import EASY, HARD, Course, Encode, courses, endless, stems
from imagora_benchmarks.cross_suites import Suite, held_out
from imagora_benchmarks.cross_training import BLIND, SCALE, encoder, fine_tune
from imagora_benchmarks.wordnet import nouns
from imagora_sentence_transformers.options import CrossEncoderOptions
from imagora_sentence_transformers.reranker import CrossEncoderReranker

KINDS = {
    "bird": "robin eagle penguin goose parrot",
    "fish": "salmon trout shark herring carp",
    "tool": "hammer saw chisel drill wrench",
    "fruit": "apple pear plum cherry melon",
    "vehicle": "car truck bus tractor van",
    "clothes": "shirt coat sock glove hat",
}
THINGS = [Work(name, (kind,), (), f"one {kind}") for kind, names in KINDS.items() for name in names.split()]
DRAWINGS = [Work(f"{thing.title} drawn", (), (f"{thing.keywords[0]}s",)) for thing in THINGS]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cross encoders")


@pytest.fixture(scope="module")
def encode(folders: Path) -> Encode:
    return encoder(folders / "any")


@pytest.fixture(scope="module")
def known(encode: Encode) -> list[Course]:
    return courses(DRAWINGS, THINGS, encode, random.Random(7))


@pytest.fixture(scope="module")
def suites(encode: Encode) -> list[Suite]:
    return list(held_out("things", THINGS, encode))


def reranker(folder: Path) -> CrossEncoderReranker:
    return CrossEncoderReranker(CrossEncoderOptions(model=str(folder), device="cpu"))


def test_what_shares_a_word_with_the_thing_is_no_negative(known: list[Course]) -> None:
    about = {work.title: stems(" ".join((work.title, *work.keywords, *work.folders))) for work in THINGS + DRAWINGS}
    lessons = endless(known, random.Random(7))
    for _ in range(60):
        lesson = next(lessons)
        assert len(set(lesson.texts)) >= 2 and len(lesson.texts) == len(lesson.cosines) == 1 + HARD + EASY
        for negative in lesson.texts[1:]:
            assert not about.get(negative, stems(negative)) & stems(lesson.question) - {"drawn"} - {"one"}


def test_hard_negatives_are_nearer_than_easy_ones(known: list[Course], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imagora_benchmarks.cross_lessons.NEAREST", 12)  # of 30 things, as 40 are of thousands
    lessons = endless(known, random.Random(7))
    cosines = np.array([next(lessons).cosines for _ in range(120)])
    assert cosines[:, 1 : 1 + HARD].mean() > 0.02 + cosines[:, 1 + HARD :].mean()


def test_an_untaught_one_changes_nothing(folders: Path, suites: list[Suite]) -> None:
    assert fine_tune(folders / "untaught", iter(()), steps=0) == []
    for suite in suites:
        figures = measured(suite, reranker(folders / "untaught"))
        assert [figures[weight] for weight in WEIGHTS[1:]] == [figures[0.0]] * (len(WEIGHTS) - 1)


def test_a_course_is_the_same_twice_and_begins_with_the_cosines(folders: Path, known: list[Course]) -> None:
    given = list(zip(range(24), endless(known, random.Random(7)), strict=False))
    losses = [fine_tune(folders / name, (lesson for _, lesson in given), steps=2) for name in ("one", "two")]
    assert losses[0] == losses[1]
    weights = [(folders / name / "model.safetensors").read_bytes() for name in ("one", "two", "untaught")]
    assert weights[0] == weights[1] != weights[2]
    dice = random.Random(7)
    first = [(np.array(lesson.cosines) * (SCALE if dice.random() >= BLIND else 0)) for _, lesson in given[:12]]
    assert losses[0][0] == pytest.approx(np.mean([np.log(np.exp(row).sum()) - row[0] for row in first]), abs=1e-4)


def test_its_scores_are_not_squeezed(folders: Path, suites: list[Suite]) -> None:
    found = list(next(iter(suites[0].found.values())))
    scores = [one.score for one in reranker(folders / "one").postprocess_nodes(found, query_str="robin")]
    assert len(set(scores)) > 2 and min(score or 0 for score in scores) < 0


def test_the_weight_is_the_best_over_all_suites_and_the_least_of_equals() -> None:
    flat = {weight: [0.5] for weight in WEIGHTS}
    assert best_weight({"a": flat}) == 0.0
    assert best_weight({"a": flat | {0.4: [0.7]}, "b": flat | {0.4: [0.2], 0.2: [0.6]}}) == 0.2


def test_an_interval_is_of_differences_of_the_same_question() -> None:
    before = np.linspace(0, 1, 50)
    assert interval(list(before), list(before + 0.1)) == pytest.approx((0.1, 0.1))
    low, high = interval([0.0] * 50, [0.0, 1.0] * 25)
    assert 0.3 < low < 0.5 < high < 0.7


@pytest.fixture
def wordnet(tmp_path: Path) -> Path:
    lines = (
        "  1 the licence",
        '1 03 n 01 entity 0 001 ~ 2 n 0000 | that which is; "things"',
        "2 05 n 02 animal 0 beast 1 001 @ 1 n 0000 | a living thing (not a plant)",
        "3 05 n 01 bird 0 001 @ 2 n 0000 | warm-blooded and feathered; lays eggs",
        "4 05 n 01 kingfisher 0 002 @ 3 n 0000 #m 9 n 0000 | bird with a long bill",
        "5 09 n 01 idea 0 001 @ 1 n 0000 | a thought",
        "6 05 n 02 Lassie 0 the_dog 0 001 @i 2 n 0000 | a dog in films",
    )
    (tmp_path / "data.noun").write_text("\n".join(lines))
    rows = (
        "  1 the licence",
        "kingfisher n 2 2 @ #m 2 1 4 3",
        "bird n 1 1 @ 1 0 3",
        "idea n 1 1 @ 1 1 5",
        "lassie n 1 1 @ 1 1 6",
    )
    (tmp_path / "index.noun").write_text("\n".join(rows))
    return tmp_path


def test_nouns_are_things_in_their_commonest_sense_with_what_they_are_kinds_of(wordnet: Path) -> None:
    assert nouns(wordnet, str.isalpha) == [
        Work("bird", ("animal", "beast"), (), "warm-blooded and feathered"),
        Work("kingfisher", ("bird", "animal", "beast"), (), "bird with a long bill"),
    ]
    assert [noun.title for noun in nouns(wordnet, {"bird", "animal"}.__contains__)] == ["bird"]
