"""`imagora recipe migrate`: an older recipe is rewritten, and everything else in the file stays as it was."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from imagora.catalog import installed_catalog
from imagora.cli.main import app
from imagora.errors import RecipeError
from imagora_recipe.check import check
from imagora_recipe.extends import read_merged, shipped_recipes
from imagora_recipe.sections import VERSION
from imagora_recipe_tools.migrate import STEPS, migrate
from toy_recipes import write
from typer.testing import CliRunner, Result

OLD = """\
# yaml-language-server: $schema=recipe.schema.json
# A shop's drawings.

recipe: 0                  # of the first days
extends: starter
preparers:
  - use: ocr               # reads what is written
    # the one from the system's packages
    engine: "tesseract"    # not rapidocr
    languages: [eng, deu]
  - {use: provenance}
generator: null            # only searched
index: {path: ./index,   batch: 100}
# the end
"""
NEW = (
    OLD.replace("recipe: 0", "recipe: 1").replace('engine: "tesseract"   ', 'reader: "tesseract"   ')
    .replace("path: ./index,   b", "path: ./index, b")
)  # fmt: skip


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["recipe", "migrate", *arguments])


def test_an_old_recipe_is_rewritten_and_comments_order_and_quotes_stay(tmp_path: Path) -> None:
    path = write(tmp_path, OLD)
    path.chmod(0o640)
    done = run(str(path))
    assert (done.exit_code, path.read_text()) == (0, NEW)
    assert done.stdout.splitlines() == [
        f"{path}: was of version 0",
        "  preparers[0]: 'engine' is called 'reader' now",
        "  recipe: is 1 now",
    ]
    assert path.stat().st_mode & 0o777 == 0o640
    assert [file.name for file in tmp_path.iterdir()] == ["toys.yaml"]
    assert run(str(path)).stdout == f"{path}: is of the version of today\n"


def test_what_was_rewritten_is_a_recipe_of_today(tmp_path: Path) -> None:
    path = write(tmp_path, OLD)
    with pytest.raises(
        RecipeError, match=f"{path}:4:9: recipe: is of version 0, .*type: imagora recipe migrate {path}$"
    ):
        check(path)
    run(str(path))
    plan = read_merged(path).plain()
    assert isinstance(plan, dict) and plan["preparers"][0]["reader"] == "tesseract"  # type: ignore[index,call-overload]  # plain YAML
    assert not check(path, installed_catalog()).generator


def test_an_old_parent_is_told_with_its_own_name(tmp_path: Path) -> None:
    write(tmp_path, OLD, "old.yaml")
    with pytest.raises(RecipeError) as caught:
        check(write(tmp_path, "recipe: 1\nextends: old.yaml\n"))
    assert str(caught.value).endswith(f"type: imagora recipe migrate {tmp_path / 'old.yaml'}")


@pytest.mark.parametrize("name", shipped_recipes())
def test_nothing_but_the_version_changes_in_a_recipe_that_has_nothing_old(name: str) -> None:
    text = shipped_recipes()[name].read_text("utf-8")
    assert migrate(text, name).text == text
    assert migrate(text.replace("recipe: 1", "recipe: 0"), name).text == text


def test_a_recipe_without_a_version_gets_one_and_one_that_extends_needs_none() -> None:
    assert migrate("# mine\n\nsource: {use: folder}\n", "x").text == "# mine\n\nrecipe: 1\nsource: {use: folder}\n"
    child = "extends: starter\npreparers: ~\n"
    assert migrate(child, "x").text == child


def test_a_recipe_that_says_the_wrong_version_is_rewritten_when_asked(tmp_path: Path) -> None:
    path = write(tmp_path, OLD.replace("recipe: 0", "recipe: 1"))
    assert run(str(path)).stdout == f"{path}: is of the version of today\n"
    assert run(str(path), "--from", "0").exit_code == 0
    assert path.read_text() == NEW


def test_windows_lines_stay(tmp_path: Path) -> None:
    (path := tmp_path / "w.yaml").write_bytes(OLD.replace("\n", "\r\n").encode())
    run(str(path))
    assert path.read_bytes() == NEW.replace("\n", "\r\n").encode()


def test_a_limit_that_counts_otherwise_now_is_told_and_left() -> None:
    made = migrate("recipe: 0\npictures: {seconds: 10}\n", "x")
    assert made.text == "recipe: 1\npictures: {seconds: 10}\n"
    assert made.steps[0].startswith("pictures.seconds: left as it is, and counts processor time now")


def test_check_and_dry_run_write_nothing(tmp_path: Path) -> None:
    path, fine = write(tmp_path, OLD), write(tmp_path, NEW, "fine.yaml")
    checked = run(str(path), str(fine), "--check")
    assert checked.exit_code == 1
    assert f"{path}: is of version 0" in checked.stdout and f"{fine}: is of the version of today" in checked.stdout
    assert run(str(fine), "--check").exit_code == 0
    shown = run(str(path), "--dry-run")
    assert shown.exit_code == 0
    assert "-recipe: 0                  # of the first days\n+recipe: 1 " in shown.stdout
    told = json.loads(run(str(path), str(fine), "--check", "--json").stdout)
    assert [(one["version"], len(one["steps"])) for one in told] == [(0, 2), (1, 0)]
    assert path.read_text() == OLD


def test_another_file_is_written_when_asked(tmp_path: Path) -> None:
    path = write(tmp_path, OLD)
    assert run(str(path), "-o", str(tmp_path / "new.yaml")).exit_code == 0
    assert (path.read_text(), (tmp_path / "new.yaml").read_text()) == (OLD, NEW)
    assert run(str(path), str(path), "-o", "x").exit_code == 2


BAD = {
    "newer": (
        "recipe: 2\n",
        ":1:9: recipe: is of version 2, and this Imagora (0.1.0) reads version 1; type: pip install",
    ),
    "no number": ("recipe: one\n", ":1:9: recipe: a version is a number, such as 1, and this is 'one'"),
    "no recipe": ("- a\n", ":1:1: is not a recipe; a recipe is a mapping"),
    "no YAML": ("recipe: [\n", ":2:1: is not YAML:"),
    "an option under both names": (
        "recipe: 0\npreparers: [{use: ocr, engine: a, reader: b}]\n",
        ":2:13: preparers[0]: has 'engine' and 'reader', which are the same; take one of them out",
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_what_cannot_be_rewritten_is_told_with_its_place_and_the_others_are(what: str, tmp_path: Path) -> None:
    text, said = BAD[what]
    bad, good = write(tmp_path, text, "bad.yaml"), write(tmp_path, OLD)
    done = run(str(bad), str(good))
    assert (done.exit_code, bad.read_text(), good.read_text()) == (1, text, NEW)
    assert f"error: {bad}{said}" in done.stderr.replace("\n", " ").replace("  ", " ")


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    done = run(str(tmp_path / "none.yaml"))
    assert done.exit_code == 1 and "none.yaml:1:1: cannot be read: no such file" in done.stderr


def test_there_is_a_step_from_every_version() -> None:
    assert list(STEPS) == list(range(VERSION))
