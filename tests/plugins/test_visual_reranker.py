"""`visual` looks at the stored vectors of the passages' pictures, for words, pictures and both."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from imagora import BuildContext, Passage, Query
from imagora.errors import ImagoraError
from imagora.passages import passage_of
from imagora.stages import Entry, Hit
from imagora.testing import ComponentContract, RerankerContract, golden
from imagora_qdrant.index import EmbeddedIndex
from imagora_qdrant.options import QdrantOptions
from imagora_visual.build import build
from imagora_visual.likeness import blended, likeness, standard, units
from imagora_visual.options import VisualOptions
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode

from tests.core.toy_embedders import ToyColour, ToyWords

NAMES = list(golden.PICTURES)


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BuildContext]:
    """An index with the eight golden pictures under the ids of `golden.passages`, and words without a picture."""
    index = EmbeddedIndex(QdrantOptions(path=tmp_path_factory.mktemp("visual") / "index"), "gallery")
    colours = ToyColour()
    index.open({"image": colours.identity(), "text": colours.identity()}, create=True)
    vectors = colours.get_image_embedding_batch([BytesIO(png) for png in golden.PICTURES.values()])
    index.upsert([Entry(str(uuid.UUID(int=n + 1)), {"image": vector}, {}) for n, vector in enumerate(vectors)])
    index.upsert([Entry(str(uuid.UUID(int=99)), {"text": colours.get_query_embedding("red")}, {})])
    index.close()  # the reranker opens it
    yield BuildContext("gallery", {"image": colours, "text": colours}, index)
    index.close()


def passage(name: str, score: float | None = 0.5) -> Passage:
    number = NAMES.index(name) + 1 if name in NAMES else 99
    found = passage_of(Hit(str(uuid.UUID(int=number)), 0.0, {"image": 0.25}, {"_uri": name, "_text": name}))
    found.score = score
    return found


def ranked(context: BuildContext, nodes: list[Any], query: QueryBundle | None, **options: Any) -> list[Any]:
    return asyncio.run(build(VisualOptions(**options), context).apostprocess_nodes(nodes, query))


def uris(nodes: list[Any]) -> list[str]:
    return [node.node.metadata["uri"] for node in nodes]


class TestVisualComponent(ComponentContract):
    plugin = "imagora_visual"

    @pytest.fixture
    def context(self, context: BuildContext) -> BuildContext:
        return context


class TestVisual(RerankerContract):
    pointwise = False

    @pytest.fixture
    def context(self, context: BuildContext) -> BuildContext:
        return context  # this module's, and not the contract's own

    @pytest.fixture
    def stage(self, context: BuildContext) -> Any:
        return build(VisualOptions(), context)


ALL = [passage(name, 0.9 - n / 10) for n, name in enumerate(NAMES)]


@pytest.mark.parametrize("name", NAMES)
def test_words_or_a_picture_bring_up_what_looks_so(context: BuildContext, name: str) -> None:
    picture = golden.picture_of(name)
    for query in (Query(name), Query("", pictures=(picture,)), Query(name, pictures=(picture,))):
        assert uris(ranked(context, ALL, query, weight=1.0))[0] == name


def test_the_old_score_keeps_its_share(context: BuildContext) -> None:
    query = Query("grey roof")
    assert uris(ranked(context, ALL, query, weight=0.0)) == NAMES
    assert uris(ranked(context, ALL, query, weight=1.0))[0] == "grey roof"
    half = ranked(context, ALL, query, weight=0.5)
    like = np.array([next(n.scores["visual/words"] for n in half if n.node_id == p.node_id) for p in ALL])
    came = np.array([p.score for p in ALL])
    expected = 0.5 * (like - like.mean()) / like.std() + 0.5 * (came - came.mean()) / came.std()
    by_id = {p.node_id: score for p, score in zip(ALL, expected, strict=True)}
    assert [node.score for node in half] == pytest.approx([by_id[node.node_id] for node in half])
    assert all(node.scores["visual"] == node.score and node.scores["image"] == 0.25 for node in half)


def test_the_cosines_are_of_full_precision(context: BuildContext) -> None:
    query = Query("", pictures=(golden.picture_of("red circle"),))
    found = {uri: node.scores["visual/pictures"] for node in ranked(context, ALL, query) for uri in uris([node])}
    one, other = (np.array(ToyColour().get_image_embedding(BytesIO(golden.PICTURES[n]))) for n in NAMES[:2])
    assert found["red circle"] == pytest.approx(1.0, abs=1e-6)
    assert found["green square"] == pytest.approx(float(one @ other), abs=1e-6)


def test_what_has_no_picture_vector_keeps_place_and_score(context: BuildContext) -> None:
    nodes = [passage("words alone", 0.9), passage("red circle", 0.8), passage("other", 0.7), passage("grey roof", 0.6)]
    stranger = NodeWithScore(node=TextNode(id_=str(uuid.uuid4()), text="a", extra_info={"uri": "far"}), score=None)
    found = ranked(context, [*nodes[:2], stranger, nodes[3]], Query("grey"), weight=1.0)
    assert uris(found) == ["words alone", "grey roof", "far", "red circle"]
    assert found[0] == nodes[0] and found[2] == stranger
    assert [node.score for node in nodes] == [0.9, 0.8, 0.7, 0.6], "what came in is not changed"


def test_words_and_pictures_share_the_likeness(context: BuildContext) -> None:
    query = Query("grey roof", pictures=(golden.picture_of("red circle"),))
    assert uris(ranked(context, ALL, query, weight=1.0, words=0.9))[0] == "grey roof"
    assert uris(ranked(context, ALL, query, weight=1.0, words=0.1))[0] == "red circle"
    assert uris(ranked(context, ALL, Query("grey roof"), weight=1.0, words=0.0))[0] == "grey roof", (
        "words alone are all"
    )


def test_of_several_pictures_the_likest_counts(context: BuildContext) -> None:
    query = Query("", pictures=tuple(golden.picture_of(name) for name in ("black pole", "grey roof")))
    assert set(uris(ranked(context, ALL, query, weight=1.0))[:2]) == {"black pole", "grey roof"}


def test_the_negative_part_takes_off(context: BuildContext) -> None:
    both = tuple(golden.picture_of(name) for name in ("black pole", "grey roof"))
    for negative in ({"negative": "grey"}, {"negative_pictures": both[1:]}):
        found = ranked(context, ALL, Query("", pictures=both, **negative), weight=1.0)  # type: ignore[arg-type]  # two sorts
        assert uris(found)[0] == "black pole" and uris(found).index("grey roof") > 0


def test_keep_counts_after_reordering(context: BuildContext) -> None:
    assert uris(ranked(context, ALL, Query("grey roof"), weight=1.0, keep=1)) == ["grey roof"]
    assert ranked(context, ALL, None, keep=2) == ALL[:2] and ranked(context, [], Query("red")) == []


def test_passages_without_a_score_count_as_the_average(context: BuildContext) -> None:
    nodes = [passage("red circle", None), passage("green square", 0.9), passage("grey roof", 0.1)]
    assert uris(ranked(context, nodes, Query("drawing"), weight=0.0)) == ["green square", "red circle", "grey roof"]


def test_likeness_is_the_best_cosine_less_a_share_of_the_worst_likeness() -> None:
    stored = units([[2.0, 0.0], [0.0, 3.0]])
    assert likeness(stored, [[1, 0], [0, 0.1]], [], 0.5).tolist() == [1.0, 1.0]
    assert likeness(stored, [[1, 1]], [[0, 5]], 0.5) == pytest.approx([0.5**0.5, 0.5**0.5 - 0.5])


def test_numbers_on_scales_of_their_own_are_standardised() -> None:
    assert standard(np.array([1.0, 3.0])).tolist() == [-1.0, 1.0]
    assert standard(np.array([4.0])).tolist() == [0.0] and standard(np.array([2.0, 2.0])).tolist() == [0.0, 0.0]
    assert standard(np.array([np.nan, np.nan])).tolist() == [0.0, 0.0]
    assert blended([(0.5, np.array([10.0, 30.0])), (0.5, np.array([0.2, 0.1]))]).tolist() == pytest.approx([0, 0])


def test_what_is_missing_is_said(context: BuildContext) -> None:
    for embedders, index, says in (
        ({"text": ToyColour()}, context.index, "no embedder for the leg 'image'"),
        ({"image": ToyWords()}, context.index, "takes none"),
        ({"image": ToyColour()}, None, "gives stored vectors back"),
    ):
        with pytest.raises(ImagoraError, match=says):
            build(VisualOptions(), BuildContext("gallery", embedders, index))  # type: ignore[arg-type]  # of many kinds
