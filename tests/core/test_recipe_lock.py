"""`recipe lock`: what it writes down, and that every difference from it is named with its place and what to type."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import imagora
import imagora_ingestion
import imagora_vllm
import pytest
import toys
from imagora.assembly import assemble
from imagora.catalog import Catalog, installed_catalog
from imagora.cli.main import app
from imagora.errors import RecipeError
from imagora_recipe.check import check
from imagora_recipe_tools.lock import lock_file, locked, written
from toy_distributions import TOYS, install_toys
from toy_recipes import recipe_of, write
from typer.testing import CliRunner, Result

CATALOG = Catalog.of(toys, imagora_ingestion, imagora_vllm)
RECIPE = recipe_of(index={"use": "toy_memory", "path": "index.json"}, preparers=[{"use": "toy_shout"}])


def lock(recipe: Path) -> str:
    plan = check(recipe, CATALOG)
    text = written(plan, locked(plan, assemble(plan)))
    lock_file(plan).write_text(text, encoding="utf-8")
    return text


def differences(recipe: Path) -> list[str]:
    with pytest.raises(RecipeError) as caught:
        imagora.load(recipe, CATALOG, locked=True)
    assert {problem.code for problem in caught.value.problems} == {"IMG-240"}
    return [f"{problem.where}: {problem.what}" for problem in caught.value.problems]


def test_what_is_locked_runs_wherever_its_folder_lies(tmp_path: Path) -> None:
    text = lock(write(tmp_path / "here", RECIPE))
    assert text == lock(write(tmp_path / "here", RECIPE))
    shutil.copytree(tmp_path / "here", tmp_path / "there")
    with imagora.load(tmp_path / "there" / "toys.yaml", CATALOG, locked=True) as pipeline:
        assert pipeline.plan.name == "toys"
    assert str(tmp_path) not in text


def test_every_difference_is_named_with_its_line_and_what_to_type(tmp_path: Path) -> None:
    text = lock(recipe := write(tmp_path, RECIPE))
    file = tmp_path / "toys.lock"
    old = text.replace(f"imagora: {imagora.__version__}", "imagora: 0.0.1").replace(
        "toys: not installed 0", "toys: toys 7"
    )
    old = old.replace("llama-index-core: ", "llama-index-core: 9.").replace("weights: '1'", "weights: '3'")
    file.write_text(old.replace("top_k: 10", "top_k: 11"), encoding="utf-8")
    named = differences(recipe)
    assert [one.split(":")[0] for one in named] == [
        "imagora", "plugins.toys", "packages.llama-index-core", "models.embedders.image.weights",
        "recipe.embedders.image.weights", "recipe.retriever.top_k",
    ]  # fmt: skip
    assert (
        "the lock has '0.0.1', and it is '0.1.0'; type: pip install 'imagora==0.0.1', or: imagora recipe lock"
        in named[0]
    )
    assert "type: pip install 'toys==7'" in named[1]
    assert "bring the weights back that were locked" in named[3]
    assert "the lock has '11', and it is '10'" in named[5]
    with pytest.raises(RecipeError) as caught:
        imagora.load(recipe, CATALOG, locked=True)
    lines = file.read_text("utf-8").splitlines()
    for problem in caught.value.problems:
        assert lines[problem.line - 1].strip().startswith(problem.where.rpartition(".")[2])


def test_what_comes_and_goes_is_named_too(tmp_path: Path) -> None:
    lock(write(tmp_path, RECIPE))
    write(tmp_path, {**RECIPE, "rerankers": [{"use": "toy_reverse"}], "preparers": []})
    assert [one.partition(";")[0] for one in differences(tmp_path / "toys.yaml")] == [
        "recipe.preparers[0]: the lock has 'toy_shout', and there is nothing",
        "recipe.rerankers[0]: the lock has nothing, and it is 'toy_reverse'",
    ]


def test_an_edited_lock_is_found_out(tmp_path: Path) -> None:
    text = lock(write(tmp_path, RECIPE))
    (tmp_path / "toys.lock").write_text(text.replace("hash: ", "hash: x"), encoding="utf-8")
    assert [one.split(":")[0] for one in differences(tmp_path / "toys.yaml")] == ["hash"]


@pytest.mark.parametrize(("text", "code"), [(None, "IMG-241"), ("lock: 99\n", "IMG-242"), ("[]", "IMG-242")])
def test_without_a_lock_that_can_be_read_nothing_runs(text: str | None, code: str, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / "toys.lock").write_text(text)
    with pytest.raises(RecipeError, match="imagora recipe lock") as caught:
        imagora.load(write(tmp_path, RECIPE), CATALOG, locked=True)
    assert caught.value.code == code


def test_secrets_are_not_written_and_what_cannot_be_locked_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMAGORA_TOY_URL", "http://127.0.0.1:9/hidden-4711")
    vllm = {"use": "vllm", "url": "${IMAGORA_TOY_URL}", "model": "Qwen/Qwen2.5-VL-7B-Instruct", "api_key": "swordfish"}
    text = lock(write(tmp_path, {**RECIPE, "generator": vllm}))
    assert not any(secret in text for secret in ("swordfish", "4711"))
    assert "generator: 'vllm' runs elsewhere, so that of its model only the name is locked: 'Qwen/Qwen2.5-VL-7B" in text
    assert "values from the environment: IMAGORA_TOY_URL" in text
    assert "what the source gives, what the index holds" in text


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    install_toys(tmp_path / "site")
    for folder in (TOYS, tmp_path / "site"):
        monkeypatch.syspath_prepend(str(folder))
    installed_catalog.cache_clear()
    monkeypatch.chdir(tmp_path)
    write(tmp_path, RECIPE)
    yield tmp_path
    installed_catalog.cache_clear()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def test_locked_commands_run_on_nothing_else(shop: Path) -> None:
    assert run("ingest", "toys.yaml", "--locked").exit_code == 1
    done = run("recipe", "lock", "toys.yaml")
    assert (done.exit_code, done.stdout.splitlines()[1]) == (0, "not locked:")
    assert run("recipe", "lock", "toys.yaml", "--check").exit_code == 0
    assert run("ingest", "toys.yaml", "--locked").exit_code == 0
    for command in (["search", "toys.yaml", "rose", "--locked"], ["ask", "toys.yaml", "rose", "--locked"]):
        assert run(*command).exit_code == 0
    write(shop, {**RECIPE, "retriever": {"use": "toy_retriever", "top_k": 3}})
    locked_ones = (["ingest", "toys.yaml"], ["search", "toys.yaml", "rose"], ["ask", "toys.yaml", "rose"])
    for command in (*([*words, "--locked"] for words in locked_ones), ["recipe", "lock", "toys.yaml", "--check"]):
        done = run(*command)
        assert (done.exit_code, done.stdout) == (1, "")
        assert "recipe.retriever.top_k: the lock has '10', and it is '3'; change the recipe back, or" in done.stderr
    assert run("search", "toys.yaml", "rose").exit_code == 0
