"""`hybrid` does what a query says of weights, of what it is not about, and of several pictures."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from imagora import BuildContext, Query
from imagora.errors import ImagoraError, QueryError
from imagora.stages import Embedder, Entry, LegQuery
from imagora.testing import golden
from imagora_hybrid.build import build
from imagora_hybrid.directions import away
from imagora_hybrid.leg_queries import wanted
from imagora_hybrid.options import HybridOptions
from imagora_qdrant.index import EmbeddedIndex
from imagora_qdrant.options import QdrantOptions

from tests.core.toy_embedders import ToyColour, ToyWords

RED, BLUE, GREY = (golden.picture_of(words) for words in ("red circle", "blue triangle", "grey roof"))


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BuildContext]:
    index = EmbeddedIndex(QdrantOptions(path=tmp_path_factory.mktemp("hybrid") / "index"), "gallery")
    colours = ToyColour()
    context = BuildContext("gallery", {"image": colours, "text": colours, "sparse": ToyWords()}, index)
    golden.fill(index, context.embedders)
    yield context
    index.close()


def names(context: BuildContext, query: Query, **options: Any) -> list[str]:
    found = asyncio.run(build(HybridOptions(**options), context).aretrieve(query))
    scores = [node.score for node in found]
    assert scores == sorted(scores, reverse=True)
    return [node.node.metadata["uri"] for node in found]


def legs(
    query: Query,
    weights: Mapping[str, float],
    embedders: Mapping[str, Embedder],
    share: float = 0.5,
    each: bool = False,
    read: float = 0.5,
) -> dict[str, LegQuery]:
    several: Any = "each" if each else "average"
    options = HybridOptions(negative_weight=share, pictures=several, picture_words=read)
    made = wanted(query, weights, embedders, options)
    now, later = made.now(), asyncio.run(made.later())
    assert now == later
    return {leg.name: leg for leg in now}


def test_a_querys_weights_go_before_the_recipes(filled: BuildContext) -> None:
    query = Query("red circle", pictures=(BLUE,), weights={"image": 0})
    assert names(filled, query)[0] == "red circle"
    only = Query("grey roof", weights={"text": 3, "image": 0})
    found: Any = asyncio.run(build(HybridOptions(legs={"image": 1, "text": 1}), filled).aretrieve(only))
    assert set(found[0].scores) == {"text"} and found[0].score == pytest.approx(3 / 60, rel=1e-3)


def test_a_query_can_search_a_leg_that_the_recipe_does_not(filled: BuildContext) -> None:
    query = Query("grey roof", weights={"sparse": 1})
    found: Any = asyncio.run(build(HybridOptions(legs={"image": 1}), filled).aretrieve(query))
    assert set(found[0].scores) == {"image", "sparse"}


def test_a_weight_for_a_leg_that_is_not_there_is_refused_in_words(filled: BuildContext) -> None:
    with pytest.raises(QueryError, match=r"there is no leg 'imge'.*did you mean 'image'"):
        names(filled, Query("red", weights={"imge": 1}))
    with pytest.raises(QueryError, match="every weight of the query is 0"):
        names(filled, Query("red", weights={"image": 0, "text": 0, "sparse": 0}))
    with pytest.raises(QueryError, match="a picture alone finds nothing"):
        names(filled, Query("", pictures=(RED,), weights={"image": 0}))


def test_what_is_read_in_a_querys_picture_searches_the_legs_of_words(filled: BuildContext) -> None:
    query = Query("", pictures=(RED, BLUE), picture_words=("grey roof", ""))
    made = legs(query, {"image": 1, "text": 2, "sparse": 1}, filled.embedders)
    assert [(leg.name, leg.leg, leg.weight) for leg in made.values()] == [
        ("image", "image", 1),
        ("text/picture", "text", 1.0),
        ("sparse/picture", "sparse", 0.5),
    ]
    assert made["sparse/picture"].vector == ToyWords().embed_query("grey roof")
    each = legs(replace(query, picture_words=("a", "b")), {"text": 2}, filled.embedders, each=True)
    assert {name: leg.weight for name, leg in each.items()} == {"text/picture": 0.5, "text/picture/2": 0.5}
    with_words = legs(replace(query, query_str="red"), {"text": 2}, filled.embedders)
    assert {name: leg.weight for name, leg in with_words.items()} == {"text": 2, "text/picture": 1.0}
    assert "text/picture" not in legs(query, {"image": 1, "text": 2}, filled.embedders, read=0.0)


@pytest.mark.parametrize("fusion", ["rrf", "calibrated"])
def test_a_picture_is_found_by_the_words_in_it(filled: BuildContext, fusion: str) -> None:
    read = Query("", pictures=(RED,), picture_words=("grey roof",), weights={"text": 3, "image": 0})
    assert names(filled, read, fusion=fusion)[0] == "grey roof", "even where no picture leg is searched"
    assert "grey roof" in names(filled, replace(read, weights={}), fusion=fusion)[:2]


def test_away_takes_a_share_of_the_negatives_direction_off_and_keeps_the_length() -> None:
    assert away([2.0, 0.0], [[0.0, 5.0]], 0.5) == pytest.approx((2 * np.array([1, -0.5]) / np.hypot(1, 0.5)).tolist())
    assert away([3.0, 4.0], [], 0.5) == [3.0, 4.0]
    assert away([3.0, 4.0], [[6.0, 8.0]], 0.9) == pytest.approx([3.0, 4.0]), "it never turns round"
    both = away([1.0, 0.0, 0.0], [[0.0, 9.0, 0.0], [0.0, 0.0, 1.0]], 0.5)
    assert both[1] == pytest.approx(both[2]), "of several negatives the middle counts, whatever their lengths"


@pytest.mark.parametrize("fusion", ["rrf", "dbsf", "weighted", "standardised", "calibrated"])
def test_what_the_query_is_not_about_comes_down(filled: BuildContext, fusion: str) -> None:
    plain = names(filled, Query("a red circle or a blue triangle"), fusion=fusion)
    without = names(filled, Query("a red circle or a blue triangle", negative="red circle"), fusion=fusion)
    assert set(plain[:2]) == {"red circle", "blue triangle"}
    assert without[0] == "blue triangle" and "red circle" not in without[:1]
    assert without.index("red circle") > 0


def test_a_picture_to_move_away_from_brings_its_like_down(filled: BuildContext) -> None:
    both = (RED, BLUE)
    query = Query("", pictures=both, negative_pictures=(RED,))
    assert set(names(filled, Query("", pictures=both))[:2]) == {"red circle", "blue triangle"}
    found = names(filled, query)
    assert found[0] == "blue triangle" and found.index("red circle") > found.index("blue triangle")
    strong = names(filled, Query("drawing", negative_pictures=(GREY,)), negative_weight=0.9, legs={"image": 1})
    assert strong[-1] == "grey roof"


def test_negative_words_are_a_sparse_query_of_negative_weight(filled: BuildContext) -> None:
    query = Query("a drawing", negative="red", negative_pictures=(GREY,))
    made = legs(query, {"image": 1.0, "sparse": 0.5}, filled.embedders)
    assert [(leg.name, leg.leg, leg.weight) for leg in made.values()] == [
        ("image", "image", 1.0),
        ("sparse", "sparse", 0.5),
        ("sparse/negative", "sparse", -0.25),
    ]
    assert made["sparse/negative"].vector == ToyWords().embed_query("red")
    found: Any = asyncio.run(
        build(HybridOptions(legs={"sparse": 1}), filled).aretrieve(Query("a drawing", negative="red"))
    )
    assert found[-1].node.metadata["uri"] == "red circle" and "sparse/negative" in found[-1].scores


def test_what_only_the_negative_words_found_is_no_passage(filled: BuildContext) -> None:
    assert names(filled, Query("circle", negative="triangle"), legs={"sparse": 1}) == ["red circle"]


def test_a_negative_weight_of_0_changes_nothing(filled: BuildContext) -> None:
    query, plain = Query("a drawing", negative="red"), Query("a drawing")
    weights = {"image": 1.0, "sparse": 1.0}
    assert legs(query, weights, filled.embedders, share=0.0) == legs(plain, weights, filled.embedders)


def test_a_picture_to_move_away_from_needs_a_picture_leg(filled: BuildContext) -> None:
    with pytest.raises(QueryError, match="a picture to move away from does nothing"):
        names(filled, Query("red", negative_pictures=(RED,)), legs={"text": 1})


def test_each_of_several_pictures_can_be_a_query_of_its_own(filled: BuildContext) -> None:
    query = Query("grey", pictures=(RED, BLUE))
    made = legs(query, {"image": 1.0, "text": 1.0}, filled.embedders, each=True)
    assert {name: (leg.leg, leg.weight) for name, leg in made.items()} == {
        "image": ("image", 0.5),
        "image/2": ("image", 0.5),
        "image/words": ("image", 1.0),
        "text": ("text", 1.0),
    }
    found = names(filled, Query("", pictures=(RED, BLUE)), pictures="each", rrf_k=1)[:2]
    assert set(found) == {"red circle", "blue triangle"}


def test_variety_needs_an_index_that_gives_vectors_back(filled: BuildContext) -> None:
    class Bare:
        def __getattr__(self, name: str) -> Any:
            if name in ("vectors", "search"):
                raise AttributeError(name)
            return getattr(filled.index, name)

    bare = BuildContext("gallery", filled.embedders, Bare())  # type: ignore[arg-type]  # an index with less
    for options in ({"variety": 0.3}, {"fusion": "calibrated"}):
        with pytest.raises(ImagoraError, match="needs an index that gives stored vectors back"):
            build(HybridOptions(**options), bare)  # type: ignore[arg-type]  # of several types
    assert build(HybridOptions(), bare)


@pytest.mark.parametrize("fusion", ["rrf", "standardised", "calibrated"])
def test_variety_puts_something_else_before_a_twin(tmp_path: Path, fusion: str) -> None:
    index = EmbeddedIndex(QdrantOptions(path=tmp_path / "index"), "gallery")
    context = BuildContext("gallery", {"image": ToyColour()}, index)
    golden.fill(index, context.embedders)
    twin = ToyColour().get_image_embedding(BytesIO(golden.NEAR[0]))
    index.upsert([Entry(str(uuid.uuid4()), {"image": twin}, {"_uri": "red twin"})])
    query = Query("red and some blue and red", top_k=3)
    assert set(names(context, query, fusion=fusion)[:2]) == {"red circle", "red twin"}
    mixed = names(context, query, fusion=fusion, variety=0.8)
    assert len(mixed) == 3 and mixed[0].startswith("red") and not mixed[1].startswith("red")
    index.close()
