"""Every error has a code, every code an entry that is raised somewhere, and none is ever given twice.

IMAGORA_WRITE=1 writes docs/errors.md, and the codes that are new, as they are now.
"""

from __future__ import annotations

import ast
import os
import pickle
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from imagora import errors
from imagora.cli.main import app
from imagora.codes import GROUPS, codes, page
from imagora.errors import GeneratorError, ImagoraError, Problem, RecipeError, SourceError
from typer.testing import CliRunner

ROOT = Path(__file__).resolve().parents[2]
GIVEN = Path(__file__).with_name("codes_given.txt")
WRITE = os.environ.get("IMAGORA_WRITE") == "1"


def in_the_source() -> Iterator[str]:
    for folder in ("core", "plugins", "evals"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    yield from re.findall(r"^IMG-\d+$", node.value)


def kinds_of(kind: type[ImagoraError]) -> Iterator[type[ImagoraError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from kinds_of(below)


def test_every_entry_says_what_why_and_what_to_do() -> None:
    assert len(codes()) > 70
    for code in codes().values():
        assert re.fullmatch(r"IMG-\d{3}", code.code) and code.code[4] in GROUPS
        assert not code.title.endswith(".") and code.why.endswith((".", ")")) and code.do.endswith((".", "`")), code
    titles = [code.title for code in codes().values()]
    assert len(set(titles)) == len(titles)


def test_every_code_that_is_raised_has_an_entry_and_every_entry_is_raised() -> None:
    raised = set(in_the_source())
    assert raised - set(codes()) == set()
    assert {name for name, code in codes().items() if not code.retired} - raised == set()


def test_every_class_of_errors_has_a_code_of_its_own() -> None:
    own = {kind: kind.__dict__.get("code") for kind in kinds_of(ImagoraError) if kind.__module__ == errors.__name__}
    del own[RecipeError]  # whose problems have them
    assert None not in own.values()
    assert len(set(own.values())) == len(own) >= 12
    assert set(own.values()) <= set(codes())


def test_a_problem_cannot_be_made_without_a_code() -> None:
    with pytest.raises(TypeError, match="code"):
        Problem("r.yaml", 1, 1, "", "is wrong")  # type: ignore[call-arg]  # which is the test


def test_no_code_that_was_given_is_gone_or_means_something_else() -> None:
    given = dict(line.split("  ", 1) for line in GIVEN.read_text("utf-8").splitlines())
    if WRITE:  # new ones only: a line that is there is changed by hand, by whoever knows that the meaning stays
        given = {**{name: code.title for name, code in codes().items()}, **given}
        GIVEN.write_text("".join(f"{name}  {title}\n" for name, title in sorted(given.items())), "utf-8")
    assert given == {name: code.title for name, code in codes().items()}


def test_the_docs_page_is_what_the_table_makes() -> None:
    file = ROOT / "docs" / "errors.md"
    if WRITE:
        file.write_text(page(), "utf-8")
    assert file.read_text("utf-8") == page(), "type: IMAGORA_WRITE=1 pytest tests/core/test_codes.py"
    assert all(page().count(f'<a id="{name.lower()}"></a>') == 1 for name in codes())


def test_an_error_carries_its_code_and_one_of_its_own_where_it_was_given_one() -> None:
    assert SourceError("gone").code == "IMG-701"
    error = SourceError("gone", code="IMG-703")
    assert (error.code, str(error), SourceError.code) == ("IMG-703", "gone", "IMG-701")
    assert pickle.loads(pickle.dumps(error)).code == "IMG-703"
    wrong = RecipeError([Problem("r.yaml", 1, 1, "", "a", "IMG-302"), Problem("r.yaml", 2, 1, "", "b", "IMG-307")])
    assert (wrong.code, [problem.code for problem in wrong.problems]) == ("IMG-302", ["IMG-302", "IMG-307"])
    assert GeneratorError("down").code == "IMG-810"


@pytest.mark.parametrize("said", ["IMG-305", "img-305", "305", "[IMG-305]"])
def test_explain_prints_the_entry(said: str) -> None:
    done = CliRunner().invoke(app, ["explain", said])
    assert done.exit_code == 0
    assert done.stdout.startswith("IMG-305: there is no such component\n\n")
    assert "What to do: Use a name in the message" in done.stdout


def test_explain_lists_all_and_says_when_there_is_none() -> None:
    assert CliRunner().invoke(app, ["explain"]).stdout.count("\n") == len(codes())
    none = CliRunner().invoke(app, ["explain", "IMG-999"])
    assert (none.exit_code, none.stderr) == (
        2,
        "error: there is no code 'IMG-999'; all that there are: imagora explain [IMG-191]\n",
    )
