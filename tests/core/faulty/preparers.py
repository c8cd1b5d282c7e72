"""Faulty preparers: one fault each, and the test that must find it."""

from __future__ import annotations

import base64
import threading
import time
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from imagora import Item
from imagora import testing as t
from imagora.errors import PictureError
from PIL import Image
from toy_stages import ToyShout

from faulty.making import method, stage


class FaultyDropping(t.PreparerContract):
    """Items without a text of their own are dropped, and the rest moves up."""

    fails = "test_every_item_comes_out_in_its_place"
    stage = stage(lambda: method(ToyShout, "prepare", lambda out, given: [one for one in out if one.item.text])("!"))


class FaultyChanging(t.PreparerContract):
    """It changes the metadata of the item that it was given."""

    fails = "test_every_item_comes_out_in_its_place"
    stage = stage(
        lambda: method(ToyShout, "prepare", lambda out, given: [one.item.metadata.update(x=1) or one for one in given])(
            "!"
        )
    )


def _shout(change: Any) -> Any:
    return stage(lambda: method(ToyShout, "prepare", change)("!"))


class FaultyPath(t.PreparerContract):
    """The metadata that it adds cannot be written to an index."""

    error = "TypeError"
    fails = "test_what_it_gives_can_be_indexed"
    stage = _shout(lambda out, given: [replace(o, item=replace(o.item, metadata={"read": Path()})) for o in out])


def _few_colours(one: Any) -> Any:
    if one.picture is None:
        return one
    with Image.open(BytesIO(one.picture.png)) as picture:
        picture.convert("P").save(file := BytesIO(), "PNG")
    return replace(one, picture=replace(one.picture, png=file.getvalue()))


class FaultyPalette(t.PreparerContract):
    """A picture comes out with a palette instead of three colours."""

    fails = "test_pictures_stay_upright_and_of_three_colours"
    stage = _shout(lambda out, given: [_few_colours(one) for one in out])


class FaultyPictureLoss(t.PreparerContract):
    """The picture is gone after it."""

    fails = "test_pictures_stay_upright_and_of_three_colours"
    stage = _shout(lambda out, given: [replace(one, picture=None) for one in out])


class FaultyTrustInTags(t.PreparerContract):
    """It takes metadata for lists of strings, and breaks on a stranger's."""

    fails = "test_odd_items_are_prepared_or_refused_in_words"
    stage = _shout(lambda out, given: [o for o in out if [tag.upper() for tag in o.item.metadata.get("tags", "")] or o])


class FaultyPermit(t.PreparerContract):
    """It lets through what it is there to refuse."""

    fails = "test_odd_items_are_prepared_or_refused_in_words"
    stage = stage(lambda: ToyShout("!"))

    @pytest.fixture
    def refused(self) -> list[Item]:
        return [Item("not to be indexed", "words")]


class FaultyGrudge(t.PreparerContract):
    """After one refused item it prepares all others differently."""

    fails = "test_odd_items_are_prepared_or_refused_in_words"

    class Grudge(ToyShout):
        def prepare(self, prepared: Any) -> Any:
            if any(not (one.picture or one.item.words) for one in prepared):
                self.mark = "?"
                raise PictureError("has nothing")
            return super().prepare(prepared)

    stage = stage(lambda: FaultyGrudge.Grudge("!"))


class Held(ToyShout):
    """Holds what it is at for a moment where all threads can see it."""

    def prepare(self, prepared: Any) -> Any:
        self.held = prepared
        time.sleep(0.002)
        return super().prepare(self.held)


class FaultyHeldItem(t.PreparerContract):
    """It keeps the item it is at in the object, where another thread changes it."""

    fails = "test_threads_at_once_change_nothing"
    stage = stage(lambda: Held("!"))


class FaultyOrdered(t.PreparerContract):
    """`ordered` is a word instead of yes or no."""

    fails = "test_threads_at_once_change_nothing"

    class Wordy(ToyShout):
        ordered = "yes"

    stage = stage(lambda: FaultyOrdered.Wordy("!"))


class FaultyInlinePicture(t.PreparerContract):
    """The whole picture lies in the metadata, and so in the index."""

    real = "LlamaIndex's ImageNode.image"
    fails = "test_what_it_gives_can_be_indexed"
    stage = _shout(
        lambda out, given: [
            replace(o, item=replace(o.item, metadata={"image": base64.b64encode(o.picture.png).decode()}))
            if o.picture
            else o
            for o in out
        ]
    )


class FaultyPicklePreparer(t.PreparerContract):
    """It cannot be sent to another process."""

    pickles = True
    error = "TypeError"
    fails = "test_a_pickled_one_prepares_alike"

    class Locked(ToyShout):
        def __init__(self, mark: str) -> None:
            super().__init__(mark)
            self.lock = threading.Lock()

    stage = stage(lambda: FaultyPicklePreparer.Locked("!"))
