"""Conditions as the command line writes them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from imagora.cli.conditions import parse_filters
from imagora.errors import QueryError
from imagora.filters import And, Eq, Filter, In, Ne, Range

FIELDS = st.text("abcXYZ_.-é0123456789", min_size=1, max_size=8)
PLAIN = st.text("abcXYZ _.-é:/@", min_size=1, max_size=10).filter(lambda w: w.strip() == w)
NUMBERS = st.integers(-(2**52), 2**52) | st.floats(allow_nan=False, allow_infinity=False)
SCALARS: Any = PLAIN.filter(lambda w: w.lower() not in {"true", "false"}) | st.booleans() | NUMBERS
WORDS: Any = st.text(min_size=0, max_size=8).filter(lambda w: '"' not in w)


def written(value: Any) -> str:
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)


@pytest.mark.parametrize(
    ("text", "filter_"),
    [
        ("category=shoes", Eq("category", "shoes")),
        (" category = red shoes ", Eq("category", "red shoes")),
        ("a!=b", Ne("a", "b")),
        ("tags=red|blue", In("tags", ("red", "blue"))),
        ("size=42|'42'", In("size", (42, "42"))),
        ("price<50", Range("price", lt=50.0)),
        ("price<=5e1", Range("price", lte=50.0)),
        ("price>-.5", Range("price", gt=-0.5)),
        ("price>=+3.", Range("price", gte=3.0)),
        ("size=42", Eq("size", 42)),
        ('size="42"', Eq("size", "42")),
        ("size='42'", Eq("size", "42")),
        ("new=True", Eq("new", True)),
        ("new='true'", Eq("new", "true")),
        ("name='a|b'", Eq("name", "a|b")),
        ("name=nan", Eq("name", "nan")),
        ("name=infinity", Eq("name", "infinity")),
        ("name=1_000", Eq("name", "1_000")),
        ("name=1e999", Eq("name", "1e999")),
        ("url=http://a?b=c", Eq("url", "http://a?b=c")),
        ("a.b=c", Eq("a.b", "c")),
        ("name=" + "9" * 5000, Eq("name", "9" * 5000)),
    ],
)
def test_a_condition_means_what_it_says(text: str, filter_: Filter) -> None:
    assert parse_filters([text]) == filter_
    assert repr(parse_filters([text])) == repr(filter_)  # 1 and True are equal, and not the same


@pytest.mark.parametrize("text", ["", "a", "=", "a=", "=b", "a<", "a b=c", "|=a", "!=x", "a=\n"])
def test_nonsense_is_refused_with_examples(text: str) -> None:
    with pytest.raises(QueryError, match="is not a condition; write e.g. category=shoes, price<50 or tags=red"):
        parse_filters([text])


@pytest.mark.parametrize("text", ["a<b", "a>=true", "a<nan", "a<=inf", 'a>"3"'])
def test_only_numbers_are_compared(text: str) -> None:
    with pytest.raises(QueryError, match="only numbers can be compared with"):
        parse_filters([text])


def test_all_conditions_must_hold_and_none_is_no_filter() -> None:
    assert parse_filters([]) is None
    assert parse_filters(["a=1", "b!=c"]) == And((Eq("a", 1), Ne("b", "c")))


@given(field=FIELDS, value=SCALARS, sign=st.sampled_from(["=", "!="]))
def test_what_is_written_is_what_is_read(field: str, value: Any, sign: str) -> None:
    read: Any = parse_filters([f"{field}{sign}{written(value)}"])
    assert type(read) is (Eq if sign == "=" else Ne)
    assert (read.field, read.value) == (field, value)
    assert isinstance(read.value, bool) == isinstance(value, bool)


@given(field=FIELDS, values=st.lists(SCALARS, min_size=2, max_size=4))
def test_a_choice_is_read_as_it_is_written(field: str, values: list[Any]) -> None:
    assert parse_filters([f"{field}={'|'.join(written(value) for value in values)}"]) == In(field, tuple(values))


@given(field=FIELDS, bound=NUMBERS, sign=st.sampled_from(["<", "<=", ">", ">="]))
def test_a_bound_is_read_as_it_is_written(field: str, bound: float, sign: str) -> None:
    name = {"<": "lt", "<=": "lte", ">": "gt", ">=": "gte"}[sign]
    assert parse_filters([f"{field}{sign}{bound!r}"]) == Range(field, **{name: float(bound)})


@given(field=FIELDS, word=WORDS)
def test_any_word_can_be_quoted(field: str, word: str) -> None:
    assert parse_filters([f'{field}="{word}"']) == Eq(field, word)


@given(text=st.text(max_size=20))
def test_any_text_is_a_filter_or_a_query_error(text: str) -> None:
    try:
        assert parse_filters([text]) is not None
    except QueryError as error:
        assert str(error)
