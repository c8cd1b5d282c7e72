"""The starter answers questions about the demo's gallery with the right citation first, and abstains where it must.

The table is printed by `pytest -s tests/plugins/test_starter_answers.py`. The floors are below what was measured, so
that other weights of the picture head may differ a little.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import imagora
import pytest
from imagora import Answer, Pipeline
from imagora_demo.catalogue import read_catalogue
from imagora_starter.extractive import NOTHING

from .starter_gallery import gallery  # noqa: F401 - a fixture
from .starter_questions import HELD_OUT, TUNED, Asked


@dataclass(frozen=True)
class Row:
    asked: Asked
    answer: Answer

    @property
    def first(self) -> str:
        return self.answer.citations[0].uri.split(".")[0] if self.answer.citations else ""

    @property
    def outcome(self) -> str:
        if not self.first:
            return "abstained"
        return "right" if self.first in self.asked.right else "wrong"


@pytest.fixture(scope="module")
def pipeline(gallery: Path) -> Pipeline:  # noqa: F811 - the fixture
    with imagora.load(gallery) as opened:
        yield opened


@pytest.fixture(scope="module", params=["tuned", "held out"])
def rows(request: pytest.FixtureRequest, pipeline: Pipeline) -> tuple[str, list[Row]]:
    chosen = {"tuned": TUNED, "held out": HELD_OUT}[request.param]
    made = [Row(asked, pipeline.ask(asked.words, top_k=6)) for asked in chosen]
    print(f"\n{table(request.param, made)}")
    return request.param, made


def wordless() -> set[str]:
    return {entry.name for entry in read_catalogue().prints if not entry.words}


def kinds(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Answerable by words, answerable only by what a print without words shows, and not answerable."""
    return {
        "in words": [row for row in rows if set(row.asked.right) - wordless()],
        "by what it shows": [row for row in rows if row.asked.right and not set(row.asked.right) - wordless()],
        "not answerable": [row for row in rows if not row.asked.right],
    }


def table(name: str, rows: Sequence[Row]) -> str:
    lines = [f"{name:18} questions  right  abstained  wrong"]
    for kind, group in kinds(rows).items():
        outcomes = [row.outcome for row in group]
        counts = (len(group), *(outcomes.count(outcome) for outcome in ("right", "abstained", "wrong")))
        lines.append("{:18} {:9}  {:5}  {:9}  {:5}".format(kind, *counts))
    lines += [
        f"  {row.outcome:9} {row.asked.words} -> {row.answer.text}"
        for row in rows
        if (row.outcome != "right") == bool(row.asked.right) or row.outcome == "wrong"
    ]
    return "\n".join(lines)


def share(group: Sequence[Row], outcome: str) -> float:
    return sum(row.outcome == outcome for row in group) / len(group)


def test_questions_in_words_are_answered_with_the_right_citation_first(rows: tuple[str, list[Row]]) -> None:
    name, made = rows
    group = kinds(made)["in words"]
    assert share(group, "right") >= {"tuned": 0.88, "held out": 0.75}[name], table(name, made)


def test_prints_without_words_are_found_by_what_they_show(rows: tuple[str, list[Row]]) -> None:
    name, made = rows
    group = kinds(made)["by what it shows"]
    assert share(group, "right") >= 0.3, table(name, made)
    assert share(group, "wrong") <= 0.2, table(name, made)


def test_what_no_print_answers_is_not_answered(rows: tuple[str, list[Row]]) -> None:
    name, made = rows
    group = kinds(made)["not answerable"]
    assert share(group, "abstained") >= 0.9, table(name, made)
    assert all(row.answer.text == NOTHING for row in group if row.outcome == "abstained")


def test_every_answer_is_english_with_its_marks_in_place(rows: tuple[str, list[Row]]) -> None:
    for row in rows[1]:
        text = row.answer.text
        assert text[0].isupper() and text[-1] in ".!?" and "  " not in text and not row.answer.unknown_markers
        for citation in row.answer.citations:
            assert text[citation.start : citation.end] == f"[{citation.number}]"
            assert text[citation.start - 1] == " " and text[citation.end] in ".!?"
