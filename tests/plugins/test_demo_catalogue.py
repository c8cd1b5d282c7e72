"""The demo's catalogue holds what it promises, and its folder is laid out once."""

from pathlib import Path

import pytest
from imagora.errors import ImagoraError, MissingExtra
from imagora_demo import gallery as gallery_module
from imagora_demo.catalogue import read_catalogue
from imagora_demo.gallery import Gallery, find_photographs, lay_out
from imagora_demo.pictures import mirror_and_crop
from PIL import Image, ImageChops, ImageOps, ImageStat
from ruamel.yaml import YAML

CATALOGUE = read_catalogue()


@pytest.fixture
def photographs():
    pytest.importorskip("skimage", reason="the demo's photographs come with scikit-image, which is not installed")
    return find_photographs()


@pytest.fixture
def gallery(tmp_path, photographs):
    gallery = Gallery(tmp_path / "gallery")
    lay_out(gallery, CATALOGUE, photographs, "starter")
    return gallery


def test_every_photograph_is_in_the_wheel_and_can_be_opened(photographs):
    for entry in CATALOGUE.prints:
        with Image.open(photographs / entry.file) as image:
            assert min(image.size) >= 300, entry.file


def test_names_and_files_are_unique():
    assert len({entry.name for entry in CATALOGUE.prints}) == len(CATALOGUE.prints)
    assert len({entry.file for entry in CATALOGUE.prints}) == len(CATALOGUE.prints)


def test_exactly_a_third_of_the_prints_have_no_words_at_all():
    wordless = [entry for entry in CATALOGUE.prints if not entry.words]
    assert 3 * len(wordless) == len(CATALOGUE.prints)


def test_a_wordless_print_has_nothing_that_says_what_it_shows():
    for entry in CATALOGUE.prints:
        if not entry.words:
            assert set(entry.details) == {"price", "licence", "credit"}, entry.name
            assert Path(entry.file).stem not in entry.picture


def test_a_print_with_words_has_a_title_a_description_tags_and_a_category():
    for entry in CATALOGUE.prints:
        if entry.words:
            assert set(entry.words) == {"title", "description", "tags"}, entry.name
            assert entry.words["tags"] and entry.details["category"]


def test_every_print_has_a_price_a_licence_and_a_credit():
    for entry in CATALOGUE.prints:
        assert isinstance(entry.details["price"], float) and entry.details["price"] > 0
        assert entry.details["licence"] and entry.details["credit"]


def test_one_question_is_in_other_words_than_any_word_of_its_print():
    ordinary = {
        "a",
        "an",
        "of",
        "the",
        "in",
        "from",
        "do",
        "you",
        "have",
        "which",
        "is",
        "picture",
        "print",
        "photo",
        "there",
    }
    strangers = []
    for question in CATALOGUE.questions:
        words = CATALOGUE.find(question.expects).words
        said = " ".join([words.get("title", ""), words.get("description", ""), *words.get("tags", ())]).lower()
        asked = {word.strip("?,.").lower() for word in question.words.split()} - ordinary
        if words and asked and not any(word in said for word in asked):
            strangers.append(question.words)
    assert len(strangers) == 1


def test_three_questions_have_words_one_of_them_about_a_wordless_print_and_one_question_has_a_picture():
    in_words = [question for question in CATALOGUE.questions if question.words and not question.picture]
    assert len(in_words) == 3
    assert [bool(CATALOGUE.find(question.expects).words) for question in in_words] == [True, True, False]
    assert len([question for question in CATALOGUE.questions if question.picture]) == 1


def test_the_manifest_has_a_row_for_every_picture_in_the_folder(gallery):
    rows = YAML(typ="safe", pure=True).load((gallery.pictures / "manifest.yaml").read_text(encoding="utf-8"))
    pictures = {path.name for path in gallery.pictures.iterdir()} - {"manifest.yaml"}
    assert {row["picture"] for row in rows} == pictures
    by_picture = {row["picture"]: row for row in rows}
    for entry in CATALOGUE.prints:
        assert by_picture[entry.picture] == {"picture": entry.picture, **entry.words, **entry.details}


def test_laying_out_again_touches_nothing(gallery, photographs):
    before = {path: path.stat().st_mtime_ns for path in gallery.folder.rglob("*")}
    lay_out(gallery, CATALOGUE, photographs, "starter")
    assert {path: path.stat().st_mtime_ns for path in gallery.folder.rglob("*")} == before


def test_a_damaged_picture_is_copied_anew(gallery, photographs):
    damaged = gallery.pictures / CATALOGUE.prints[0].picture
    damaged.write_bytes(b"not a picture")
    lay_out(gallery, CATALOGUE, photographs, "starter")
    assert damaged.read_bytes() == (photographs / CATALOGUE.prints[0].file).read_bytes()


def test_a_folder_that_is_a_file_is_an_error_that_names_it(tmp_path, photographs):
    (tmp_path / "taken").write_text("here first")
    with pytest.raises(ImagoraError, match=r"taken.*--into"):
        lay_out(Gallery(tmp_path / "taken"), CATALOGUE, photographs, "starter")


def test_without_scikit_image_the_error_says_what_to_type(monkeypatch):
    monkeypatch.setattr(gallery_module, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"pip install 'imagora\[demo\]'"):
        find_photographs()


def test_the_asked_picture_is_mirrored_and_its_edges_are_gone(gallery, tmp_path):
    original = gallery.pictures / CATALOGUE.find("print-11").picture
    mirror_and_crop(original, tmp_path / "asked.png")
    with Image.open(original) as before, Image.open(tmp_path / "asked.png") as after:
        inner = before.convert("RGB").crop((37, 25, 741 - 37, 500 - 25))
        assert after.size == inner.size
        difference = ImageChops.difference(ImageOps.mirror(after), inner)
    assert sum(ImageStat.Stat(difference).sum) == 0
