"""What a shell gets when the tab key is pressed: asked by its own protocol, in a process, as the shell would."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from test_bounds_imports import HEAVY, PROGRAM, TELL
from toy_distributions import environment_with, install_toys


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("completion")
    install_toys(folder / "site")
    for name in ("quay.yaml", "quiz.yml", "notes.txt", "quarry/drawings.yaml"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("recipe: 1\n")
    (folder / "profiled.yaml").write_text("recipe: 1\nprofiles: {cpu: {}, gpu: {}, cloud: {}}\nmisspelt: {}\n")
    return folder


def completed(shop: Path, *words: str, shell: str = "bash") -> tuple[list[str], str]:
    """Give what is offered for the last word, and what the process says of heavy imports."""
    line = " ".join(["imagora", *words])
    asked = {"_IMAGORA_COMPLETE": f"complete_{shell}"}
    if shell == "bash":
        asked |= {"COMP_WORDS": line, "COMP_CWORD": str(len(words))}
    else:
        asked |= {"_TYPER_COMPLETE_ARGS": line, "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    program = TELL.format(heavy=HEAVY) + "import sys; sys.argv[0] = 'imagora'; " + PROGRAM.format(arguments=[])
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=shop,
        env={**environment_with(shop / "site"), **asked},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.stdout.split(), done.stderr.strip()


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["pl"], ["plan", "plugin", "plugins"]),
        (["search", "st"], ["starter"]),
        (["ask", "qu"], ["quarry/", "quay.yaml", "quiz.yml"]),
        (["ingest", "quarry/"], ["quarry/drawings.yaml"]),
        (["recipe", "check", "quay"], ["quay.yaml"]),
        (["index", "info", "quay"], ["quay.yaml"]),
        (["plugins", "toy_ret"], ["toy_retriever"]),
        (["plugins", "reran"], ["reranker"]),
        (["doctor", "st"], ["starter"]),
        (["licences", "quay"], ["quay.yaml"]),
        (["search", "starter", "--profile", ""], []),
        (["search", "profiled.yaml", "--profile", "c"], ["cpu", "cloud"]),
        (["recipe", "check", "profiled.yaml", "--profile", "cpu,g"], ["cpu,gpu"]),
        (["explain", "IMG-30"], [f"IMG-30{n}" for n in range(1, 10)]),
        (["search", "nothing-of-that-name"], []),
        (["ask", "starter", "--expl"], ["--explain"]),
    ],
    ids=" ".join,
)
def test_bash_gets_what_fits_and_nothing_heavy_is_imported(words: list[str], offered: list[str], shop: Path) -> None:
    given, said = completed(shop, *words)
    assert sorted(given) == sorted(offered)
    assert said == "HEAVY []"


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_get_names_too(shell: str, shop: Path) -> None:
    given, _ = completed(shop, "search", "sta", shell=shell)
    assert any("starter" in word for word in given)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_install_completion_writes_what_the_shell_reads(shell: str, tmp_path: Path) -> None:
    environment = {**environment_with(None), "HOME": str(tmp_path), "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    program = "import sys; sys.argv = ['imagora', '--install-completion', sys.argv[1]]; "
    program += "from imagora.cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, shell], env=environment, cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    written = "".join(path.read_text() for path in tmp_path.rglob("*") if path.is_file())
    assert f"_IMAGORA_COMPLETE=complete_{shell}" in written
