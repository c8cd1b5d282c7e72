"""What a message of `kafka` can say, without any broker."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from imagora import Deleted, Item
from imagora.testing import ComponentContract
from imagora_kafka.message import Malformed, thing_of
from imagora_kafka.options import KafkaOptions
from pydantic import ValidationError
from toy_stages import square

RED = square("red")


class TestKafkaComponent(ComponentContract):
    plugin = "imagora_kafka"
    examples = {"kafka": {"servers": "localhost:9092", "topic": "shop"}}  # noqa: RUF012 - the contract says what it is


def said(value: Any, kind: str | None = None, folder: Path | None = None) -> Item | Deleted:
    return thing_of(b"a", value if isinstance(value, bytes | None) else json.dumps(value).encode(), kind, folder)


def test_a_value_is_a_whole_item_and_no_value_a_deletion() -> None:
    picture = base64.b64encode(RED).decode()
    whole = {"text": "w", "title": "T", "tags": ["x"], "metadata": {"price": 3, "sizes": [1, 2.5]}, "picture": picture}
    assert said(whole) == Item("a", "w", RED, {"price": 3, "sizes": [1, 2.5], "title": "T", "tags": ["x"]})
    assert said(None) == Deleted("a")
    assert said({"title": "T"}) == Item("a", metadata={"title": "T"})


def test_the_content_type_may_say_that_the_value_is_a_picture_or_words() -> None:
    assert said(RED, "image/png") == Item("a", picture=RED)
    assert said("words é".encode(), "text/plain; charset=utf-8") == Item("a", "words é")
    assert said({"text": "w"}, "Application/JSON; charset=utf-8") == Item("a", "w")


def test_a_file_is_read_only_inside_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "allowed"
    folder.mkdir()
    (folder / "a.png").write_bytes(RED)
    (tmp_path / "secret.png").write_bytes(RED)
    (folder / "link.png").symlink_to(tmp_path / "secret.png")
    assert said({"file": "a.png"}, folder=folder) == Item("a", picture=folder / "a.png")
    outside = ("../secret.png", str(tmp_path / "secret.png"), "link.png", "x/../../secret.png", "a\0b")
    for name in outside:
        with pytest.raises(Malformed, match="is outside the folder"):
            said({"file": name}, folder=folder)
    with pytest.raises(Malformed, match="allows no 'folder'"):
        said({"file": "a.png"})


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (b"{", "its value is not JSON"),
        (b"[" * 100_000, "its value is not JSON"),
        (b"\xff", "its value is not UTF-8 text"),
        ([], "its value must be a mapping"),
        ({}, "neither words nor a picture"),
        ({"text": 3}, "'text': input should be a valid string"),
        ({"texts": "x"}, "'texts': extra inputs are not permitted"),
        ({"picture": "no base64!"}, "is not base64"),
        ({"picture": "", "file": "x"}, "both 'picture' and 'file'"),
        ({"text": "x", "metadata": {"_uri": "y"}}, "'_uri' cannot be a metadata key"),
        ({"text": "x", "metadata": {"a": {"b": 1}}}, "'metadata.a': "),
        ({"text": "x", "metadata": {"a": 2**70}}, "a whole number in it is too large"),
        (b'{"text": "x", "metadata": {"a": NaN}}', "'NaN' is not a number in JSON"),
    ],
)
def test_what_cannot_be_read_says_why(value: Any, says: str) -> None:
    with pytest.raises(Malformed) as caught:
        said(value)
    assert says in str(caught.value)


def test_a_message_needs_a_key_and_a_known_type() -> None:
    for key, says in ((None, "no key"), (b"", "no key"), (b"\xff", "its key is not UTF-8")):
        with pytest.raises(Malformed, match=says):
            thing_of(key, b"{}", None, None)
    with pytest.raises(Malformed, match="content-type 'avro/binary' is none of"):
        said(b"x", "avro/binary")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"security": "sasl_ssl"}, "needs 'user' and 'password'"),
        ({"user": "u", "password": "p"}, "need 'security: sasl_ssl'"),
        ({"dead_letters": "shop"}, "another topic"),
        ({"topic": "no topic"}, "should match pattern"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(options: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        KafkaOptions.model_validate({"servers": "localhost", "topic": "shop", **options})
