"""What a folder that is odd, broken or hostile gets: a reason for each thing, and the rest is read."""

from __future__ import annotations

import json
import os
import socket
import sys
from pathlib import Path

import pytest
from imagora import Item
from imagora.errors import SourceError
from imagora_folder.options import FolderOptions
from imagora_folder.source import FolderSource

from .test_folder_items import item, read, reason, write

BAD_SIDES = {
    "not json": ("a.json", "{no", "'a.json' beside it: it is not JSON: expecting property name"),
    "a list": ("a.json", "[1]", "it must be a mapping"),
    "nested": ("a.json", '{"size": {"w": 3}}', "'size' is a mapping, and metadata is flat"),
    "nested list": ("a.json", '{"size": [[3]]}', "'size' is a list in a list"),
    "a key twice": ("a.json", '{"a": 1, "a": 2}', "the key 'a' is there twice"),
    "not a number": ("a.json", '{"price": NaN}', "'NaN' is not a number in JSON"),
    "too large a number": ("a.json", '{"price": 1e999}', "'price' is a number that cannot be stored"),
    "too long a number": ("a.json", '{"price": ' + "9" * 30 + "}", "'price' is a number that cannot be stored"),
    "far too long a number": ("a.json", '{"price": ' + "9" * 5000 + "}", "it is not JSON"),
    "deep": ("a.json", '{"a": ' + "[" * 100_000, "it is nested too deeply"),
    "half a character": ("a.json", '{"title": "\\ud800"}', "half a character"),
    "a reserved key": ("a.json", '{"_text": "x"}', "'_text' cannot be a metadata key"),
    "tags of mappings": ("a.json", '{"tags": [{"a": 1}]}', "'tags' is a mapping"),
    "text that is a number": ("a.json", '{"text": 5}', "its text must be words"),
    "not utf-8": ("a.txt", b"caf\xe9", "'a.txt' beside it: it is not UTF-8 text (at byte 3)"),
    "too large": ("a.txt", b"x" * 1_000_001, "it is larger than 1 MB"),
    "a python tag": ("a.yaml", "!!python/object/apply:os.system [id]", "it is not plain YAML"),
    "an own tag": ("a.yaml", "title: !secret x", "it is not plain YAML"),
    "aliases": ("a.yaml", "a: &a [1, 2]\nb: *a", "aliases (*) are not allowed here at line 2, column 4"),
    "merges that multiply": (
        "a.yaml",
        "x0: &x0 {k: 1}\n" + "".join(f"x{n}: &x{n} {{<<: [*x{n - 1}, *x{n - 1}]}}\n" for n in range(1, 60)),
        "aliases (*) are not allowed here",
    ),
    "yaml key twice": ("a.yaml", "a: 1\na: 2", "it is not plain YAML: found duplicate key"),
    "deep yaml": ("a.yaml", "a: " + "[" * 50_000, "it is nested too deeply"),
    "deep yaml by dashes": ("a.yaml", "- " * 5000, "it is nested too deeply"),
    "large yaml": ("a.yaml", "a: " + "x" * 100_000, "it is larger than 0.1 MB"),
    "two documents": ("a.yaml", "a: 1\n---\na: 2", "it is not plain YAML"),
    "binary": ("a.yaml", "a: !!binary aGk=", "'a' is not plain"),
    "a set": ("a.yaml", "a: !!set {x}", "'a' is not plain"),
    "control characters": ("a.yaml", b"a: \x01", "it is not plain YAML"),
    "no value": ("a.yaml", "a: .nan", "'a' is a number that cannot be stored"),
    "a key that is no word": ("a.yaml", "1: x", "'1' cannot be a metadata key"),
}


@pytest.mark.parametrize("name", BAD_SIDES)
def test_a_picture_is_not_given_without_what_is_said_beside_it(name: str, tmp_path: Path) -> None:
    file, content, says = BAD_SIDES[name]
    write(tmp_path, a_dot_jpg=b"", b_dot_jpg=b"")
    (tmp_path / file).write_bytes(content if isinstance(content, bytes) else content.encode())
    assert says in reason(tmp_path, "a.jpg")
    assert item(tmp_path, "b.jpg")


def test_two_files_of_metadata_for_one_picture_are_one_too_many(tmp_path: Path) -> None:
    write(tmp_path, a_dot_jpg=b"", a_dot_json="{}", a_dot_yaml="{}")
    assert reason(tmp_path, "a.jpg") == "it has more than one file with its words: 'a.json', 'a.yaml'; keep one"


def test_dates_of_yaml_are_kept_as_words(tmp_path: Path) -> None:
    write(tmp_path, a_dot_jpg=b"", a_dot_yaml="day: 2024-05-01\nagree: no")
    assert item(tmp_path, "a.jpg").metadata == {"day": "2024-05-01", "agree": "no"}


def test_an_empty_text_is_no_item(tmp_path: Path) -> None:
    write(tmp_path, a_dot_txt=" \n", b_dot_txt="b")
    assert reason(tmp_path, "a.txt") == "it has neither a picture nor words"


def test_bad_rows_are_named_and_the_rest_goes_on(tmp_path: Path) -> None:
    outside = tmp_path / "outside.jpg"
    outside.touch()
    root = tmp_path / "root"
    write(root, a_dot_jpg=b"", b_dot_jpg=b"", c_dot_jpg=b"", sub__d_dot_jpg=b"")
    (root / "link.jpg").symlink_to(outside)
    (root / "away").symlink_to(tmp_path)
    rows = [
        {"picture": "a.jpg", "title": "fine"},
        {"picture": "gone.jpg"},
        {"picture": "../outside.jpg"},
        {"picture": str(outside)},
        {"picture": "C:\\outside.jpg"},
        {"picture": "sub\\..\\..\\outside.jpg"},
        {"picture": "link.jpg"},
        {"picture": "away/outside.jpg"},
        {"picture": "sub"},
        {"picture": "a.jpg", "title": "again"},
        {"picture": "a.jpg", "file": "b.jpg"},
        {"picture": ["a.jpg"]},
        {"picture": "a\0.jpg"},
        {"title": "nameless"},
        {"id": "b.jpg", "text": "a file's name"},
        {"id": "t1"},
        {"id": True, "text": "x"},
        "a.jpg",
        {"picture": "b.jpg", "size": {"w": 3}},
        {"picture": "x" * 5000},
    ]
    (root / "manifest.json").write_text(json.dumps(rows))
    items = read(root)
    assert item(root, "a.jpg").metadata == {"title": "fine"}
    assert isinstance(items["c.jpg"], Item)
    says = {
        2: "there is no file 'gone.jpg' in the folder",
        3: "'../outside.jpg' is outside the folder",
        4: "is outside the folder",
        5: "is outside the folder",
        6: "is outside the folder",
        7: "'link.jpg' is behind a link, and 'follow_links' is off",
        8: "'away/outside.jpg' is behind a link",
        9: "'sub' is not a regular file",
        10: "'a.jpg' has a row already: row 1",
        11: "it has both 'picture' and 'file'; keep one",
        12: "its 'picture' must be a path in the folder",
        13: "its 'picture' must be a path in the folder",
        14: "it names no picture, and a text needs an 'id'",
        15: "its id 'b.jpg' is the name of a file in the folder",
        17: "it names no picture, and a text needs an 'id'",
        18: "a row must be a mapping",
        20: "cannot be read: ",
    }
    for number, wanted in says.items():
        assert wanted in reason(root, f"manifest.json, row {number}")
    assert reason(root, "t1") == "it has neither a picture nor words"
    assert "'size' is a mapping" in reason(root, "b.jpg")
    assert len(items) == len(says) + 5


def test_a_row_with_too_many_values_holds_back_its_picture(tmp_path: Path) -> None:
    write(tmp_path, a_dot_jpg=b"", b_dot_jpg=b"", manifest_dot_csv="picture,title\na.jpg,A,secret\nb.jpg,B\n")
    assert reason(tmp_path, "a.jpg") == "it has more values than there are columns"
    assert item(tmp_path, "b.jpg").metadata == {"title": "B"}


def test_a_broken_line_is_named_by_its_number(tmp_path: Path) -> None:
    write(tmp_path, manifest_dot_jsonl='{"id": "a", "text": "x"}\n\n{"id": \n{"id": "b", "text": "y"}\n')
    assert list(read(tmp_path)) == ["a", "b", "manifest.jsonl, line 3"]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("manifest.json", b"{}", "it must be a list"),
        ("manifest.json", b"[", "it is not JSON"),
        ("manifest.yaml", b"- &a [*a]", "aliases"),
        ("manifest.csv", b"\xff", "not UTF-8 text"),
        ("manifest.csv", b"a,a\n1,2\n", "two of its columns have the same name"),
        ("manifest.yaml", b"# " + b"x" * 2_000_000, "larger than 2 MB"),
    ],
)
def test_a_manifest_that_cannot_be_read_at_all_stops_before_anything_is_given(
    name: str, content: bytes, says: str, tmp_path: Path
) -> None:
    write(tmp_path, a_dot_jpg=b"")
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceError, match=r"the manifest '.*' cannot be used") as caught:
        list(FolderSource(FolderOptions(path=tmp_path)).items())
    assert says in str(caught.value)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")
def test_pipes_sockets_and_devices_are_never_opened(tmp_path: Path) -> None:
    write(tmp_path, a_dot_jpg=b"", c_dot_jpg=b"")
    os.mkfifo(tmp_path / "b.jpg")
    os.mkfifo(tmp_path / "c.txt")
    os.mkfifo(tmp_path / "n.txt")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s.png"))
        (tmp_path / "null.png").symlink_to("/dev/null")
        items = read(tmp_path, follow_links=True)
    assert isinstance(items["a.jpg"], Item)
    for name in ("b.jpg", "n.txt", "s.png"):
        assert reason(tmp_path, name, follow_links=True) == "it is not a regular file"
    os.mkfifo(tmp_path / "manifest.csv")
    with pytest.raises(SourceError, match="it is not a regular file"):
        read(tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not allow such names")
def test_names_with_newlines_and_other_bytes_never_crash(tmp_path: Path) -> None:
    write(tmp_path, manifest_dot_csv='picture,title\n"new\nline.jpg",two lines\n')
    (tmp_path / "new\nline.jpg").touch()
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.jpg")).touch()
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/d\xe9")).mkdir()
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/d\xe9/x.jpg")).touch()
    assert item(tmp_path, "new\nline.jpg").metadata == {"title": "two lines"}
    for name in ("caf\\xe9.jpg", "d\\xe9/x.jpg"):
        assert reason(tmp_path, name) == "its name is not valid UTF-8; give it another"
        name.encode()
    with pytest.raises(SourceError, match="not valid UTF-8"):
        FolderSource(FolderOptions(path=Path(os.fsdecode(os.fsencode(tmp_path) + b"/d\xe9")))).count()


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS decides on one form of a name itself")
def test_a_row_finds_its_file_in_either_unicode_form(tmp_path: Path) -> None:
    (tmp_path / "cafe\u0301.jpg").touch()
    write(tmp_path, manifest_dot_csv="picture,title\ncaf\u00e9.jpg,Coffee\n")
    assert item(tmp_path, "cafe\u0301.jpg").metadata == {"title": "Coffee"}


def test_links_are_passed_over_unless_asked_for_and_loops_end(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    write(outside, o_dot_jpg=b"")
    root = tmp_path / "root"
    write(root, a_dot_jpg=b"", sub__b_dot_jpg=b"")
    (root / "away").symlink_to(outside)
    (root / "sub" / "up").symlink_to(root)
    (root / "again").symlink_to(root / "sub")
    (root / "self.jpg").symlink_to("self.jpg")
    (root / "gone.jpg").symlink_to("nowhere.jpg")
    (root / "link.jpg").symlink_to(outside / "o.jpg")
    assert list(read(root)) == ["a.jpg", "sub/b.jpg"]
    items = read(root, follow_links=True)
    assert [uri for uri, one in items.items() if isinstance(one, Item)] == [
        "a.jpg",
        "away/o.jpg",
        "link.jpg",
        "sub/b.jpg",
    ]
    assert reason(root, "gone.jpg", follow_links=True) == "it is a link that leads nowhere"
    assert "self.jpg" in items


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    write(tmp_path, a_dot_jpg=b"", shut__b_dot_jpg=b"")
    (tmp_path / "shut").chmod(0)
    assert "the folder cannot be read" in reason(tmp_path, "shut")
    (tmp_path / "shut").chmod(0o700)


def test_a_folder_nested_three_hundred_deep_is_read(tmp_path: Path) -> None:
    folder = tmp_path
    for _ in range(300):
        folder = folder / "d"
        folder.mkdir()
    (folder / "a.jpg").touch()
    assert list(read(tmp_path)) == ["d/" * 300 + "a.jpg"]
