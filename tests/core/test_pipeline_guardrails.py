"""Guardrails at their three places: what they let through, what they say, and that they fail closed."""

from __future__ import annotations

import json
import traceback
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from imagora import Pipeline, Query, Verdict
from imagora.answer import passages_to_dicts
from imagora.errors import QueryError, StageError
from imagora.prompt import build_prompt
from imagora.stages import Place, Scope
from toy_recipes import built, recipe_of

MAIL = "ann@example.org"
ITEMS = [
    {"uri": "card", "title": f"card of {MAIL}", "text": f"Write to {MAIL} or bob@example.org.",
     "metadata": {"tags": ["red", MAIL], "owner": {"name": "Ann", "mails": [MAIL]}, "price": 3}},
    {"uri": "note", "text": "Nothing to hide here."},
]  # fmt: skip


def guarded(folder: Path, **places: str) -> Pipeline:
    guardrails = {place: [{"use": "toy_emails", "action": action}] for place, action in places.items()}
    pipeline = built(folder, recipe_of(items=ITEMS, guardrails=guardrails))
    pipeline.ingest()
    return pipeline


def with_guardrail(pipeline: Pipeline, place: str, *guardrails: Any) -> Pipeline:
    named = [(f"g{number}", guardrail) for number, guardrail in enumerate(guardrails)]
    return Pipeline(pipeline.plan, replace(pipeline.stages, guardrails={place: named}))


class Spy:
    """A retriever that writes down what it is asked."""

    def __init__(self, inner: Any) -> None:
        self.inner, self.asked, self.unlike = inner, list[str](), list[str]()

    async def aretrieve(self, query: Query) -> Any:
        self.asked.append(query.query_str)
        self.unlike.append(query.negative)
        return await self.inner.aretrieve(query)


def test_a_redacted_question_is_what_every_later_stage_gets(tmp_path: Path) -> None:
    pipeline = guarded(tmp_path, query="redact")
    assert pipeline.stages.retriever
    spy = Spy(pipeline.stages.retriever[1])
    answer = Pipeline(pipeline.plan, replace(pipeline.stages, retriever=("spy", spy))).ask(f"who is {MAIL}?")
    assert spy.asked == ["who is <EMAIL_1>?"]
    (verdict,) = answer.verdicts
    assert (verdict.place, verdict.guardrail, verdict.action) == ("query", "toy_emails", "redact")
    assert verdict.reasons == ("EMAIL_ADDRESS",)


def test_negative_words_are_guarded_as_the_question_is(tmp_path: Path) -> None:
    pipeline = guarded(tmp_path, query="redact")
    assert pipeline.stages.retriever
    spy = Spy(pipeline.stages.retriever[1])
    spied = Pipeline(pipeline.plan, replace(pipeline.stages, retriever=("spy", spy)))
    spied.search("a card", negative=f"not from {MAIL}")
    assert spy.unlike == ["not from <EMAIL_1>"]
    with pytest.raises(QueryError, match="the question was refused by the guardrail 'toy_emails'"):
        guarded(tmp_path / "refusing", query="refuse").search("a card", negative=MAIL)


def test_a_refused_question_is_answered_by_a_refusal_and_searches_nothing(tmp_path: Path) -> None:
    pipeline = guarded(tmp_path, query="refuse")
    answer = pipeline.ask(f"who is {MAIL}?")
    assert answer.refused
    assert answer.text == "the question was refused by the guardrail 'toy_emails': EMAIL_ADDRESS"
    assert (answer.passages, answer.citations) == ((), ())
    assert [record.stage for record in answer.stages] == ["guardrail (query)"]
    with pytest.raises(QueryError, match="the question was refused by the guardrail 'toy_emails'"):
        pipeline.search(f"who is {MAIL}?")


def test_redacted_passages_hold_nothing_of_what_was_redacted(tmp_path: Path) -> None:
    answer = guarded(tmp_path, passages="redact").ask("card")
    told = json.dumps(answer.to_dict())
    assert MAIL not in told + repr(answer)
    assert "bob@" not in told
    card = next(passage for passage in answer.passages if passage.node.metadata["uri"] == "card")
    assert card.node.metadata["title"] == "card of <EMAIL_1>"
    assert card.node.metadata["tags"] == ["red", "<EMAIL_1>"]
    assert card.node.metadata["owner"] == {"name": "Ann", "mails": ["<EMAIL_1>"]}
    assert card.node.metadata["price"] == 3
    assert card.get_content() == "Write to <EMAIL_1> or <EMAIL_2>."
    assert set(card.scores) == {"sparse", "image"} & set(card.scores)


def test_a_redacted_name_is_shown_nowhere_and_its_citation_still_finds_the_item(tmp_path: Path) -> None:
    name = f"letters/{MAIL}"
    guardrails = {"passages": [{"use": "toy_emails", "action": "redact"}] * 2}
    recipe = recipe_of(items=[{"uri": name, "text": "The lemon is ripe."}], guardrails=guardrails)
    with built(tmp_path, recipe) as pipeline:
        pipeline.ingest()
        answer = pipeline.ask("lemon")
        (passage,) = answer.passages
        assert passage.node.metadata["uri"] == passage.title == answer.citations[0].title == "letters/<EMAIL_1>"
        assert MAIL not in str(build_prompt(Query("lemon"), answer.passages, ""))
        assert MAIL not in json.dumps(passages_to_dicts(answer.passages)) + repr(passage)
        assert answer.citations[0].uri == passage.uri == name
        plain = Pipeline(pipeline.plan, replace(pipeline.stages, guardrails={})).search("lemon").passages[0]
        assert plain.uri == plain.title == name


def test_a_name_that_is_refused_takes_its_passage_out(tmp_path: Path) -> None:
    items = [{"uri": MAIL, "text": "A lemon."}, {"uri": "b", "text": "A lemon, too."}]
    with built(
        tmp_path, recipe_of(items=items, guardrails={"passages": [{"use": "toy_emails", "action": "refuse"}]})
    ) as p:
        p.ingest()
        assert [passage.uri for passage in p.search("lemon").passages] == ["b"]


def test_redacting_leaves_the_indexed_item_as_it_is(tmp_path: Path) -> None:
    pipeline = guarded(tmp_path, passages="redact")
    pipeline.ask("card")
    unguarded = Pipeline(pipeline.plan, replace(pipeline.stages, guardrails={}))
    assert MAIL in json.dumps(unguarded.ask("card").to_dict())


def test_a_refused_passage_is_left_out_and_the_others_are_numbered_anew(tmp_path: Path) -> None:
    answer = guarded(tmp_path, passages="refuse").ask("card")
    assert [passage.node.metadata["uri"] for passage in answer.passages] == ["note"]
    assert answer.text == "Nothing to hide here. [1]"
    assert answer.citations[0].uri == "note"


def test_a_redacted_answer_has_its_markers_in_the_right_places(tmp_path: Path) -> None:
    answer = guarded(tmp_path, answer="redact").ask("card")
    assert answer.text == "Write to <EMAIL_1> or <EMAIL_2>. [1]"
    (citation,) = answer.citations
    assert answer.text[citation.start : citation.end] == "[1]"


def test_a_refused_answer_shows_nothing_of_it(tmp_path: Path) -> None:
    answer = guarded(tmp_path, answer="refuse").ask("card")
    assert answer.refused
    assert answer.text == "the answer was refused by the guardrail 'toy_emails': EMAIL_ADDRESS"
    assert MAIL not in json.dumps(answer.to_dict())


def test_the_same_address_has_the_same_number_at_every_place_of_one_query(tmp_path: Path) -> None:
    pipeline = guarded(tmp_path, query="redact", passages="redact")
    answer = pipeline.ask(f"card of bob@example.org and {MAIL}")
    card = next(passage for passage in answer.passages if passage.node.metadata["uri"] == "card")
    assert card.get_content() == "Write to <EMAIL_2> or <EMAIL_1>."
    assert "<EMAIL_1>" in pipeline.ask(f"what of {MAIL}?").passages[0].get_content()  # a new query counts anew


class Gives:
    """A guardrail that gives what it is told to, for each text."""

    def __init__(self, *verdicts: Any) -> None:
        self.verdicts = verdicts

    async def acheck(self, texts: Sequence[str], place: Place, scope: Scope) -> Any:
        return [v(t) for v, t in zip(self.verdicts, texts, strict=False)] if self.verdicts else iter(())


PLACES = ("query", "passages", "answer")


@pytest.mark.parametrize("place", PLACES)
def test_a_wrong_number_of_verdicts_lets_nothing_through(place: str, tmp_path: Path) -> None:
    pipeline = with_guardrail(guarded(tmp_path), place, Gives())
    answer = pipeline.ask(f"card {MAIL}")
    assert answer.refused
    assert answer.text.startswith("the guardrail 'g0' gave 0 verdicts for ")
    assert MAIL not in json.dumps(answer.to_dict())


@pytest.mark.parametrize("place", PLACES)
def test_a_verdict_that_there_is_not_lets_nothing_through(place: str, tmp_path: Path) -> None:
    async def acheck(texts: Sequence[str], place: Place, scope: Scope) -> list[Verdict]:
        return [Verdict("block", text) for text in texts]  # type: ignore[arg-type]  # a stranger's slip

    guardrail = Gives()
    guardrail.acheck = acheck  # type: ignore[method-assign]  # as above
    answer = with_guardrail(guarded(tmp_path), place, guardrail).ask(f"card {MAIL}")
    assert answer.refused
    assert answer.text == "the guardrail 'g0' gave a verdict that there is not: block"


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("what", [ValueError, RuntimeError, KeyError, UnicodeError])
def test_a_guardrail_that_breaks_is_named_and_tells_nothing_of_the_text(
    what: type[Exception], place: str, tmp_path: Path
) -> None:
    class Breaks:
        async def acheck(self, texts: Sequence[str], place: Place, scope: Scope) -> list[Verdict]:
            raise what(f"cannot read {texts}")

    with pytest.raises(StageError) as caught:
        with_guardrail(guarded(tmp_path), place, Breaks()).ask(f"card {MAIL}")
    assert str(caught.value) == f"the guardrail 'g0' failed: {what.__name__}"
    assert MAIL not in "".join(traceback.format_exception(caught.value))


def test_a_guardrail_that_gives_no_list_is_named(tmp_path: Path) -> None:
    class Nothing:
        async def acheck(self, texts: Sequence[str], place: Place, scope: Scope) -> None:
            return None

    with pytest.raises(StageError, match="^the guardrail 'g0' failed: TypeError$"):
        with_guardrail(guarded(tmp_path), "query", Nothing()).ask("card")


def test_to_pass_changes_no_text(tmp_path: Path) -> None:
    changes = Gives(lambda text: Verdict("pass", "something else"))
    pipeline = with_guardrail(guarded(tmp_path), "answer", changes)
    assert pipeline.ask("nothing to hide").text == "Nothing to hide here. [1]"


def test_guardrails_of_a_place_run_in_the_recipes_order(tmp_path: Path) -> None:
    first = Gives(lambda text: Verdict("redact", text + " A"))
    second = Gives(lambda text: Verdict("redact", text + " B"))
    answer = with_guardrail(guarded(tmp_path), "answer", first, second).ask("nothing to hide")
    assert answer.text == "Nothing to hide here. [1] A B"
    assert [verdict.guardrail for verdict in answer.verdicts] == ["g0", "g1"]


def test_the_first_guardrail_that_refuses_is_the_last_to_be_asked(tmp_path: Path) -> None:
    class Never:
        async def acheck(self, texts: Sequence[str], place: Place, scope: Scope) -> list[Verdict]:
            raise AssertionError("asked")

    refuses = Gives(lambda text: Verdict("refuse", "", ("RULE",)))
    answer = with_guardrail(guarded(tmp_path), "query", refuses, Never()).ask("card")
    assert answer.text == "the question was refused by the guardrail 'g0': RULE"


def test_an_answers_guardrail_sees_the_passages_that_the_prompt_showed_and_another_querys_never(tmp_path: Path) -> None:
    seen: list[tuple[str, list[str]]] = []

    class Looks:
        async def acheck(self, texts: Sequence[str], place: Place, scope: Scope) -> list[Verdict]:
            seen.append((place, [passage.get_content() for passage in scope.passages]))
            return [Verdict("pass", text) for text in texts]

    pipeline = guarded(tmp_path, passages="redact")
    guardrails = {**pipeline.stages.guardrails, "query": [("looks", Looks())], "answer": [("looks", Looks())]}
    looking = Pipeline(pipeline.plan, replace(pipeline.stages, guardrails=guardrails))
    for question in ("card", "note"):
        answer = looking.ask(question)
        (place, before), (_, shown) = seen[-2:]
        assert (place, before) == ("query", [])
        assert shown == [passage.get_content() for passage in answer.passages[: pipeline.plan.prompt.passages]] != []
        assert not any(MAIL in text for text in shown)
