"""`s3` on a server in this process: what is downloaded, what changes, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import fsspec
import pytest
from imagora import Deleted, Item, Unreadable
from imagora.errors import PictureError, SourceError
from imagora.stages import Source
from imagora.testing import ComponentContract, SourceContract
from imagora_s3.options import S3Options
from imagora_s3.source import S3Source
from pydantic import ValidationError
from toy_stages import square

from .s3_server import KEYS, Server, ingest, no_real_credentials, serving

RED, BLUE, LIME = square("red"), square("blue"), square("green")


@pytest.fixture(autouse=True)
def no_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    no_real_credentials(monkeypatch, tmp_path)


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    with serving() as server:
        server.s3.create_bucket(Bucket="shop")
        yield server


@pytest.fixture
def server(running: Server) -> Server:
    found = running.s3.list_objects_v2(Bucket="shop").get("Contents", [])
    running.remove(*(one["Key"] for one in found))
    running.put(photos__red_dot_png=RED, photos__red_dot_txt="a red square", photos__red_dot_json='{"price": 3}')
    running.put(photos__sub__blue_dot_png=BLUE, photos__note_dot_txt="only words", photos__list_dot_xlsx=b"no item")
    running.put(photosets__other_dot_png=RED)
    running.downloads()
    return running


def source_of(server: Server, **more: Any) -> S3Source:
    return S3Source(S3Options.model_validate(server.options(**more)))


def items_of(source: Source) -> dict[str, Item | Unreadable | Deleted]:
    given = list(source.items())
    assert len({one.uri for one in given}) == len(given)
    return {one.uri: one for one in given}


def bytes_of(item: object) -> bytes:
    assert isinstance(item, Item) and callable(item.picture)
    return item.picture()


class Downloaded:
    """Another source with its pictures downloaded: the contract asks for bytes."""

    def __init__(self, source: Source) -> None:
        self.source, self.uri, self.count = source, source.uri, source.count

    def items(self) -> Iterator[Item | Unreadable | Deleted]:
        for item in self.source.items():
            yield replace(item, picture=item.picture()) if isinstance(item, Item) and callable(item.picture) else item


class TestS3Component(ComponentContract):
    plugin = "imagora_s3"
    examples = {  # noqa: RUF012 - the contract says what it is
        "s3": {"url": "s3://shop/photos"},
        "s3_events": {"url": "s3://shop/photos", "queue_url": "https://sqs.us-east-1.amazonaws.com/1/changes"},
    }


class TestS3Source(SourceContract):
    @pytest.fixture
    def stage(self, server: Server, tmp_path: Path) -> S3Source:
        server.put(photos__broken_dot_png=RED, photos__broken_dot_json="{")
        return source_of(server, words_file=tmp_path / "words.sqlite")

    def test_everything_is_an_item_or_unreadable(self, stage: Source) -> None:
        super().test_everything_is_an_item_or_unreadable(Downloaded(stage))


def test_objects_are_items_and_those_beside_a_picture_are_its_words(server: Server) -> None:
    items = items_of(source_of(server))
    assert list(items) == ["note.txt", "red.png", "sub/blue.png"]
    red = items["red.png"]
    assert isinstance(red, Item)
    assert (red.text, red.metadata, bytes_of(red)) == ("a red square", {"price": 3}, RED)
    assert red.version == server.s3.head_object(Bucket="shop", Key="photos/red.png")["ETag"].strip('"')
    assert items["note.txt"] == Item("note.txt", "only words")


def test_a_listing_downloads_no_picture_and_an_unchanged_run_downloads_nothing(server: Server, tmp_path: Path) -> None:
    list(source_of(server).items())
    assert server.downloads() == ["shop/photos/note.txt", "shop/photos/red.json", "shop/photos/red.txt"]
    source = {"use": "s3", **server.options(words_file="words.sqlite")}
    assert ingest(tmp_path, source).added == 3
    everything = ["note.txt", "red.json", "red.png", "red.txt", "sub/blue.png"]
    assert server.downloads() == [f"shop/photos/{name}" for name in everything]
    report = ingest(tmp_path, source)
    assert (report.unchanged, report.embedded, server.downloads()) == (3, 0, [])


def test_changed_and_removed_objects_reach_the_index_and_nothing_else_is_downloaded(
    server: Server, tmp_path: Path
) -> None:
    source = {"use": "s3", **server.options(words_file="words.sqlite")}
    ingest(tmp_path, source)
    server.downloads()
    server.put(photos__sub__blue_dot_png=LIME)
    server.remove("photos/note.txt")
    report = ingest(tmp_path, source)
    assert (report.changed, report.unchanged, report.deleted) == (1, 1, 1)
    assert server.downloads() == ["shop/photos/sub/blue.png"]
    server.put(photos__red_dot_txt="other words")
    report = ingest(tmp_path, source)
    assert report.unchanged == 1 and "shop/photos/red.txt" in server.downloads()
    entries = json.loads((tmp_path / "index.json").read_text("utf-8"))["entries"]
    assert sorted(entry["payload"]["_text"] for entry in entries) == ["", "other words"]
    assert b"only words" not in (tmp_path / "words.sqlite").read_bytes(), "what is gone is forgotten"


def test_more_than_a_page_of_objects_is_listed(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    server.put(**{f"photos__{number}_dot_png": RED for number in range(11)})
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "3")
    page = server.s3.list_objects_v2(Bucket="shop", Prefix="photos/")
    assert page["KeyCount"] == 3 and page["IsTruncated"]
    assert len(items_of(source_of(server))) == 3 + 11


def test_a_picture_beyond_the_limit_is_not_downloaded(server: Server) -> None:
    server.put(photos__empty_dot_png=b"")
    items = items_of(source_of(server, max_megabytes=0.00001))
    for name, says in (("red.png", r"larger than 1e-05 MB"), ("empty.png", "is empty")):
        with pytest.raises(PictureError, match=says):
            bytes_of(items[name])
    assert not any(name.endswith(".png") for name in server.downloads())


def test_an_object_that_went_meanwhile_says_so(server: Server) -> None:
    red = items_of(source_of(server))["red.png"]
    server.remove("photos/red.png")
    with pytest.raises(PictureError, match="cannot be downloaded: it is not there"):
        bytes_of(red)


def test_words_that_cannot_be_read_refuse_their_picture(server: Server) -> None:
    server.put(photos__a_dot_png=RED, photos__a_dot_json='{"who": {"may": "see"}}')
    server.put(photos__b_dot_png=RED, photos__b_dot_txt=b"\xff\xfe\xfa", photos__c_dot_txt=" ")
    items = items_of(source_of(server))
    for name, says in (
        ("a.png", "'a.json': 'who' is not flat"),
        ("b.png", "'b.txt' is not UTF-8"),
        ("c.txt", "neither"),
    ):
        refused = items[name]
        assert isinstance(refused, Unreadable) and says in refused.reason and not refused.hides_others


def test_an_address_that_gives_nothing_says_why(server: Server) -> None:
    server.put(empty__list_dot_xlsx=b"x")
    for more, says in (
        ({"url": "s3://nowhere"}, "'s3://nowhere' cannot be listed: it is not there"),
        ({"url": "s3://shop/nowhere"}, "cannot be listed: it is not there"),
        ({"url": "s3://shop/empty"}, r"there are no pictures or texts at 's3://shop/empty'; known endings are: \.jpg"),
        ({"endpoint_url": "http://127.0.0.1:9", "timeout": 1}, "cannot be listed: "),
    ):
        with pytest.raises(SourceError, match=says):
            list(source_of(server, **more).items())


def test_one_attempt_more_overcomes_trouble_that_passes(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    source = source_of(server, attempts=3)
    red = items_of(source)["red.png"]
    fs, asked = source.store._opened[0], list[str]()
    real = fs.cat_file

    def stumbling(path: str, **more: Any) -> Any:
        asked.append(path)
        if len(asked) < 3:
            raise OSError(16, "slow down")
        return real(path, **more)

    monkeypatch.setattr(fs, "cat_file", stumbling)
    assert bytes_of(red) == RED and len(asked) == 3
    asked[:] = []
    monkeypatch.setattr(source.store.options, "__dict__", {**source.store.options.__dict__, "attempts": 2})
    with pytest.raises(PictureError, match="slow down"):
        bytes_of(red)
    assert len(asked) == 2


def test_a_folder_that_cannot_be_listed_may_hide_items(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    source = source_of(server)
    fs = source.store._opened[0]
    real = fs.ls

    def shut(path: str, **more: Any) -> Any:
        if path.endswith("/sub"):
            raise PermissionError(13, "no")
        return real(path, **more)

    monkeypatch.setattr(fs, "ls", shut)
    assert items_of(source)["sub"] == Unreadable("sub", "the folder cannot be listed: access is denied", True)


def test_any_fsspec_address_is_read(tmp_path: Path) -> None:
    memory = fsspec.filesystem("memory")
    memory.pipe({"/imagora-test/a.png": RED, "/imagora-test/sub/b.txt": b"words"})
    (tmp_path / "sub").mkdir()
    (tmp_path / "a.png").write_bytes(RED)
    (tmp_path / "sub" / "b.txt").write_text("words")
    (tmp_path / "sub" / "loop").symlink_to(tmp_path)
    (tmp_path / "link.png").symlink_to(tmp_path / "a.png")
    try:
        for url in ("memory://imagora-test", f"file://{tmp_path}"):
            source = S3Source(S3Options(url=url))
            items = items_of(source)
            assert list(items) == ["a.png", "sub/b.txt"] and source.uri == url
            assert bytes_of(items["a.png"]) == RED
            before = items["a.png"]
            assert isinstance(before, Item) and before.version
            assert list(items_of(S3Source(S3Options(url=url, recursive=False)))) == ["a.png"]
        (tmp_path / "a.png").write_bytes(BLUE + b" ")
        after = items_of(source)["a.png"]
        assert isinstance(after, Item) and after.version != before.version
    finally:
        memory.rm("/imagora-test", recursive=True)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"url": "photos"}, "is not an address such as"),
        ({"url": "ftp://me:word@host/x"}, "a user or a password"),
        ({"url": "s3://a", "key": "k"}, "'key' and 'secret' are given together"),
        ({"url": "s3://a", "anon": True, "key": "k", "secret": "s"}, "keep one"),
        ({"url": "gs://a", "region": "eu"}, "'region' is for s3:// addresses"),
        ({"url": "s3://a", "pictures": ["jpg"]}, "begins with a dot"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(options: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says) as caught:
        S3Options.model_validate(options)
    assert "word" not in str(caught.value).split("[type")[0] or "password" in str(caught.value)


def test_secrets_are_not_in_names_or_in_words(server: Server) -> None:
    source = source_of(server, storage={"token": "hidden"})
    said = f"{source.uri} {source.options!r} {source.options.model_dump(mode='json')}"
    assert "hidden" not in said and KEYS["secret"] not in said and "s3://shop/photos" in said
