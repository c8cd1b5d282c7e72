"""BM25's weights are those of its formula, and its options say which words are one."""

from __future__ import annotations

from dataclasses import replace

import pytest
from imagora.stages import SparseVector
from imagora_qdrant.bm25 import Bm25Embedder
from imagora_qdrant.options import Bm25Options
from pydantic import ValidationError


def terms(text: str, **options: object) -> set[int]:
    return set(Bm25Embedder(Bm25Options.model_validate(options)).embed_query(text).indices)


@pytest.mark.parametrize(("k", "b", "avg_len"), [(1.2, 0.75, 40), (2.0, 0.0, 5), (0.5, 1.0, 3)])
def test_a_documents_weights_follow_the_formula(k: float, b: float, avg_len: float) -> None:
    embedder = Bm25Embedder(Bm25Options(k=k, b=b, avg_len=avg_len, language="none"))
    (vector,) = embedder.embed_texts(["red car red bus red"])
    (red,), (car,) = embedder.embed_query("red").indices, embedder.embed_query("car").indices
    weights = dict(zip(vector.indices, vector.values, strict=True))
    long = k * (1 - b + b * 5 / avg_len)
    assert weights[red] == pytest.approx(3 * (k + 1) / (3 + long), rel=1e-5)
    assert weights[car] == pytest.approx(1 * (k + 1) / (1 + long), rel=1e-5)
    assert list(vector.indices) == sorted(weights) and len(weights) == 3


def test_a_query_counts_each_term_once() -> None:
    query = Bm25Embedder(Bm25Options()).embed_query("red red CAR")
    assert query.values == (1.0, 1.0) and query == Bm25Embedder(Bm25Options()).embed_query("car red")


def test_a_text_without_a_term_has_an_empty_vector() -> None:
    embedder = Bm25Embedder(Bm25Options())
    assert embedder.embed_texts(["", "the and of", "?!"]) == [SparseVector((), ())] * 3


def test_options_say_which_words_are_one() -> None:
    assert terms("photos") == terms("photo") and terms("photos", stemmer=False) != terms("photo", stemmer=False)
    assert terms("Häuser", language="german") == terms("Häusern", language="german")
    assert terms("the car") == terms("car") and terms("the car", language="none") > terms("car", language="none")
    assert terms("café", fold_accents=True) == terms("cafe", fold_accents=True) and terms("café") != terms("cafe")


def test_every_option_is_part_of_the_identity() -> None:
    changes: list[dict[str, object]] = [
        {"language": "german"}, {"language": "none"}, {"stemmer": False}, {"fold_accents": True}, {"k": 2}, {"b": 0.5},
        {"avg_len": 9},
    ]  # fmt: skip
    identities = [Bm25Embedder(Bm25Options.model_validate(change)).identity() for change in [{}, *changes]]
    assert len(set(identities)) == len(changes) + 1
    assert {replace(identity, preprocessing="") for identity in identities} == {
        replace(identities[0], preprocessing="")
    }
    assert (identities[0].metric, identities[0].dimension) == ("bm25", 0)


@pytest.mark.parametrize("wrong", [{"language": "klingon"}, {"b": 2}, {"avg_len": 0}, {"k": -1}])
def test_wrong_options_are_refused_when_the_recipe_is_checked(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Bm25Options.model_validate(wrong)
