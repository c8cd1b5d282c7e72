"""What is light stays light: imports of the package and of the command line, and their processor time."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from imagora.catalog import installed_catalog
from toy_distributions import install_toys, run
from toy_recipes import recipe_of, write

HEAVY = (
    "PIL",
    "accelerate",
    "datasets",
    "llama_index",
    "numpy",
    "onnxruntime",
    "open_clip",
    "pandas",
    "presidio_analyzer",
    "qdrant_client",
    "qdrant_edge",
    "scipy",
    "sentence_transformers",
    "sklearn",
    "spacy",
    "timm",
    "tokenizers",
    "torch",
    "torchvision",
    "transformers",
)
PROGRAM = "import sys; sys.argv[1:] = {arguments}; from imagora.cli.main import main; main()"
BARE = "import pluggy, pydantic, rich.console, typer, yaml"
TELL = """
import atexit, sys
atexit.register(lambda: print("HEAVY", sorted(set({heavy}) & set(sys.modules)), file=sys.stderr))
"""
CASES = {
    "import imagora": None,
    "--help": ["--help"],
    "--version": ["--version"],
    "search --help": ["search", "--help"],
    "plugins": ["plugins"],
    "plugins --json": ["plugins", "--json"],
    "recipe check": ["recipe", "check", "toys.yaml"],
    "recipe check starter": ["recipe", "check", "starter"],
    "recipe show starter": ["recipe", "show", "starter"],
    "recipe show --explain": ["recipe", "show", "starter", "--explain"],
    "recipe schema": ["recipe", "schema"],
    "recipe diff of the same": ["recipe", "diff", "starter", "starter"],
    "recipe draw starter": ["recipe", "draw", "starter", "--mermaid"],
    "ask with a wrong recipe": ["ask", "wrong.yaml", "what"],
    "ask for nothing": ["ask", "toys.yaml"],
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    site = tmp_path_factory.mktemp("light") / "site"
    install_toys(site)
    write(site, recipe_of())
    write(site, "recipe: 1\nretreiver: {}\n", "wrong.yaml")
    return site


@pytest.mark.parametrize("case", CASES)
def test_nothing_heavy_is_imported(case: str, site: Path) -> None:
    arguments = CASES[case]
    program = "import imagora" if arguments is None else PROGRAM.format(arguments=arguments)
    done = run("-c", TELL.format(heavy=HEAVY) + program, site=site, cwd=site)
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1] == "HEAVY []"


@pytest.fixture(scope="module")
def bytecode(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    # Where bytecode may not be written, a folder of its own is filled by the first run; that is what users have.
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(tmp_path_factory.mktemp("bytecode"))}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    yield environment


def times_bare(arguments: Sequence[str], environment: dict[str, str]) -> float:
    """Give the processor time of a command in those that its bare libraries take to import, whatever the machine.

    Of each the best of six runs, in turn, after one that fills the bytecode's folder.
    """
    programs = (BARE, PROGRAM.format(arguments=list(arguments)))
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(7):
        for program, taken in zip(programs, times, strict=True):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            command = [sys.executable, "-c", program]
            subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            taken.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    bare, whole = (min(taken[1:]) for taken in times)
    return whole / bare


# As measured 2.0 to 2.3 and 2.7 to 3.5: processors that other work keeps busy are not equally slow for both.


def test_help_takes_little_more_than_the_bare_libraries(bytecode: dict[str, str]) -> None:
    assert times_bare(["--help"], bytecode) < 2.6


def test_checking_a_recipe_takes_little_more_than_the_bare_libraries(bytecode: dict[str, str]) -> None:
    assert times_bare(["recipe", "check", "starter"], bytecode) < 4


def test_the_shipped_recipe_that_is_timed_is_there_with_all_that_it_names() -> None:
    from imagora_recipe.check import check

    missing = [plugin for plugin in ("folder", "hybrid", "starter", "qdrant") if plugin not in known_plugins()]
    if missing:
        pytest.skip(f"these plugins are not installed: {', '.join(missing)}")
    assert len(list(check("starter").components())) >= 6


def known_plugins() -> set[str]:
    return {plugin.name for plugin in installed_catalog().plugins}
