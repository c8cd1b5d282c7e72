"""What the README and the docs say is run: every recipe, every command and every Python block."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from imagora import hookspecs
from imagora.catalog import KINDS
from imagora_recipe.check import SECTIONS

from .blocks import PAGES, ROOT, Block, blocks

TUTORIAL = ROOT / "docs" / "tutorial" / "imagora-cheapest"


def _named(found: list[Block]) -> list[object]:
    return [pytest.param(block, id=block.name) for block in found]


@pytest.fixture(scope="session")
def tutorial(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tutorial's plugin, built to a wheel and installed into a folder of its own."""
    place = tmp_path_factory.mktemp("tutorial")
    uv = [sys.executable, "-m", "uv"]
    build = [*uv, "build", "--wheel", "--no-build-isolation", "--out-dir", str(place / "dist"), str(TUTORIAL)]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = (place / "dist").glob("*.whl")
    install = [*uv, "pip", "install", "--no-deps", "--target", str(place / "site"), str(wheel)]
    subprocess.run(install, check=True, capture_output=True)
    return place / "site"


@pytest.fixture(scope="session")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working folder in which the demo was run, as the README tells it."""
    folder = tmp_path_factory.mktemp("gallery")
    _run(["imagora", "demo"], folder)
    (folder / "photos").symlink_to(folder / "imagora-demo" / "pictures")
    return folder


def _run(command: list[str], folder: Path, *paths: Path) -> str:
    programs = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    libraries = os.pathsep.join(map(str, paths))
    environment = {**os.environ, "PATH": programs, "PYTHONPATH": libraries, "COLUMNS": "120"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"{shlex.join(command)} exits with {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.parametrize("block", _named(blocks("yaml")))
def test_every_recipe_in_the_docs_is_fine(block: Block, tmp_path: Path, tutorial: Path) -> None:
    if reason := block.comment("not checked"):
        pytest.skip(f"{block.name}: {reason}")
    (tmp_path / "recipe.yaml").write_text(block.text)
    os.environ.setdefault("QDRANT_URL", "http://localhost:6333")
    os.environ.setdefault("QDRANT_API_KEY", "a secret")
    os.environ.setdefault("IMAGORA_REDIS_URL", "redis://localhost:6379/0")
    os.environ.setdefault("VLLM_API_KEY", "a secret")
    os.environ.setdefault("OPENAI_API_KEY", "a secret")
    os.environ.setdefault("SHOP_DSN", "postgresql://reader@localhost/shop")
    if block.text.startswith("router: "):
        assert "(" in _run(["imagora", "route", "recipe.yaml", "a", "question"], tmp_path, tutorial)
        return
    said = _run(["imagora", "recipe", "check", "recipe.yaml"], tmp_path, tutorial)
    assert "is fine" in said


@pytest.mark.parametrize("block", _named(blocks("console")))
def test_every_command_in_the_docs_does_what_is_shown(block: Block, gallery: Path) -> None:
    reason = block.comment("not run")
    if reason is not None:
        pytest.skip(f"{block.name}: {reason}")
    shown: dict[str, list[str]] = {}
    for line in block.text.splitlines():
        if line.startswith("$ "):
            shown[line[2:]] = []
        else:
            shown[next(reversed(shown))].append(line)
    for command, lines in shown.items():
        said = _without_times(_run(shlex.split(command), gallery))
        for line in lines:
            if line.strip() not in {"", "…"}:
                assert _without_times(line) in said, f"'{line}' is not in what '{command}' says:\n{said}"


def _without_times(text: str) -> str:
    # Times differ from run to run, and so do column widths with them.
    return re.sub(r"[ \t]+", " ", re.sub(r"\d+\.\d ?(ms|s)\b", "_", text)).strip()


@pytest.mark.parametrize("block", _named([b for b in blocks("python") if b.comment("include") is None]))
def test_every_python_block_in_the_docs_runs(block: Block, gallery: Path, tmp_path: Path) -> None:
    (tmp_path / "block.py").write_text(block.text)
    _run([sys.executable, str(tmp_path / "block.py")], gallery)


@pytest.mark.parametrize("block", _named([b for b in blocks("python", "toml") if b.comment("include")]))
def test_every_included_file_is_shown_as_it_is(block: Block) -> None:
    file = ROOT / "docs" / str(block.comment("include"))
    assert block.text == file.read_text().rstrip()


def test_the_tutorials_plugin_passes_its_own_tests(tutorial: Path, tmp_path: Path) -> None:
    said = _run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(TUTORIAL / "tests")], tmp_path, tutorial
    )
    assert re.search(r"[1-9]\d* passed", said)


def test_the_tutorials_plugin_changes_what_a_recipe_answers(tutorial: Path, gallery: Path) -> None:
    parent = gallery / "imagora-demo" / "recipe.yaml"
    recipe = gallery / "imagora-demo" / "cheapest.yaml"
    recipe.write_text("recipe: 1\nextends: recipe.yaml\nrerankers: [{use: cheapest, among: 5}]\n")

    def prices(file: Path) -> list[float]:
        import json

        said = _run(["imagora", "search", str(file), "a", "picture", "--top", "5", "--json"], gallery, tutorial)
        return [passage["metadata"]["price"] for passage in json.loads(said)["passages"]]

    assert prices(recipe) == sorted(prices(parent))


def test_every_hook_is_in_the_docs() -> None:
    page = (ROOT / "docs" / "writing-a-plugin.md").read_text()
    hooks = [name for name in vars(hookspecs) if name.startswith("offer_")]
    assert len(hooks) == len(KINDS) + 1
    assert [hook for hook in hooks if f"| `{hook}()` |" not in page] == []


def test_every_section_of_a_recipe_is_in_the_docs() -> None:
    page = (ROOT / "docs" / "recipes.md").read_text()
    assert [section for section in SECTIONS if f"| `{section}` |" not in page] == []


def test_every_shipped_recipe_is_in_the_docs() -> None:
    page = (ROOT / "docs" / "recipes.md").read_text()
    assert [path.stem for path in (ROOT / "recipes").glob("*.yaml") if f"| `{path.stem}` |" not in page] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_to_a_file_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_readmes_commands_are_what_tox_offers() -> None:
    readme = (ROOT / "README.md").read_text()
    assert "pip install tox-uv && tox run -e demo" in readme
    assert "pip install tox-uv && tox\n" in readme


def test_the_changelog_speaks_of_this_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert f"## {version}" in (ROOT / "CHANGELOG.md").read_text()
