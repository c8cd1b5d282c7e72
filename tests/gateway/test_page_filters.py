"""Filters on the page: what the form says of the fields of an index, and the condition that it makes."""

from __future__ import annotations

from pathlib import Path

import pytest
from imagora.catalog import installed_catalog
from imagora.errors import QueryError, RecipeError
from imagora.filters import And, Eq, Filter, Ne, Range
from imagora_gateway.page.fields import fields_of, filter_of
from imagora_recipe.check import check
from imagora_recipe.plan import Plan
from toy_recipes import write

RECIPE = """
recipe: 1
extends: starter
source: {use: folder, path: .}
access: {tenant: shop}
index:
  use: qdrant
  path: ./index
  fields: {shop: keyword, price: float, year: integer, sold: bool, colour: keyword, story: text}
"""


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    folder: Path = tmp_path_factory.mktemp("filters")
    return check(write(folder, RECIPE), installed_catalog())


def test_every_field_has_a_form_but_those_that_say_who_may_see(plan: Plan) -> None:
    forms = {field.name: field.form for field in fields_of(plan)}
    assert forms == {"price": "number", "year": "number", "sold": "choice", "colour": "words", "story": "words"}


def test_another_index_in_one_line_keeps_the_fields(tmp_path: Path) -> None:
    told = RECIPE.replace("use: qdrant", "use: faiss").replace(", story: text", "")
    assert [field.name for field in fields_of(check(write(tmp_path, told), installed_catalog()))] == [
        "price", "year", "sold", "colour",
    ]  # fmt: skip
    with pytest.raises(RecipeError, match=r"toys\.yaml:9:\d+: .*story"):
        check(write(tmp_path, RECIPE.replace("use: qdrant", "use: faiss")), installed_catalog())


@pytest.mark.parametrize(
    "said, expected",
    [
        ({}, None),
        ({"from:price": " ", "is:colour": ""}, None),
        ({"from:price": "3"}, Range("price", gte=3)),
        ({"from:year": "1990", "to:year": "2000"}, Range("year", gte=1990, lte=2000)),
        ({"to:price": "3,5"}, Range("price", lte=3.5)),
        ({"is:sold": "yes"}, Eq("sold", True)),
        ({"is:sold": "no"}, Eq("sold", False)),
        ({"is:sold": "maybe"}, None),
        ({"is:colour": "1990"}, Eq("colour", "1990")),
        ({"not:colour": "a|b"}, Ne("colour", "a|b")),
        ({"is:story": "old", "is:sold": "no"}, And((Eq("sold", False), Eq("story", "old")))),
        ({"is:shop": "another"}, None),
        ({"is:unknown": "x"}, None),
    ],
)
def test_the_form_makes_a_condition(plan: Plan, said: dict[str, str], expected: Filter | None) -> None:
    assert filter_of(said, plan) == expected


@pytest.mark.parametrize("said", ["cheap", "nan", "inf", "1,000,000", "1e999"])
def test_what_is_no_number_is_refused(plan: Plan, said: str) -> None:
    with pytest.raises(QueryError, match="needs a number"):
        filter_of({"from:price": said}, plan)
