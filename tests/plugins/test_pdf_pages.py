"""Which pages `pdf` gives, with which words and pictures, and what it says of files that it cannot use."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

import imagora_ingestion
import imagora_pdf
import pytest
import toys
from imagora import Item, Unreadable, load
from imagora.catalog import Catalog
from imagora.errors import PictureError, SourceError
from imagora_pdf.options import PdfOptions
from imagora_pdf.reader import Reader
from imagora_pdf.source import PagePicture, PdfSource
from PIL import Image
from pydantic import ValidationError

from .pdf_files import ENCRYPTED, pdf, whole

TWO = pdf([("a red chair", "red"), ("a blue sofa", "blue")], title="Catalogue")


def read(path: Path, content: bytes | None = None, **options: Any) -> list[Item | Unreadable]:
    if content is not None:
        path.write_bytes(content)
    return list(PdfSource(PdfOptions.model_validate({"path": path, **options})).items())


def drawn(item: Item | Unreadable) -> Image.Image:
    assert isinstance(item, Item) and isinstance(item.picture, PagePicture)
    return Image.open(BytesIO(item.picture()))


def test_every_page_is_an_item_with_its_words_and_its_picture(tmp_path: Path) -> None:
    one, two = read(tmp_path / "shop.pdf", TWO, dpi=72)
    assert isinstance(one, Item) and isinstance(two, Item)
    assert (one.uri, one.text) == ("shop.pdf#page=1", "a red chair")
    assert (two.uri, two.text) == ("shop.pdf#page=2", "a blue sofa")
    assert two.metadata == {"title": "Catalogue", "page": 2, "pages": 2}
    assert drawn(one).size == (300, 200) and drawn(two).getpixel((5, 5)) == (31, 61, 219)
    assert drawn(read(tmp_path / "shop.pdf", dpi=144)[0]).size == (600, 400)


def test_the_version_follows_the_file_the_page_and_the_dots(tmp_path: Path) -> None:
    def versions(**options: Any) -> list[str | None]:
        return [item.version for item in read(tmp_path / "a.pdf", **options) if isinstance(item, Item)]

    (tmp_path / "a.pdf").write_bytes(TWO)
    first = versions()
    assert versions() == first and len({*first, *versions(dpi=72)}) == 4
    (tmp_path / "a.pdf").write_bytes(TWO + b"\n")
    assert not {*first} & {*versions()}


def test_a_scanned_page_has_no_words_and_its_file_name_for_a_title(tmp_path: Path) -> None:
    Image.new("RGB", (50, 40), "red").save(tmp_path / "scan.pdf", "PDF")
    (item,) = read(tmp_path / "scan.pdf")
    assert isinstance(item, Item) and item.text == "" and item.metadata["title"] == "scan"
    red, green, _ = drawn(item).convert("RGB").getpixel((20, 20))  # type: ignore[misc] # three numbers, as it is RGB
    assert red > 240 and green < 20


def test_a_folder_has_the_pages_of_its_files_and_links_are_passed_over(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "b#page=1.pdf").mkdir(parents=True)
    for name in ("z.PDF", "b#page=1.pdf/a.pdf", ".hidden.pdf", "notes.txt", "../secret.pdf"):
        (root / name).write_bytes(pdf([("x", "red")]))
    (root / "link.pdf").symlink_to(tmp_path / "secret.pdf")
    assert [item.uri for item in read(root)] == ["z.PDF#page=1", "b#page=1.pdf/a.pdf#page=1"]


def test_pages_are_chosen(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(pdf([(str(number), "white") for number in range(1, 9)]))

    def pages(**options: Any) -> list[Any]:
        return [item.metadata["page"] for item in read(tmp_path / "a.pdf", **options) if isinstance(item, Item)]

    assert pages(pages="2-3, 5,7-") == [2, 3, 5, 7, 8] and pages(pages=4) == [4] and pages(pages="9") == []
    assert pages(pages="1-3", max_pages=3) == [1, 2, 3]
    for wrong in ("0", "3-1", "a", "1,,2", "-3"):
        with pytest.raises(ValidationError, match="pages are written like"):
            PdfOptions(pages=wrong)


BAD = {
    "empty": (b"", {}, "the file is empty"),
    "no PDF": (b"words", {}, "it is not a PDF"),
    "a picture": (b"\x89PNG\r\n\x1a\n" * 200, {}, "it is not a PDF"),
    "header only": (b"%PDF-1.7\n", {}, "damaged or cut off"),
    "cut off": (TWO[:200], {}, "damaged or cut off"),
    "encrypted": (pdf([("a", "red")], trailer=ENCRYPTED), {}, "encrypted"),
    "too large": (TWO, {"max_bytes": 100}, "limit 'max_bytes'"),
    "too many pages": (TWO, {"max_pages": 1}, "it has 2 pages, and 'max_pages' is 1"),
    "no pages": (pdf([]), {}, "it has no pages"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_file_that_cannot_be_used_hides_its_pages_and_the_rest_goes_on(tmp_path: Path, case: str) -> None:
    content, options, reason = BAD[case]
    (tmp_path / "b.pdf").write_bytes(content)
    (tmp_path / "c.pdf").write_bytes(pdf([("fine", "red")]) if "too" not in case else TWO)
    bad, *rest = read(tmp_path, **options)
    assert isinstance(bad, Unreadable) and bad.uri == "b.pdf" and bad.hides_others
    assert reason in bad.reason
    assert len(rest) == 1 and rest[0].uri.startswith("c.pdf")


def test_a_pipe_and_what_is_not_there_are_named(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.pdf")
    assert read(tmp_path) == [Unreadable("pipe.pdf", "it is not a regular file", hides_others=True)]
    with pytest.raises(SourceError, match="is not there"):
        read(tmp_path / "gone")
    (tmp_path / "none").mkdir()
    with pytest.raises(SourceError, match=r"no files that end in \.pdf"):
        read(tmp_path / "none")


def test_a_giant_page_is_drawn_smaller(tmp_path: Path) -> None:
    for box in ("0 0 14400 14400", "0 0 1000000 1000000", "0 0 14400 1"):
        (item,) = read(tmp_path / "a.pdf", pdf([("x", "red")], box=box), dpi=600)
        picture = drawn(item)
        assert 0 < picture.width * picture.height <= 16_100_000


def bomb() -> bytes:
    """Give a page whose picture says 30,000 x 30,000 pixels, 2.7 GB, in a few kilobytes."""
    squeezed = zlib.compress(zlib.compress(b"\0" * 300_000_000, 9), 9).decode("latin-1")
    said = "/Type /XObject /Subtype /Image /Width 30000 /Height 30000 /ColorSpace /DeviceRGB /BitsPerComponent 8"
    bodies = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [5 0 R] /Count 1 >>",
        f"<< {said} /Filter [/FlateDecode /FlateDecode] /Length {len(squeezed)} >>\nstream\n{squeezed}\nendstream",
        "<< /Title (bomb) >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 300] /Contents 6 0 R "
        "/Resources << /XObject << /I 3 0 R >> >> >>",
        "<< /Length 26 >>\nstream\n300 0 0 300 0 0 cm /I Do \nendstream",
    ]
    return whole(bodies)


def test_a_bomb_is_refused_or_drawn_within_the_limits_and_the_next_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(bomb())
    (tmp_path / "b.pdf").write_bytes(TWO)
    source = PdfSource(PdfOptions(path=tmp_path, memory=400_000_000, seconds=5))
    for item in source.items():
        assert isinstance(item, Item) and isinstance(item.picture, PagePicture)
        if item.uri.startswith("b.pdf"):
            assert item.picture().startswith(b"\x89PNG")
            continue
        try:
            assert len(item.picture()) < 64_000_000
        except PictureError as error:
            assert str(error)


def test_the_process_that_reads_has_limits_and_no_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not Path("/proc/self/limits").exists():
        pytest.skip("this system does not show the limits of processes")
    monkeypatch.setenv("SECRET_TOKEN", "x")
    (tmp_path / "a.pdf").write_bytes(TWO)
    reader = Reader(PdfOptions(memory=500_000_000))
    document, _ = reader.list(tmp_path / "a.pdf")
    process = reader._open[document]._process
    assert process is not None
    limits = Path(f"/proc/{process.pid}/limits").read_text()
    for limited in (
        r"address space +500000000 ",
        r"open files +32 ",
        r"file size +0 ",
        r"core file size +0 ",
        r"cpu time +\d",
    ):
        assert re.search(limited, limits), limits
    assert b"SECRET_TOKEN" not in Path(f"/proc/{process.pid}/environ").read_bytes()


def test_endless_drawing_ends_when_the_time_is_over(tmp_path: Path) -> None:
    many = "q 0 0 300 200 re W n 0 0 300 200 re f Q 0 0 m 300 200 300 100 9 9 c 3 w [1 1] 0 d S " * 200_000
    slow = pdf([("x", "white"), ("fine", "red")]).decode("latin-1").replace("BT /F1 18 Tf 20 100 Td (x) Tj ET", many, 1)
    source = PdfSource(PdfOptions.model_validate({"path": tmp_path / "a.pdf", "seconds": 1.0, "dpi": 600}))
    (tmp_path / "a.pdf").write_text(slow, encoding="latin-1")
    slow_page, fine = list(source.items())
    assert isinstance(fine, Item) and drawn(fine).size == (2500, 1667)
    if isinstance(slow_page, Item):
        with pytest.raises(PictureError, match="took longer than 1 s"):
            drawn(slow_page)
        assert drawn(fine).size == (2500, 1667), "the process was replaced"
    else:
        assert "took longer than 1 s" in slow_page.reason


def test_a_process_that_dies_is_replaced_and_none_is_left_behind(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(TWO)
    reader = Reader(PdfOptions())
    document, facts = reader.list(tmp_path / "a.pdf")
    assert facts == {"pages": 2, "title": "Catalogue"}
    process = reader._open[document]._process
    assert process is not None
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert reader.ask(document, {"page": 2})[0] == {"text": "a blue sofa"}
    process = reader._open[document]._process
    assert isinstance(process, subprocess.Popen)
    del reader
    assert process.wait(timeout=10) != 0


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path) -> None:
    items = read(tmp_path / "a.pdf", TWO)
    source = PdfSource(PdfOptions(path=tmp_path / "a.pdf"))
    one = next(iter(source.items()))
    assert isinstance(one, Item) and isinstance(one.picture, PagePicture) and len(items) == 2
    (tmp_path / "a.pdf").write_bytes(pdf([("other", "white")]))
    assert one.picture().startswith(b"\x89PNG"), "its process still has the file as it was"
    assert [item.text for item in source.items() if isinstance(item, Item)] == ["other"]
    for process in source.reader._open.values():
        process.stop()
    with pytest.raises(PictureError, match="was changed while it was read"):
        one.picture()


def test_pages_are_drawn_from_many_threads(tmp_path: Path) -> None:
    for name in "abcd":
        (tmp_path / f"{name}.pdf").write_bytes(TWO)
    items, colours = read(tmp_path, dpi=36), dict[str, Any]()

    def draw(item: Item | Unreadable) -> None:
        colours[item.uri] = drawn(item).getpixel((2, 2))

    threads = [threading.Thread(target=draw, args=(item,)) for item in items]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(colours) == 8
    assert {uri[-1]: colour for uri, colour in colours.items()} == {"1": (219, 31, 31), "2": (31, 61, 219)}


RECIPE = """
recipe: 1
source: {use: pdf, path: docs, dpi: 72}
embedders: {image: {use: toy_colour}, sparse: {use: toy_words}}
index: {use: toy_memory, path: index.json}
retriever: {use: toy_retriever}
generator: {use: toy_quote}
ledger: {path: ledger.sqlite}
"""


def test_pages_are_ingested_found_and_only_those_that_changed_are_drawn_again(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "shop.yaml").write_text(RECIPE)
    other = tmp_path / "docs" / "other.pdf"

    def ingest() -> tuple[int, int, int, int, int]:
        with load(tmp_path / "shop.yaml", catalog=Catalog.of(toys, imagora_ingestion, imagora_pdf)) as pipeline:
            done = pipeline.ingest()
        return done.added, done.changed, done.unchanged, done.deleted, len(done.quarantined)

    (tmp_path / "docs" / "shop.pdf").write_bytes(TWO)
    other.write_bytes(pdf([("a table", "white")]))
    assert ingest() == (3, 0, 0, 0, 0)
    with load(tmp_path / "shop.yaml", catalog=Catalog.of(toys, imagora_ingestion, imagora_pdf)) as pipeline:
        found = pipeline.search("a blue sofa")
    assert found.passages[0].metadata["page"] == 2 and found.passages[0].metadata["title"] == "Catalogue"
    assert ingest() == (0, 0, 3, 0, 0)
    other.write_bytes(pdf([("a desk", "white")]))
    assert ingest() == (0, 1, 2, 0, 0)
    other.write_bytes(b"%PDF-1.7\n")
    assert ingest() == (0, 0, 2, 0, 1), "a broken file's page stays"
    other.unlink()
    assert ingest() == (0, 0, 2, 1, 0)
