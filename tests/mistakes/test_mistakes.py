"""Every seeded mistake is named with place and fix, a code and no traceback; all that is told is kept in said.txt.

IMAGORA_WRITE=1 writes said.txt as it is now; look at what changed.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from imagora.catalog import installed_catalog
from imagora.cli.main import app
from imagora.codes import codes
from toy_distributions import TOYS, environment_with, install, install_toys
from toy_recipes import recipe_of, write
from toy_stages import square
from typer.testing import CliRunner

from .seeded import MISTAKES

SAID = Path(__file__).with_name("said.txt")
WRITE = os.environ.get("IMAGORA_WRITE") == "1"
OFFERS = """
from imagora import Command, Component, Options, hookimpl
@hookimpl
def offer_generators():
    return [Component({name!r}, "a toy", Options, lambda o, c: None, requires={requires!r}, extra={extra!r})]
"""
FRAGILE = """
from imagora import Command, hookimpl
def app(): raise RuntimeError("out of order")
@hookimpl
def offer_commands(): return [Command("fragile", "a toy", app)]
"""
IN_A_PROCESS = ("a section misspelt", "a command misspelt", "half a picture", "a plugin's command that fails")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A working folder with toys, plugins with faults, an index, and all that the mistakes name."""
    folder = tmp_path_factory.mktemp("mistakes")
    site = folder / "site"
    install_toys(site)
    needy = OFFERS.format(name="needy", requires=("nowhere_at_all",), extra="more")
    same = OFFERS.format(name="same", requires=(), extra=None)
    for name, source in (("needy", needy), ("first", same), ("second", same), ("fragile", FRAGILE)):
        install(site, name, {name: f"plugin_{name}"}, {f"plugin_{name}": source})
    install(site, "broken", {"broken": "plugin_broken"}, {"plugin_broken": "import nowhere_at_all"})
    (folder / "photos").mkdir()
    (folder / "blue.png").write_bytes(square("blue"))
    (folder / "half.png").write_bytes(square("blue")[:60])
    (folder / "words.png").write_text("not a picture")
    (folder / "empty.png").write_bytes(b"")
    (folder / "goods.csv").write_text("sku,name\n1,rose\n")
    (folder / "bare.csv").write_text("sku,name\n")
    (folder / "goods.doc").write_text("sku")
    write(folder, recipe_of(index={"use": "toy_memory", "path": "index.json"}))
    legs = {"index": {"use": "qdrant", "path": "legs"}, "retriever": {"use": "hybrid"}, "ledger": None}
    write(folder, recipe_of(**legs), "q.yaml")
    with pytest.MonkeyPatch.context() as patch:
        for place in (TOYS, site):
            patch.syspath_prepend(str(place))
        patch.chdir(folder)
        patch.setenv("COLUMNS", "200")
        for variable in ("SHOP_QDRANT", "IMAGORA_TRACES"):
            patch.delenv(variable, raising=False)
        installed_catalog.cache_clear()
        for recipe in ("toys.yaml", "q.yaml"):
            assert CliRunner().invoke(app, ["ingest", recipe]).exit_code == 0
        yield folder
    installed_catalog.cache_clear()


@pytest.fixture(scope="module")
def told(shop: Path) -> dict[str, tuple[int, str]]:
    """What each mistake is told, with its exit code, as it is kept."""
    return {name: _told(shop, name) for name in MISTAKES}


def _told(shop: Path, name: str) -> tuple[int, str]:
    mistake = MISTAKES[name]
    if mistake.recipe is not None:
        (shop / "r.yaml").write_text(mistake.recipe)
    arguments = shlex.split(mistake.arguments)
    if name in IN_A_PROCESS:  # the whole program, from its very start
        done = subprocess.run(
            [sys.executable, "-m", "imagora", *arguments],
            cwd=shop, env=environment_with(shop / "site"), capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        code, out, err = done.returncode, done.stdout, done.stderr
    else:
        result = CliRunner().invoke(app, arguments)
        assert result.exception is None or isinstance(result.exception, SystemExit), (name, result.exception)
        code, out, err = result.exit_code, result.stdout, result.stderr
    warned = re.compile(r"^warning: the plugin 'broken'.*\n", re.MULTILINE)
    return code, _without_what_differs(warned.sub("", err) + out, shop)


def _without_what_differs(text: str, shop: Path) -> str:
    # Folders, long lists of what is installed, and times are not the same everywhere.
    text = text.replace(f"{shop}/", "…/").replace(str(shop), "…")
    text = re.sub(r"\((there is|possible options): ([^()]*,){6}[^()]*\)", r"(\1: …)", text, flags=re.IGNORECASE)
    installed = r"\(there is: [^()]*\)(?=[^\n]*\[(IMG-201|IMG-221|IMG-304|IMG-305|IMG-501)\])"
    text = re.sub(installed, "(there is: …)", text)
    return re.sub(r"\d+\.\d+ s\b", "_ s", text).strip()


def test_there_are_fifty_mistakes_and_more() -> None:
    assert len(MISTAKES) >= 50


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_named_with_its_place_and_its_fix(name: str, told: dict[str, tuple[int, str]]) -> None:
    code, said = told[name]
    mistake = MISTAKES[name]
    assert code in {1, 2}, said
    assert "Traceback" not in said
    assert mistake.place in said
    assert mistake.fix in said
    assert (found := re.findall(r"\[(IMG-\d+)\]$", said, re.MULTILINE)) and set(found) <= set(codes()), said


def test_what_is_told_is_what_was_read_and_found_good(told: dict[str, tuple[int, str]]) -> None:
    text = "".join(
        f"# {name}\n$ imagora {MISTAKES[name].arguments}\n{said}\nexit code {code}\n\n"
        for name, (code, said) in told.items()
    )
    if WRITE:
        SAID.write_text(text, "utf-8")
    assert text == SAID.read_text("utf-8"), "look at it, and type: IMAGORA_WRITE=1 pytest tests/mistakes"
