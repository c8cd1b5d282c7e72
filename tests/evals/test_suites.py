"""Suites: what their files may say, errors with file and line, and the ways to name one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from imagora.errors import MissingExtra, QueryError, RecipeError
from imagora_evals.makers import stamps
from imagora_evals.suites import find_suite, shipped_suites

YAML = "suite: 1\nname: shop\ncorpus: {use: folder, path: corpus}\nmetrics: [nDCG@10, RR]\nslices: [language]\n"
QUERIES = (
    '{"id": "1", "text": "a red rose", "slices": {"language": "en"}}\n'
    '{"id": 2, "text": "eine rote Rose", "slices": {"language": "de"}, "answer": "Die Rose."}\n'
    '{"id": "3", "text": "an elephant", "refuse": true}\n'
)
QRELS = "1 0 rose.png 2\n2 0 rose.png 2\n2 0 a name with blanks.png 1\n1 0 sea.png 0\n"


def lay(folder: Path, yaml: str = YAML, queries: str = QUERIES, qrels: str = QRELS) -> Path:
    (folder / "corpus").mkdir(parents=True)
    (folder / "suite.yaml").write_text(yaml)
    (folder / "queries.jsonl").write_text(queries)
    (folder / "qrels").write_text(qrels)
    return folder


def problems(folder: Path) -> list[str]:
    with pytest.raises(RecipeError) as caught:
        find_suite(folder)
    assert {problem.code for problem in caught.value.problems} <= {"IMG-721", "IMG-305", "IMG-307", "IMG-309"}
    return [str(problem).replace(f"{folder}/", "") for problem in caught.value.problems]


def test_a_folder_is_read_with_its_queries_and_grades(tmp_path: Path) -> None:
    suite = find_suite(lay(tmp_path / "mine"))
    assert (suite.name, suite.metrics, suite.slices) == ("shop", ("nDCG@10", "RR"), ("language",))
    assert [(one.id, one.text, one.refuse) for one in suite.queries][1:] == [
        ("2", "eine rote Rose", False),
        ("3", "an elephant", True),
    ]
    assert suite.relevant("2") == {"rose.png": 2, "a name with blanks.png": 1}
    assert suite.relevant("1") == {"rose.png": 2}
    assert [one.id for one in suite.where({"language": "de"})] == ["2"]


def test_judgements_may_be_json_lines(tmp_path: Path) -> None:
    folder = lay(tmp_path / "mine", qrels="")
    (folder / "qrels").unlink()
    (folder / "qrels.jsonl").write_text(json.dumps({"query": "1", "uri": "rose.png", "grade": 3}))
    assert find_suite(folder).qrels == {"1": {"rose.png": 3}}


def test_the_digest_is_of_what_is_asked_and_judged_and_not_of_the_folders_name(tmp_path: Path) -> None:
    first = find_suite(lay(tmp_path / "one")).digest
    assert find_suite(lay(tmp_path / "two")).digest == first
    assert find_suite(lay(tmp_path / "three", qrels=QRELS.replace("png 2", "png 1", 1))).digest != first
    assert find_suite(lay(tmp_path / "four", queries=QUERIES.replace("red", "white"))).digest != first


def test_every_mistake_is_told_with_its_file_and_line(tmp_path: Path) -> None:
    queries = QUERIES + '{"id": "1", "txt": "again"}\n{"id": "4"}\nno json\n{"id": "5", "pictures": ["gone.png"]}\n'
    folder = lay(tmp_path / "mine", queries=queries, qrels=QRELS + "9 0 rose.png 1\n1 0 rose.png 1\n3 0 x 1\n1 x\n")
    said = problems(folder)
    for wanted in (
        "queries.jsonl:4:1: txt: there is no 'txt'; did you mean 'text'?",
        "queries.jsonl:5:1: it asks nothing: give 'text', 'pictures' or both",
        "queries.jsonl:6:1: is not JSON: expecting value",
        "queries.jsonl:7:1: pictures: there is no picture 'gone.png' in the suite's folder",
        "qrels:5:1: there is no query '9'",
        "qrels:6:1: 'rose.png' is judged twice for the query '1'",
        "qrels:7:1: the query '3' is to be refused, and 'x' answers it",
        "qrels:8:1: must be four words: QUERY 0 ITEM GRADE",
    ):
        assert any(line.startswith(wanted) for line in said), (wanted, said)


@pytest.mark.parametrize(
    ("yaml", "wanted"),
    [
        ("", "suite.yaml:1:1: is empty; a suite begins with: suite: 1"),
        (
            YAML.replace("metrics", "metric"),
            "suite.yaml:4:1: metric: there is no option 'metric'; did you mean 'metrics'?",
        ),
        (YAML.replace("RR", "nDGC@5"), "there is no metric 'nDGC@5'; did you mean 'nDCG@5'?"),
        (YAML.replace("folder", "foldr"), "suite.yaml:3:15: corpus: there is no source called 'foldr'"),
        (YAML.replace("path", "pth"), "corpus.pth: there is no option 'pth'; did you mean 'path'?"),
        (YAML.replace("use: folder, path: corpus", "make: galery"), "nothing makes a corpus 'galery'; did you mean"),
        (
            YAML.replace("use: folder, path: corpus", "make: synthetic, items: 2"),
            "corpus.items: input should be greater than or equal to 10",
        ),
    ],
)
def test_a_mistake_in_the_yaml_is_told_at_its_place(yaml: str, wanted: str, tmp_path: Path) -> None:
    assert any(wanted in line for line in problems(lay(tmp_path / "mine", yaml=yaml)))


def test_a_picture_outside_of_the_folder_is_none_of_the_suite(tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(b"x")
    said = problems(lay(tmp_path / "mine", queries='{"id": "1", "pictures": ["../secret.png"]}', qrels=""))
    assert "there is no picture '../secret.png'" in said[0]


def test_an_unknown_suite_is_told_with_what_there_is(tmp_path: Path) -> None:
    assert list(shipped_suites()) == ["gallery", "stamps", "synthetic"]
    with pytest.raises(QueryError, match=r"called 'galery'; did you mean 'gallery'\?"):
        find_suite("galery")
    with pytest.raises(QueryError, match="is no suite, for it has no suite.yaml; make one with: imagora eval new"):
        find_suite(tmp_path)


def test_the_synthetic_suite_has_any_size_and_is_the_same_for_a_seed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMAGORA_CACHE", str(tmp_path / "one"))
    suite = find_suite("synthetic:items=12,queries=3")
    assert len(list(Path(str(suite.corpus["path"])).glob("*.png"))) == 12
    kinds = {one.slices["kind"] for one in suite.queries}
    assert kinds == {"count", "colour", "shape", "text", "picture", "both", "refusal"}
    assert all(suite.relevant(one.id) for one in suite.queries if not one.refuse)
    monkeypatch.setenv("IMAGORA_CACHE", str(tmp_path / "two"))
    assert find_suite("synthetic:items=12,queries=3").digest == suite.digest
    assert find_suite("synthetic:items=12,queries=3,seed=2").digest != suite.digest
    with pytest.raises(RecipeError, match=r"synthetic:itms=3: corpus.itms: there is no option 'itms'; did you mean"):
        find_suite("synthetic:itms=3")


def test_every_judged_print_of_the_gallery_is_in_its_corpus() -> None:
    pytest.importorskip("skimage", reason="needs the extra: pip install 'imagora[evals]'")
    suite = find_suite("gallery")
    there = {file.name for file in Path(str(suite.corpus["path"])).iterdir()}
    assert {uri for judged in suite.qrels.values() for uri in judged} <= there
    assert {one.slices["kind"] for one in suite.queries} == {"words", "picture", "both", "refusal"}
    assert [one.id for one in suite.queries if one.refuse == bool(suite.relevant(one.id))] == []


def test_the_stamps_say_what_to_install_where_they_are_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stamps, "FOLDER", tmp_path / "none")
    with pytest.raises(MissingExtra, match="sudo apt install tuxpaint-stamps-default"):
        find_suite("stamps")


def test_stamps_are_asked_in_the_languages_of_their_captions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not stamps.FOLDER.is_dir():
        pytest.skip("needs Debian's package tuxpaint-stamps-default")
    monkeypatch.setenv("IMAGORA_CACHE", str(tmp_path))
    suite = find_suite("stamps:items=30,queries=5,languages=en+de")
    words = [one for one in suite.queries if one.slices["kind"] == "words"]
    assert {one.slices["language"] for one in words} == {"en", "de"}
    assert {one.slices["kind"] for one in suite.queries} == {"words", "picture", "both"}
    for query in suite.queries:
        assert 2 in suite.relevant(query.id).values()
        assert all(file.is_file() for file in query.pictures)


def test_a_suite_at_an_address_is_fetched_whole_and_once_for_its_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fsspec = pytest.importorskip("fsspec", reason="needs the extra: pip install 'imagora[evals]'")
    monkeypatch.setenv("IMAGORA_CACHE", str(tmp_path / "cache"))
    memory = fsspec.filesystem("memory")
    folder = lay(tmp_path / "mine")
    memory.put(str(folder), "/suites/shop", recursive=True)
    first = find_suite("memory://suites/shop")
    assert first.digest == find_suite(folder).digest
    assert find_suite("memory://suites/shop").folder == first.folder
    memory.pipe("/suites/shop/qrels", b"1 0 rose.png 1\n")
    assert find_suite("memory://suites/shop").qrels == {"1": {"rose.png": 1}}
    assert len(list((tmp_path / "cache" / "evals" / "fetched").iterdir())) == 2
    with pytest.raises(QueryError, match="there is no suite.yaml at 'memory://suites'"):
        find_suite("memory://suites")
    memory.rm("/suites", recursive=True)


def test_the_suite_in_the_docs_is_one(tmp_path: Path) -> None:
    page = Path(__file__).parents[2] / "docs" / "evals.md"
    block = page.read_text("utf-8").split("```yaml\n")[1].split("```")[0]
    suite = find_suite(lay(tmp_path / "mine", yaml=block))
    assert (suite.name, suite.refusals) == ("shop", ("weiß ich nicht",))
