"""The bounds that keep the core small and every plugin on the same road."""

from __future__ import annotations

import ast
import importlib
import io
import re
import tokenize
from collections.abc import Iterator
from importlib.metadata import requires
from pathlib import Path

import imagora
import pytest
from imagora import errors, hookspecs

ROOT = Path(__file__).resolve().parents[2]
CORE = Path(imagora.__file__).parent
PLUGINS = sorted(path.parent for path in (ROOT / "plugins").glob("imagora_*/__init__.py"))
ON_THE_CORE = (
    "recipe",
    "recipe_tools",
    "showing",
    "drawing",
    "ingestion",
    "answering",
    "caching",
    "routing",
    "isolation",
    "batching",
)
EVERY_FILE = sorted(
    path
    for folder in (
        CORE,
        *(CORE.parent / f"imagora_{name}" for name in ("decoder", *ON_THE_CORE)),
        *PLUGINS,
    )
    for path in folder.rglob("*.py")
)
PUBLIC = {
    "imagora",
    *(f"imagora.{name}" for name in ("stages", "filters", "errors", "item", "query", "answer", "passages")),
    "imagora.prompt",
    "imagora.testing",
    "imagora.ledger",
    "imagora.runner",
    *(
        f"imagora.{name}"
        for name in ("tracing", "events", "calls", "inert", "inline", "health", "record", "threads", "quiet")
    ),
}
NEVER = re.compile("manager|handler|helpers?|utils?|processor|engine|service|base|common|misc")
HEAVY = (
    "torch|torchvision|transformers|sentence-transformers|onnx.*|open-clip.*|timm|spacy|presidio.*|qdrant.*|"
    "tensorflow.*|jax.*|scipy|scikit.*|pandas|opencv.*|ray|prefect|vllm|llama-index-(?!core$).*|llama-index$"
)
SUPPRESSION = re.compile(
    r"# (?:noqa|type: ignore|pragma)\b(?::? ?[A-Z]+\d+(?:, ?[A-Z]+\d+)*|\[[\w, -]+\])?(?P<reason>.*)"
)
SKIPPED = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}


def name_of(path: Path) -> str:
    return str(path.relative_to(CORE.parent) if path.is_relative_to(CORE.parent) else path.relative_to(ROOT))


def lines_of_code(source: str) -> int:
    """Count the lines that hold code: not blank, not only a comment, not part of a docstring."""
    said: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if (
                isinstance(first, ast.Expr)
                and isinstance(first.value, ast.Constant)
                and isinstance(first.value.value, str)
            ):
                said.update(range(first.lineno, (first.end_lineno or first.lineno) + 1))
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    held = {line for t in tokens if t.type not in SKIPPED and t.string for line in range(t.start[0], t.end[0] + 1)}
    return len(held - said)


def imports_of(path: Path) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Give every module that a file imports, and the names that it takes from it; its own package as '.'."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, ()) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." if node.level else node.module or "", tuple(alias.name for alias in node.names)


def test_lines_of_code_are_counted_as_said() -> None:
    source = '"""A docstring\nof two lines."""\n\n# a comment\nx = """a\nvalue"""  # counts\n'
    source += 'def f():\n    "said"\n    return x\n'
    assert lines_of_code(source) == 4


def test_what_runs_of_the_core_has_fewer_than_2500_lines_of_code() -> None:
    """Count lines that hold code, as `lines_of_code` does, in core/ without imagora/cli and imagora/testing.

    The two roads and the language of recipes are packages of their own, built on the core and bounded below.

    The contracts in imagora/testing are tests that ship for plugins' authors; nothing that runs imports them.
    """
    core = [path for path in EVERY_FILE if path.is_relative_to(CORE.parent)]
    apart = (CORE / "cli", CORE / "testing", *(CORE.parent / f"imagora_{name}" for name in ON_THE_CORE))
    counted = {name_of(path): lines_of_code(path.read_text("utf-8")) for path in core if path.parent not in apart}
    assert {"imagora/pipeline.py", "imagora/assembly.py", "imagora_decoder/__main__.py"} <= set(counted)
    assert sum(counted.values()) < 2_500, counted


@pytest.mark.parametrize("built", ON_THE_CORE)
def test_what_is_built_on_the_core_has_fewer_than_1200_lines_of_code_each(built: str) -> None:
    files = [path for path in EVERY_FILE if path.is_relative_to(CORE.parent / f"imagora_{built}")]
    assert 100 < sum(lines_of_code(path.read_text("utf-8")) for path in files) < 1_200


def test_a_query_needs_nothing_of_the_road_of_an_item() -> None:
    doors = {"imagora/pipeline.py", *(f"imagora/cli/{name}.py" for name in ("indexes", "ingesting", "watching"))}
    for path in EVERY_FILE:
        if path.is_relative_to(CORE) and name_of(path) not in doors:
            assert not any(module.split(".")[0] == "imagora_ingestion" for module, _ in imports_of(path)), name_of(path)


def test_nothing_that_runs_imports_the_contracts() -> None:
    for path in EVERY_FILE:
        if not path.is_relative_to(CORE / "testing") and path.stem != "contract":  # a plugin's own contracts
            assert not any({"testing", "contract"} & {*module.split(".")} for module, _ in imports_of(path)), name_of(
                path
            )


def test_the_distribution_has_at_most_12_direct_dependencies_and_no_heavy_one() -> None:
    direct = [line for line in requires("imagora") or [] if "extra ==" not in line]
    names = [re.split(r"[\s<>=!~;\[(]", line, maxsplit=1)[0].lower() for line in direct]
    assert 0 < len(names) <= 12
    assert [name for name in names if re.fullmatch(HEAVY, name)] == []


def test_every_dependency_has_a_lower_bound() -> None:
    without = [line for line in requires("imagora") or [] if not re.search(r">=|==|imagora\[", line)]
    assert without == []


def test_every_package_tells_type_checkers_that_it_is_typed() -> None:
    assert [name_of(package) for package in (CORE, *PLUGINS) if not (package / "py.typed").is_file()] == []


def test_the_core_imports_no_plugin() -> None:
    plugins = {path.name for path in PLUGINS}
    assert len(plugins) >= 2
    for path in EVERY_FILE:
        if path.is_relative_to(CORE):
            for module, _ in imports_of(path):
                assert module.split(".")[0] not in plugins, name_of(path)


@pytest.mark.parametrize("plugin", PLUGINS, ids=lambda path: path.name)
def test_a_plugin_imports_no_other_plugin_and_nothing_private_of_the_core(plugin: Path) -> None:
    others = {path.name for path in PLUGINS} - {plugin.name}
    for path in plugin.rglob("*.py"):
        for module, names in imports_of(path):
            assert module.split(".")[0] not in others, name_of(path)
            if module.split(".")[0] == "imagora":
                private = [part for part in (*module.split("."), *names) if part.startswith("_")]
                assert private in ([], ["__version__"]), name_of(path)


def words_of(name: str) -> list[str]:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().split("_")


def test_no_file_class_or_function_has_a_name_that_says_nothing() -> None:
    for path in EVERY_FILE:
        tree = ast.parse(path.read_text("utf-8"))
        defined = [
            n.name for n in ast.walk(tree) if isinstance(n, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        ]
        for name in (path.stem, path.parent.name, *defined):
            assert [word for word in words_of(name) if NEVER.fullmatch(word)] == [], f"{name_of(path)}: {name}"


def test_no_function_is_a_stub() -> None:
    for path in EVERY_FILE:
        source = path.read_text("utf-8")
        assert "NotImplementedError" not in source, name_of(path)
        assert not re.search(r"#\s*(TODO|FIXME|XXX)", source), name_of(path)


def test_every_suppression_has_its_reason_beside_it() -> None:
    without = []
    for path in EVERY_FILE:
        for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1):
            match = SUPPRESSION.search(line)
            if match and "E402" in match[0] and path.parent == CORE / "testing":
                continue  # one reason stands above the whole block
            if match and len(match["reason"].strip(" -#")) < 5:
                without.append(f"{name_of(path)}:{number}: {line.strip()}")
    assert without == []


def test_all_names_what_is_there() -> None:
    assert len(set(imagora.__all__)) == len(imagora.__all__)
    for name in imagora.__all__:
        assert getattr(imagora, name) is not None
    assert {"Component", "Item", "Options", "Pipeline", "Query", "Verdict", "hookimpl", "load"} <= set(imagora.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'Pipelin'"):
        imagora.Pipelin  # noqa: B018 - asking is the test


def test_what_type_checkers_see_is_what_all_names() -> None:
    tree = ast.parse((CORE / "__init__.py").read_text("utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {
        alias.asname or alias.name for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    assert seen == set(imagora.__all__) - {"__version__"}


@pytest.mark.parametrize("module", sorted(PUBLIC))
def test_every_public_thing_has_a_docstring_of_one_sentence_first(module: str) -> None:
    if module == "imagora.testing":
        importlib.import_module("pytest")
    made = importlib.import_module(module)
    assert first_sentence(made.__doc__), module
    for name, thing in vars(made).items():
        if not name.startswith("_") and getattr(thing, "__module__", "") == module and callable(thing):
            assert first_sentence(thing.__doc__), f"{module}.{name}"


def first_sentence(doc: str | None) -> str:
    line = (doc or "").strip().splitlines()[0] if (doc or "").strip() else ""
    return line if line.endswith((".", ":")) else ""


def test_every_hooks_docstring_is_one_sentence_that_names_what_is_built() -> None:
    hooks = {name: hook for name, hook in vars(hookspecs).items() if name.startswith("offer_")}
    assert len(hooks) == 13
    for name, hook in hooks.items():
        doc = hook.__doc__ or ""
        assert "\n" not in doc, name
        assert doc.startswith(f"Offer {name.removeprefix('offer_')}: "), name
        assert doc.endswith("."), name
        assert doc.count(". ") == 0, name
        if name != "offer_commands":
            assert "(built: " in doc, name


def test_the_tree_of_errors_is_drawn_as_it_is() -> None:
    drawn: dict[str, str] = {}
    path: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        if match := re.match(r"^((?:│   |    )*)(?:[├└]── )?(\w+)(?=  |$)", line):
            branch = "──" in line
            depth = len(match[1]) // 4 + branch
            path = [*path[:depth], match[2]]
            drawn[match[2]] = path[-2] if depth else "Exception"
    real = {
        name: thing.__mro__[1].__name__
        for name, thing in vars(errors).items()
        if isinstance(thing, type) and issubclass(thing, Exception) and thing.__module__ == errors.__name__
    }
    assert drawn == real
