"""Which items a folder gives, and with which words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from imagora import Item, Unreadable
from imagora.errors import SourceError
from imagora_folder.options import FolderOptions
from imagora_folder.source import FolderSource
from PIL import Image
from pydantic import ValidationError


def write(root: Path, **files: str | bytes) -> None:
    """Write files; "__" in a name is a folder's slash, and "_dot_" a dot."""
    for name, content in files.items():
        path = root / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


def read(root: Path, **options: Any) -> dict[str, Item | Unreadable]:
    source = FolderSource(FolderOptions(path=root, **options))
    items = list(source.items())
    assert source.count() == len(items)
    assert [item.uri for item in items] == sorted({item.uri for item in items})
    return {item.uri: item for item in items}


def item(root: Path, uri: str, **options: Any) -> Item:
    found = read(root, **options)[uri]
    assert isinstance(found, Item), found
    return found


def reason(root: Path, uri: str, **options: Any) -> str:
    found = read(root, **options)[uri]
    assert isinstance(found, Unreadable), found
    return found.reason


def test_pictures_and_texts_are_items_and_other_files_are_not(tmp_path: Path) -> None:
    write(tmp_path, a_dot_JPG=b"", b__c_dot_png=b"", b__notes_dot_txt="words", program_dot_exe=b"", list_dot_json="[]")
    items = read(tmp_path)
    assert list(items) == ["a.JPG", "b/c.png", "b/notes.txt"]
    assert items["b/c.png"] == Item("b/c.png", picture=tmp_path / "b" / "c.png")
    assert items["b/notes.txt"] == Item("b/notes.txt", text="words")


def test_files_beside_a_picture_are_its_words(tmp_path: Path) -> None:
    write(
        tmp_path,
        cat_dot_jpg=b"",
        cat_dot_txt="\ufeffa grey cat\n",
        cat_dot_yaml="title: Tom\ntags: [grey, tom]\nprice: 3.5",
    )
    found = item(tmp_path, "cat.jpg")
    assert found.text == "a grey cat"
    assert found.metadata == {"title": "Tom", "tags": ["grey", "tom"], "price": 3.5}
    assert list(read(tmp_path)) == ["cat.jpg"]


MANIFESTS = {
    "manifest.yaml": "- {picture: a.jpg, title: A, text: words, tags: [x, y], price: 3, new: true}\n"
    "- {id: t1, text: alone}\n",
    "manifest.json": json.dumps(
        [
            {"file": "a.jpg", "title": "A", "description": "words", "tags": ["x", "y"], "price": 3, "new": True},
            {"id": "t1", "text": "alone"},
        ]
    ),
    "manifest.jsonl": '{"picture": "a.jpg", "title": "A", "text": "words", "tags": "x, y", "price": 3, "new": true}\n\n'
    '{"id": "t1", "text": "alone"}\n',
    "manifest.csv": '\ufeffpicture,id,title,text,tags,price,new\r\n./a.jpg,,A,words,"x, y",3,true\r\n,t1,,alone,,,\r\n',
    "own.csv": "picture;id;title;text;tags;price;new\na.jpg;;A;words;x, y;3;true\n;t1;;alone;;;\n",
}


@pytest.mark.parametrize("name", MANIFESTS)
def test_every_form_of_manifest_says_the_same(name: str, tmp_path: Path) -> None:
    write(tmp_path, a_dot_jpg=b"", b_dot_jpg=b"")
    (tmp_path / name).write_text(MANIFESTS[name], encoding="utf-8")
    items = read(tmp_path, manifest="own.csv" if name == "own.csv" else None)
    words = {"title": "A", "tags": ["x", "y"], "price": 3, "new": True}
    assert items["a.jpg"] == Item("a.jpg", "words", tmp_path / "a.jpg", words)
    assert items["b.jpg"] == Item("b.jpg", "", tmp_path / "b.jpg")
    assert items["t1"] == Item("t1", "alone", None, {"id": "t1"})


def test_a_row_wins_over_files_beside_the_picture_and_keeps_what_it_does_not_say(tmp_path: Path) -> None:
    write(
        tmp_path, a_dot_jpg=b"", a_dot_txt="from the text", a_dot_json='{"title": "old", "price": 1, "licence": "CC0"}'
    )
    write(tmp_path, manifest_dot_json='[{"picture": "a.jpg", "title": "new", "price": 2}]')
    found = item(tmp_path, "a.jpg")
    assert found.text == "from the text"
    assert found.metadata == {"title": "new", "price": 2, "licence": "CC0"}


def test_a_column_has_numbers_only_where_all_its_values_are_numbers(tmp_path: Path) -> None:
    write(tmp_path, manifest_dot_csv="id,title,sku,price,code\na,A,12,1.5,007\nb,2,x9,2,008\n")
    assert item(tmp_path, "a").metadata == {"id": "a", "title": "A", "sku": "12", "price": 1.5, "code": "007"}
    assert item(tmp_path, "b").metadata == {"id": "b", "title": "2", "sku": "x9", "price": 2.0, "code": "008"}


def test_a_row_may_name_a_text_or_a_picture_of_any_ending(tmp_path: Path) -> None:
    write(tmp_path, a_dot_txt="words", picture_dot_raw=b"x", win__b_dot_jpg=b"", _dot_hid_dot_jpg=b"")
    rows = [{"file": "a.txt", "title": "A"}, {"file": "picture.raw"}, {"file": "win\\b.jpg", "title": "B"}]
    (tmp_path / "manifest.json").write_text(json.dumps(rows))
    items = read(tmp_path)
    assert items["a.txt"] == Item("a.txt", "words", None, {"title": "A"})
    assert items["picture.raw"] == Item("picture.raw", "", tmp_path / "picture.raw")
    assert items["win/b.jpg"] == Item("win/b.jpg", "", tmp_path / "win" / "b.jpg", {"title": "B"})
    assert len(items) == 3


def test_options_choose_what_is_read(tmp_path: Path) -> None:
    write(tmp_path, a_dot_jpg=b"", sub__b_dot_jpg=b"", _dot_hid_dot_jpg=b"", c_dot_xyz=b"", n_dot_txt="n")
    assert list(read(tmp_path)) == ["a.jpg", "n.txt", "sub/b.jpg"]
    assert list(read(tmp_path, recursive=False)) == ["a.jpg", "n.txt"]
    assert list(read(tmp_path, hidden=True)) == [".hid.jpg", "a.jpg", "n.txt", "sub/b.jpg"]
    assert list(read(tmp_path, pictures=[".XYZ"], texts=[])) == ["c.xyz"]


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("manifest", "../manifest.csv", "a name and not a path"),
        ("manifest", "manifest.xlsx", "must end in one of .yaml"),
        ("pictures", ["jpg"], "a file ending begins with a dot"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(key: str, value: object, says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        FolderOptions.model_validate({key: value})


def test_the_source_is_named_by_the_folders_absolute_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert FolderSource(FolderOptions.model_validate({"path": "x/../photos"})).uri == f"folder:{tmp_path}/photos"


def test_a_source_without_a_folder_says_what_to_type() -> None:
    source = FolderSource(FolderOptions())
    for use in (lambda: source.uri, source.count, lambda: list(source.items())):
        with pytest.raises(SourceError, match=r"has no folder; say 'path: …' in the recipe, or type: --source DIR"):
            use()


def test_a_folder_that_gives_nothing_says_why(tmp_path: Path) -> None:
    write(tmp_path, file_dot_bin=b"")
    for folder, says in (
        (tmp_path / "nowhere", "is not there"),
        (tmp_path / "file.bin", "is not a folder"),
        (tmp_path, r"there are no pictures or texts in '.*'; known endings are: \.jpg, .*\.txt, \.md"),
    ):
        with pytest.raises(SourceError, match=says):
            FolderSource(FolderOptions(path=folder)).count()
    with pytest.raises(SourceError, match=r"there is no manifest 'list\.csv' in"):
        FolderSource(FolderOptions(path=tmp_path, manifest="list.csv")).count()


def test_a_changed_manifest_is_read_anew(tmp_path: Path) -> None:
    write(tmp_path, a_dot_jpg=b"", manifest_dot_csv="picture,title\na.jpg,old\n")
    source = FolderSource(FolderOptions(path=tmp_path))
    assert [item.metadata for item in source.items() if isinstance(item, Item)] == [{"title": "old"}]
    write(tmp_path, manifest_dot_csv="picture,title\na.jpg,new\n")
    assert [item.metadata for item in source.items() if isinstance(item, Item)] == [{"title": "new"}]


def test_what_may_hide_other_items_says_so(tmp_path: Path) -> None:
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    (tmp_path / "manifest.jsonl").write_text('{"picture": "a.png"}\n{"picture": "gone.png"}\n{"picture": "b.png", \n')
    refused = [item for item in FolderSource(FolderOptions(path=tmp_path)).items() if isinstance(item, Unreadable)]
    assert [(item.uri, item.hides_others) for item in refused] == [
        ("manifest.jsonl, line 2", False),
        ("manifest.jsonl, line 3", True),
    ]
