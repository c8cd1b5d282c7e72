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


def seconds_of(arguments: Sequence[str], environment: dict[str, str]) -> float:
    """Give the processor time of the best of five runs, after one that fills the bytecode's folder."""
    times = []
    for _ in range(6):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        command = [sys.executable, "-c", PROGRAM.format(arguments=list(arguments))]
        subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(times[1:])


def test_help_takes_less_than_half_a_second_of_processor_time(bytecode: dict[str, str]) -> None:
    assert seconds_of(["--help"], bytecode) < 0.5


def test_checking_a_recipe_takes_less_than_six_tenths_of_a_second_of_processor_time(bytecode: dict[str, str]) -> None:
    assert seconds_of(["recipe", "check", "starter"], bytecode) < 0.6


def test_the_shipped_recipe_that_is_timed_is_there_with_all_that_it_names() -> None:
    from imagora_recipe.check import check

    missing = [plugin for plugin in ("folder", "hybrid", "starter", "qdrant") if plugin not in known_plugins()]
    if missing:
        pytest.skip(f"these plugins are not installed: {', '.join(missing)}")
    assert len(list(check("starter").components())) >= 6


def known_plugins() -> set[str]:
    return {plugin.name for plugin in installed_catalog().plugins}
