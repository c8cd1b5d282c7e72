"""The contract of preparers."""

from __future__ import annotations

import base64
import json
import pickle
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import pytest
from PIL import Image

from imagora.errors import ImagoraError
from imagora.item import Item, JSONValue, Picture
from imagora.pictures import PictureDecoder
from imagora.stages import Prepared, Preparer

from .built import Built
from .golden import ITEMS, ODD, draw, need

_THREADS, _ROUNDS = 4, 2


def _turned() -> bytes:
    # Wide on its side, with the note that says so: upright it is 60 pixels wide and 192 high.
    (how := Image.Exif())[0x0112] = 6
    draw("red circle").crop((0, 66, 192, 126)).save(file := BytesIO(), "JPEG", exif=how)
    return file.getvalue()


class PreparerContract(Built):
    """Name the `component`, or give the fixture `stage`: a preparer.

    Where it refuses items on purpose, give the fixture `refused`: such items. `items` are those that it must take; give
    others where it is slow. pickles: it can be sent to another process.
    """

    kind = "preparer"
    pickles = False

    @pytest.fixture
    def items(self) -> list[Item]:
        return [*ITEMS, Item("only words", "some words"), Item("only a picture", picture=ITEMS[0].picture)]

    @pytest.fixture
    def refused(self) -> list[Item]:
        return []

    def test_every_item_comes_out_in_its_place(self, stage: Preparer, items: list[Item]) -> None:
        before = [(item.text, dict(item.metadata)) for item in items]
        given = _decoded(items)
        prepared = list(stage.prepare(given))
        assert [one.item.uri for one in prepared] == [item.uri for item in items]
        assert prepared == [one for alone in given for one in stage.prepare([alone])], "an item needs no others"
        assert [(item.text, dict(item.metadata)) for item in items] == before, "what it got stays as it was"
        assert list(stage.prepare([])) == []

    def test_what_it_gives_can_be_indexed(self, stage: Preparer, items: list[Item]) -> None:
        for one in stage.prepare(_decoded(items)):
            assert isinstance(one, Prepared) and isinstance(one.item.text, str)
            written = json.dumps(dict(one.item.metadata), allow_nan=False)
            shown = base64.b64encode(one.picture.png).decode() if one.picture else None
            assert shown is None or shown[:400] not in written, "the picture's bytes do not belong in the metadata"

    def test_pictures_stay_upright_and_of_three_colours(self, stage: Preparer, items: list[Item]) -> None:
        pictured = [item for item in items if item.picture is not None][:2]
        given = _decoded([*pictured, Item("turned", picture=_turned())])
        for before, after in zip(given, stage.prepare(given), strict=True):
            assert isinstance(after.picture, Picture) and before.picture is not None
            assert after.picture.sha256 == before.picture.sha256, "it stays the picture of the same bytes"
            with Image.open(BytesIO(after.picture.png)) as shown:
                assert (shown.format, shown.mode, shown.size) == (
                    "PNG",
                    "RGB",
                    (after.picture.width, after.picture.height),
                )
                assert not shown.getexif()
        turned = after.picture
        assert turned is not None and turned.width < turned.height, "the last one is higher than wide"

    def test_odd_items_are_prepared_or_refused_in_words(
        self, stage: Preparer, items: list[Item], refused: list[Item]
    ) -> None:
        before = list(stage.prepare(_decoded(items[:1])))
        odd = [Item(f"picture {name}", picture=picture) for name, picture in ODD.items()]
        metadata: dict[str, JSONValue] = {
            "title": 7,
            "tags": [1, None, ["a"]],
            "caption": None,
            "ocr_text": {"no": "text"},
            "licence": [],
        }
        odd.append(Item("odd\0name\n", " \n\0\ud7ff" + "words " * 20_000, ITEMS[0].picture, metadata))
        odd.append(Item("nothing"))
        outcomes = [_refusal(stage, one) for one in _decoded(odd)]
        assert all(isinstance(outcome, ImagoraError | None) for outcome in outcomes), outcomes
        outcomes = [_refusal(stage, one) for one in _decoded(refused)]
        assert all(isinstance(outcome, ImagoraError) and str(outcome) for outcome in outcomes), outcomes
        assert list(stage.prepare(_decoded(items[:1]))) == before, "a refusal changes nothing for the others"

    def test_a_pickled_one_prepares_alike(self, stage: Preparer, items: list[Item]) -> None:
        need(self, "pickles")
        there: Preparer = pickle.loads(pickle.dumps(stage))  # noqa: S301 - it is what we wrote
        given = _decoded(items)
        assert list(there.prepare(given)) == list(stage.prepare(given))

    def test_threads_at_once_change_nothing(self, stage: Preparer, items: list[Item]) -> None:
        ordered = getattr(stage, "ordered", False)
        assert isinstance(ordered, bool)
        given = _decoded(items)
        with ThreadPoolExecutor(1 if ordered else _THREADS) as pool:
            at_once = list(pool.map(lambda one: list(stage.prepare([one])), given * _ROUNDS))
        assert at_once == [list(stage.prepare([one])) for one in given] * _ROUNDS


def _decoded(items: Sequence[Item]) -> list[Prepared]:
    if not any(item.picture for item in items):
        return [Prepared(item, None) for item in items]
    with PictureDecoder(1) as decoder:
        return [Prepared(item, decoder.decode(item.picture) if item.picture else None) for item in items]


def _refusal(stage: Preparer, one: Prepared) -> Exception | None:
    try:
        (prepared,) = stage.prepare([one])
    except Exception as error:  # which one it is, is the question
        return error
    assert prepared.item.uri == one.item.uri
    return None
