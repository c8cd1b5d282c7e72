"""`provenance` writes what is known of a picture, refuses what must not be indexed, and marks near-duplicates."""

from __future__ import annotations

import random
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from imagora import Item, Picture
from imagora.errors import ImagoraError
from imagora.item import JSONValue
from imagora.stages import Prepared
from imagora.testing import ComponentContract, PreparerContract
from imagora.testing.golden import ITEMS
from imagora_provenance.likeness import Likenesses, perceptual_hash
from imagora_provenance.options import ProvenanceOptions
from imagora_provenance.preparer import ProvenancePreparer
from PIL import Image, ImageEnhance
from pydantic import ValidationError

imagehash = pytest.importorskip("imagehash", reason="needs the extra: pip install 'imagora[provenance]'")
PHOTOGRAPHS = ("astronaut.png", "coffee.png", "rocket.jpg", "page.png", "coins.png", "brick.png", "horse.png")


def provenance(**options: Any) -> ProvenancePreparer:
    return ProvenancePreparer(ProvenanceOptions.model_validate(options))


def picture(image: Image.Image) -> Picture:
    image.convert("RGB").save(file := BytesIO(), "PNG")
    return Picture(file.getvalue(), *image.size, "", "")


@cache
def photograph(name: str) -> Image.Image:
    skimage = pytest.importorskip("skimage", reason="the photographs are in scikit-image")
    return Image.open(Path(skimage.__file__).parent / "data" / name).convert("RGB")


def said(stage: ProvenancePreparer, metadata: Mapping[str, JSONValue], of: Picture | None = None) -> dict[str, Any]:
    (one,) = stage.prepare([Prepared(Item("a", "words", metadata=metadata), of)])
    assert one.picture is of and one.item.text == "words"
    return dict(one.item.metadata)


class TestProvenanceComponent(ComponentContract):
    plugin = "imagora_provenance"


class TestProvenancePreparer(PreparerContract):
    @pytest.fixture
    def stage(self) -> ProvenancePreparer:
        return provenance(licence="CC0-1.0", required=["licence"])


def test_what_an_item_says_goes_before_what_the_recipe_says() -> None:
    stage = provenance(licence="CC0-1.0", source="the archive", rights="the town")
    assert said(stage, {"license": "CC-BY-4.0", "source": " ", "copyright": ["Ann", "Bo"], "colour": "red"}) == {
        "licence": "CC-BY-4.0",
        "license": "CC-BY-4.0",
        "source": "the archive",
        "copyright": ["Ann", "Bo"],
        "rights": "Ann, Bo",
        "colour": "red",
    }


def test_other_metadata_keys_can_be_named() -> None:
    assert (
        said(provenance(source_keys=["shop", "url"]), {"url": "https://example.com"})["source"] == "https://example.com"
    )


@pytest.mark.parametrize("metadata", [{}, {"licence": ""}, {"licence": None}, {"license": []}])
def test_an_item_without_a_required_licence_is_refused(metadata: dict[str, Any]) -> None:
    with pytest.raises(ImagoraError, match="it has no licence, which 'provenance' requires: no 'lic"):
        said(provenance(required=["licence"]), metadata)


def test_only_allowed_licences_are_indexed() -> None:
    stage = provenance(allowed_licences=["CC0-1.0", "CC-BY-4.0"])
    assert said(stage, {"licence": "cc0-1.0"})
    for metadata in ({"licence": "all rights reserved"}, {}):
        with pytest.raises(ImagoraError, match="the recipe allows only: CC0-1.0, CC-BY-4.0"):
            said(stage, metadata)
    with pytest.raises(ValidationError, match="'MIT' is not among the 'allowed_licences'"):
        provenance(licence="MIT", allowed_licences=["CC0-1.0"])


def test_the_hash_is_that_of_imagehash_in_16_digits() -> None:
    coffee = photograph("coffee.png")
    metadata = said(provenance(), {}, picture(coffee))
    assert metadata == {"phash": str(imagehash.phash(coffee))} and len(metadata["phash"]) == 16
    assert said(provenance(perceptual_hash=False), {}, picture(coffee)) == {}


def copies(image: Image.Image) -> dict[str, Image.Image]:
    image.save(poor := BytesIO(), "JPEG", quality=30)
    return {
        "smaller": image.resize((image.width * 2 // 3, image.height * 2 // 3)),
        "poorer": Image.open(poor),
        "brighter": ImageEnhance.Brightness(image).enhance(1.15),
    }


def test_copies_of_photographs_are_marked_and_different_photographs_are_not() -> None:
    stage, marks = provenance(), {}
    shown = {name: photograph(name) for name in PHOTOGRAPHS}
    shown |= {f"{how} {name}": copy for name in PHOTOGRAPHS for how, copy in copies(photograph(name)).items()}
    for uri, image in shown.items():
        (one,) = stage.prepare([Prepared(Item(uri), picture(image))])
        marks[uri] = one.item.metadata.get("near_duplicate_of")
    assert all(marks[name] is None for name in PHOTOGRAPHS)
    assert {uri: mark for uri, mark in marks.items() if " " in uri and mark != uri.split(" ", 1)[1]} == {}


def test_pictures_of_one_colour_are_no_duplicates_of_each_other() -> None:
    stage = provenance()
    for colour in ("white", "red", "#808080"):
        (one,) = stage.prepare([Prepared(Item(colour), picture(Image.new("RGB", (64, 64), colour)))])
        assert dict(one.item.metadata) == {}


def test_an_item_that_comes_again_is_not_its_own_duplicate_and_keeps_its_mark() -> None:
    stage, red = provenance(), picture(Image.open(BytesIO(ITEMS[0].picture)))  # type: ignore[arg-type]  # are bytes
    first, second = Prepared(Item("b"), red), Prepared(Item("a"), red)
    for _ in range(2):
        marks = [one.item.metadata.get("near_duplicate_of") for one in stage.prepare([first, second])]
        assert marks == [None, "b"]


def test_an_item_whose_picture_changed_is_compared_anew() -> None:
    likenesses = Likenesses(2)
    assert [likenesses.original_of("a", 0), likenesses.original_of("a", 0xFF)] == [None, None]
    assert [likenesses.original_of("b", 0), likenesses.original_of("c", 0x7F)] == [None, "a"]


@pytest.mark.parametrize("within", [0, 1, 6, 16])
def test_originals_are_far_apart_and_all_others_near_theirs_whatever_the_order_of_threads(within: int) -> None:
    chance = random.Random(within)
    centres = [chance.getrandbits(64) for _ in range(40)]
    hashes = {}
    for number in range(600):
        hash_ = chance.choice(centres)
        for bit in chance.sample(range(64), chance.randrange(2 * within + 1)):
            hash_ ^= 1 << bit
        hashes[f"{number}.png"] = hash_
    likenesses = Likenesses(within)
    with ThreadPoolExecutor(8) as pool:
        given = dict(zip(hashes, pool.map(lambda uri: likenesses.original_of(uri, hashes[uri]), hashes), strict=True))
    originals = [uri for uri, original in given.items() if original is None]
    assert 1 < len(originals) < len(hashes)
    apart = [(hashes[a] ^ hashes[b]).bit_count() for n, a in enumerate(originals) for b in originals[:n]]
    assert min(apart) > within
    for uri, original in given.items():
        assert original is None or (
            original in originals and (hashes[uri] ^ hashes[original]).bit_count() <= within and given[original] is None
        )


def test_the_hash_of_a_tiny_picture_can_be_had() -> None:
    checks = Image.new("L", (2, 2))
    checks.putpixel((0, 0), 255)
    assert perceptual_hash(picture(checks).png) is not None
    assert perceptual_hash(picture(Image.new("L", (1, 1), 90)).png) is None
