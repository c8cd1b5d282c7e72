"""Which items a table gives, and what it says of rows that it cannot use."""

from __future__ import annotations

import datetime
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from imagora import Item, Unreadable
from imagora.errors import MissingExtra, SourceError
from imagora_table import rows as rows_module
from imagora_table.options import TableOptions
from imagora_table.source import TableSource
from pydantic import ValidationError

from .table_places import picture, read

TYPES = {"price": "float", "sold": "bool", "stock": "int", "since": "date", "sizes": "list", "sku": "str"}
FULL = Item(
    "1",
    "a red chair",
    None,
    {
        "title": "Chair",
        "tags": ["red", "wood"],
        "price": 12.5,
        "sold": False,
        "stock": 3,
        "since": "2026-01-31",
        "sizes": ["S", "M"],
        "sku": "007",
    },
)
CSV = (
    "id,text,title,tags,price,sold,stock,since,sizes,sku,left out\n"
    '1,a red chair,Chair,"red, wood",12.5,no,3,2026-01-31,S;M,007,x\n'
)


def test_csv_has_items_with_typed_metadata(tmp_path: Path) -> None:
    assert read(tmp_path / "t.csv", CSV, metadata=TYPES) == [FULL]


@pytest.mark.parametrize("sign", [";", "\t", "|"])
def test_the_delimiter_is_found_in_the_header(tmp_path: Path, sign: str) -> None:
    changed = CSV.replace('"red, wood"', "red; wood").replace(",", sign).replace("red; wood", '"red, wood"')
    if sign == ";":
        changed = changed.replace("S;M", '"S;M"')
    assert read(tmp_path / "t.csv", changed, metadata=TYPES) == [FULL]


def test_the_delimiter_can_be_said(tmp_path: Path) -> None:
    assert read(tmp_path / "t.csv", "id;title,a,b\n1;x\n", delimiter=";", columns={"title": "title,a,b"}) == [
        Item("1", metadata={"title": "x"})
    ]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_tells_the_encoding(tmp_path: Path, encoding: str) -> None:
    content = "id,title\r\n1,Müller's chair\r\n".encode(encoding)
    assert read(tmp_path / "t.csv", content) == [Item("1", metadata={"title": "Müller's chair"})]


def test_the_encoding_can_be_said(tmp_path: Path) -> None:
    content = "id,title\n1,Müller\n".encode("cp1252")
    assert read(tmp_path / "t.csv", content, encoding="cp1252") == [Item("1", metadata={"title": "Müller"})]
    with pytest.raises(ValidationError, match="the name of an encoding"):
        TableOptions(encoding="utf-88")


def test_json_lines_and_parquet_have_the_same_items_as_csv(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow", reason="Parquet needs pyarrow")
    pq = pytest.importorskip("pyarrow.parquet", reason="Parquet needs pyarrow")
    row: dict[str, Any] = {"id": 1, "text": FULL.text, "title": "Chair", "tags": ["red", "wood"], "price": 12.5}
    row |= {"sold": False, "stock": 3, "sizes": ["S", "M"], "sku": "007", "left out": None}
    assert read(tmp_path / "t.jsonl", json.dumps(row | {"since": "2026-01-31"}), metadata=TYPES) == [FULL]
    dated = row | {"since": datetime.date(2026, 1, 31)}
    pq.write_table(pa.Table.from_pylist([dated]), tmp_path / "t.parquet")
    assert read(tmp_path / "t.parquet", metadata=TYPES) == [FULL]


def test_without_metadata_in_the_recipe_every_other_column_is(tmp_path: Path) -> None:
    assert read(tmp_path / "t.csv", "id,title,price,,empty\n1,x,3,unnamed,\n") == [
        Item("1", metadata={"title": "x", "price": "3"})
    ]
    assert read(tmp_path / "t.jsonl", '{"id": "1", "title": "x", "price": 3, "new": true}') == [
        Item("1", metadata={"title": "x", "price": 3, "new": True})
    ]


def test_quotes_keep_lines_and_delimiters_and_line_numbers_stay_right(tmp_path: Path) -> None:
    content = 'id,text,price\n1,"two\nlines, and ""quotes""",3\n\n,,\n2,x,cheap\n'
    first, second = read(tmp_path / "t.csv", content, metadata={"price": "float"})
    assert first == Item("1", 'two\nlines, and "quotes"', metadata={"price": 3.0})
    assert second == Unreadable("2", "line 6: 'price' must be a number, and it is 'cheap'")


@pytest.mark.parametrize(
    ("kind", "wrong", "wanted"),
    [
        ("int", "3.5", "a whole number"),
        ("int", "9" * 19, "a whole number"),
        ("float", "nan", "a number"),
        ("float", "1,5", "a number"),
        ("float", "1e999", "a number"),
        ("bool", "maybe", "true or false"),
        ("date", "31.1.2026", "a date like 2026-01-31"),
    ],
)
def test_a_value_of_another_type_refuses_its_row_only(tmp_path: Path, kind: str, wrong: str, wanted: str) -> None:
    content = f'id,title,x\n1,a,"{wrong}"\n2,b,\n'
    bad, good = read(tmp_path / "t.csv", content, metadata={"x": kind})
    assert isinstance(bad, Unreadable) and not bad.hides_others and bad.uri == "1"
    assert bad.reason.startswith(f"line 2: 'x' must be {wanted}") and bad.reason.endswith(f"it is '{wrong}'")
    assert good == Item("2", metadata={"title": "b"})


@pytest.mark.parametrize(
    ("kind", "wrong"), [("int", True), ("int", 1.5), ("float", True), ("bool", 1), ("str", ["a"]), ("list", 3)]
)
def test_json_values_are_checked_too(tmp_path: Path, kind: str, wrong: Any) -> None:
    (bad,) = read(tmp_path / "t.jsonl", json.dumps({"id": "1", "text": "a", "x": wrong}), metadata={"x": kind})
    assert isinstance(bad, Unreadable) and "'x' must be" in bad.reason and not bad.hides_others


LOST = {
    "ragged": ("t.csv", "id,title\n1,a\n2,b,c\n3,d\n", "line 3", "the number of values must be 2"),
    "short": ("t.csv", "id,title\n1,a\n2\n3,d\n", "line 3", "the number of values must be 2"),
    "no id": ("t.csv", "id,title\n1,a\n ,b\n3,d\n", "line 3", "it has neither an 'id' nor a 'picture'"),
    "quote": ("t.csv", 'id,title\n1,a\n2,"b"c\n3,d\n', "line 3", "it is no CSV"),
    "no JSON": (
        "t.jsonl",
        '{"id": 1, "title": "a"}\n\n{"id": 2,\n{"id": 3, "title": "d"}\n',
        "line 3",
        "it is not JSON",
    ),
    "NaN": ("t.jsonl", '{"id": 1, "title": "a"}\n\n{"id": NaN}\n{"id": 3, "title": "d"}\n', "line 3", "'NaN'"),
    "twice": ("t.jsonl", '{"id": 1, "title": "a"}\n\n{"id": 2, "id": 4}\n{"id": 3, "title": "d"}\n', "line 3", "twice"),
    "list": ("t.jsonl", '{"id": 1, "title": "a"}\n\n[2]\n{"id": 3, "title": "d"}\n', "line 3", "must be a mapping"),
    "deep": ("t.jsonl", '{"id": 1, "title": "a"}\n\n' + "[" * 99_999 + '\n{"id": 3, "title": "d"}\n', "line 3", "deep"),
}


@pytest.mark.parametrize("case", LOST)
def test_a_row_that_cannot_be_named_hides_others_and_the_rest_goes_on(tmp_path: Path, case: str) -> None:
    name, content, where, reason = LOST[case]
    first, bad, third = read(tmp_path / name, content)
    assert isinstance(first, Item) and isinstance(third, Item) and (first.uri, third.uri) == ("1", "3")
    assert isinstance(bad, Unreadable) and bad.hides_others and bad.uri == f"{name}, {where}"
    assert bad.reason.startswith(f"{where}: ") and reason in bad.reason


def test_a_line_without_end_is_refused_and_not_read_into_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows_module, "LINE", 1000)
    for name, first, last in (("t.csv", "id,title\n", "1,a\n"), ("t.jsonl", "\n", '{"id": 1, "title": "a"}\n')):
        bad, good = read(tmp_path / name, first + "x" * 100_000 + "\n" + last)
        assert isinstance(bad, Unreadable) and bad.hides_others and "longer than 1000" in bad.reason
        assert good == Item("1", metadata={"title": "a"})


def test_a_quote_that_is_never_closed_costs_bounded_memory(tmp_path: Path) -> None:
    items = read(tmp_path / "t.csv", 'id,title\n1,a\n2,"b\n' + "3,c\n" * 40_000)
    assert items[0] == Item("1", metadata={"title": "a"})
    assert isinstance(items[1], Unreadable) and items[1].hides_others and "field limit" in items[1].reason


def test_bytes_in_another_encoding_refuse_their_row_only(tmp_path: Path) -> None:
    bad, good = read(tmp_path / "t.csv", b"id,title\n1,M\xfcller\n2,ok\n")
    assert isinstance(bad, Unreadable) and (bad.uri, bad.hides_others) == ("1", False) and "UTF-8" in bad.reason
    assert good == Item("2", metadata={"title": "ok"})
    lost, _ = read(tmp_path / "t.csv", b"id,title\nM\xfcller,a\n2,ok\n")
    assert isinstance(lost, Unreadable) and lost.hides_others


def test_ids_that_come_twice_are_errors_that_say_where(tmp_path: Path) -> None:
    first, again = read(tmp_path / "t.csv", "id,title\n1,a\n1,b\n")
    assert first == Item("1", metadata={"title": "a"})
    assert again == Unreadable("t.csv, line 3", "line 3: the name '1' is taken already, by line 2")


def test_pictures_are_beside_the_table_and_name_their_rows(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.png").write_bytes(picture())
    (item,) = read(tmp_path / "t.csv", "picture,title\n./sub/a.png,x\n")
    assert item == Item("sub/a.png", picture=tmp_path / "sub" / "a.png", metadata={"title": "x"})
    (windows,) = read(tmp_path / "t.csv", "picture,id\nsub\\a.png,7\n")
    assert windows == Item("7", picture=tmp_path / "sub" / "a.png")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("../secret.png", "outside of the table's folder"),
        ("sub/../../secret.png", "outside of the table's folder"),
        ("..\\secret.png", "outside of the table's folder"),
        ("/etc/passwd", "outside of the table's folder"),
        ("C:\\secret.png", "outside of the table's folder"),
        ("link.png", "behind a link"),
        ("linked/secret.png", "behind a link"),
        ("sub", "not a regular file"),
        ("pipe.png", "not a regular file"),
        ("gone.png", "there is no file 'gone.png'"),
        ("a\0.png", "not a path"),
        ("x" * 5000, "cannot be read"),
        ("file:///etc/passwd", "is a URL, and fetching is off"),
        ("https://example.org/a.png", "is a URL, and fetching is off"),
        ("data:image/png;base64,AAAA", "is a URL, and fetching is off"),
    ],
)
def test_no_picture_from_elsewhere_is_read(tmp_path: Path, name: str, reason: str) -> None:
    root = tmp_path / "root"
    (root / "sub").mkdir(parents=True)
    (tmp_path / "secret.png").write_bytes(picture())
    (root / "link.png").symlink_to(tmp_path / "secret.png")
    (root / "linked").symlink_to(tmp_path)
    os.mkfifo(root / "pipe.png")
    (bad,) = read(root / "t.jsonl", json.dumps({"id": "1", "picture": name}))
    assert isinstance(bad, Unreadable) and (bad.uri, bad.hides_others) == ("1", False) and reason in bad.reason


def test_a_version_column_says_when_a_picture_changed(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(picture())
    content = "id,picture,changed\n1,a.png,2026-01-01\n"
    (one,) = read(tmp_path / "t.csv", content, columns={"version": "changed"})
    assert isinstance(one, Item) and one.version == f"{tmp_path / 'a.png'} 2026-01-01" and one.metadata == {}


WRONG = {
    "no such column": (
        "t.csv",
        "id,titel\n1,a\n",
        {"columns": {"title": "titl"}},
        "no column 'titl'; did you mean 'titel'",
    ),
    "no such metadata": ("t.csv", "id,prise\n1,a\n", {"metadata": {"price": "float"}}, "did you mean 'prise'"),
    "neither": ("t.csv", "name,words\na,b\n", {}, "neither a column 'id' nor 'picture' (there is: name, words)"),
    "two of a name": ("t.csv", "id,a,a\n1,2,3\n", {}, "more than one column 'a'"),
    "reserved": ("t.csv", "id,_secret\n1,2\n", {}, "the column '_secret'"),
    "empty": ("t.csv", "", {}, "is empty"),
    "header only": ("t.csv", "id,title\n", {}, "has no rows"),
    "no rows": ("t.jsonl", "\n\n", {}, "has no rows"),
    "half a letter": ("t.csv", b"\xff\xfei\0d\0\n\x001\0\n\0\x00\xd8\n\0", {}, "is damaged after line"),
    "no Parquet": ("t.parquet", "id,title\n1,a\n", {}, "is not Parquet"),
    "unknown ending": ("t.xlsx", "PK", {}, "ends in one of .csv"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_table_that_cannot_be_read_at_all_says_why(tmp_path: Path, case: str) -> None:
    name, content, options, reason = WRONG[case]
    with pytest.raises(SourceError) as caught:
        read(tmp_path / name, content, **options)
    assert reason in str(caught.value) and not str(caught.value).endswith(".")


def test_a_table_that_is_not_there_or_is_no_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot be read: No such file"):
        read(tmp_path / "t.csv")
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(SourceError, match="not a regular file"):
        read(tmp_path / "pipe.csv")
    with pytest.raises(SourceError, match="--source FILE"):
        list(TableSource(TableOptions()).items())


def test_parquet_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow", reason="Parquet needs pyarrow")
    pq = pytest.importorskip("pyarrow.parquet", reason="Parquet needs pyarrow")
    pq.write_table(pa.table({"id": [str(n) for n in range(9999)]}), tmp_path / "t.parquet")
    whole = (tmp_path / "t.parquet").read_bytes()
    middle = whole[:100] + b"\xff" * 200 + whole[300:]
    for damaged in (whole[:-100], whole[: len(whole) // 2], middle):
        with pytest.raises(SourceError, match="not Parquet, or is damaged|is damaged after row"):
            read(tmp_path / "t.parquet", damaged)


def test_without_pyarrow_csv_is_read_and_parquet_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert read(tmp_path / "t.csv", "id,title\n1,a\n") == [Item("1", metadata={"title": "a"})]
    with pytest.raises(MissingExtra, match=r"pip install 'imagora\[table\]'"):
        read(tmp_path / "t.parquet", b"PAR1")


MEASURE = """
import resource, sys
from pathlib import Path
from imagora_table.options import TableOptions
from imagora_table.source import TableSource
for item in TableSource(TableOptions(path=Path(sys.argv[1]))).items():
    assert item.metadata["title"], item
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


@pytest.mark.parametrize("name", ["t.csv", "t.jsonl"])
def test_memory_does_not_grow_with_the_rows(tmp_path: Path, name: str) -> None:
    peaks = []
    for count in (1_000, 20_000):
        with (tmp_path / name).open("w") as file:
            file.write("id,title\n" if name == "t.csv" else "\n")
            for number in range(count):
                row = {"id": f"item {number}", "title": "x" * 200}
                file.write(json.dumps(row) + "\n" if name == "t.jsonl" else f"{row['id']},{row['title']}\n")
        command = [sys.executable, "-c", MEASURE, str(tmp_path / name)]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stderr
        peaks.append(int(ran.stdout))
    assert peaks[1] <= peaks[0] + 10, f"MB at 1,000 and 20,000 rows: {peaks}"  # the names' cache may have 8
