"""From a suite's folder to a suite, with every problem reported at its file and line."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

from imagora.catalog import installed_catalog
from imagora.errors import Problem, RecipeError, did_you_mean
from imagora.options import Options
from imagora_recipe.components import ComponentChecker
from imagora_recipe.tree import Mark, Value, read
from pydantic import ValidationError

from .makers import MAKERS, Made
from .suite import EvalQuery, Suite
from .suite_form import QrelLine, QueryLine, SuiteForm

LineT = TypeVar("LineT", bound=Options)
FILE, QUERIES = "suite.yaml", "queries.jsonl"
QRELS = ("qrels", "qrels.txt", "qrels.trec", "qrels.jsonl")
CODE = "IMG-721"
_COLUMNS = 4


@dataclass
class _Reading:
    """Reads one suite, and collects what is wrong."""

    folder: Path
    options: Mapping[str, Value]
    problems: list[Problem] = field(default_factory=list)
    folders: list[Path] = field(default_factory=list)
    identity: Any = None

    def wrong(self, file: Path, line: int, what: str, where: str = "") -> None:
        self.problems.append(Mark(str(file), line, 1).problem(CODE, where, what))

    def stop(self) -> None:
        if self.problems:
            raise RecipeError(sorted(self.problems, key=lambda one: (one.file, one.line)))

    def form(self) -> tuple[SuiteForm, Value | None]:
        file = self.folder / FILE
        if not file.read_text("utf-8", "replace").strip():
            self.wrong(file, 1, "is empty; a suite begins with: suite: 1")
            self.stop()
        tree = read(file)
        checker = ComponentChecker(installed_catalog())
        form = checker.options(SuiteForm, tree, "")
        corpus = tree.data.get("corpus") if isinstance(tree.data, dict) else None
        self.problems += [Problem(**{**vars(one), "where": one.where.lstrip(".")}) for one in checker.problems]
        self.stop()
        assert form is not None  # noqa: S101 - or there was a problem
        return form, None if corpus is None or corpus.data is None else corpus

    def corpus(self, said: Value | None) -> dict[str, object]:
        """Check where the items are; what is made for it is made here."""
        if said is None or not isinstance(said.data, dict):
            return {}
        checker = ComponentChecker(installed_catalog())
        if "make" not in said.data:
            planned = checker.component("source", said, "corpus")
            self.problems += checker.problems
            self.stop()
            self.identity = said.plain()
            assert planned is not None and isinstance(self.identity, dict)  # noqa: S101 - or there was a problem
            return dict(self.identity)
        made = self._made(said, checker)
        self.folders, self.identity = [made.folder], made.identity
        return {"use": "folder", "path": str(made.folder / "corpus")}

    def _made(self, said: Value, checker: ComponentChecker) -> Made:
        assert isinstance(said.data, dict)  # noqa: S101 - the caller looked
        name = str(said.data["make"].data)
        if name not in MAKERS:
            what = f"nothing makes a corpus '{name}'{did_you_mean(name, MAKERS)}"
            checker.wrong(CODE, said.data["make"], "corpus.make", what)
            self.problems += checker.problems
            self.stop()
        given = {key: part for key, part in said.data.items() if key != "make"} | dict(self.options)
        maker = MAKERS[name]()
        options = checker.options(maker.options, Value(given, said.mark, said.key), "corpus")
        self.problems += checker.problems
        self.stop()
        return maker.made(options)

    def queries(self) -> list[EvalQuery]:
        file = self._file(QUERIES)
        if file is None:
            self.wrong(self.folder / QUERIES, 1, f"is not there; a suite has its queries in {QUERIES}, a line each")
            self.stop()
            return []
        seen: dict[str, int] = {}
        found = []
        for line, said in self._lines(file, QueryLine, _json):
            if said.id in seen:
                self.wrong(file, line, f"the id '{said.id}' is there twice; the first is in line {seen[said.id]}", "id")
            seen.setdefault(said.id, line)
            pictures = [(name, self._file(name)) for name in said.pictures]
            for name, there in pictures:
                if there is None:
                    self.wrong(file, line, f"there is no picture '{name}' in the suite's folder", "pictures")
            paths = tuple(there for _, there in pictures if there is not None)
            found.append(EvalQuery(said.id, said.text, paths, said.slices, said.answer, said.refuse))
        if not found and not self.problems:
            self.wrong(file, 1, "has no queries")
        return found

    def qrels(self, queries: list[EvalQuery]) -> dict[str, dict[str, int]]:
        by_id = {query.id: query for query in queries}
        found: dict[str, dict[str, int]] = {}
        for file in filter(None, map(self._file, QRELS)):
            form = _json if file.suffix == ".jsonl" else _trec
            for line, said in self._lines(file, QrelLine, form):
                if said.query not in by_id:
                    near = did_you_mean(said.query, by_id if len(by_id) < 30 else [])  # noqa: PLR2004 - to be read
                    self.wrong(file, line, f"there is no query '{said.query}'{near}".replace(" (there is none)", ""))
                elif said.uri in found.get(said.query, {}):
                    self.wrong(file, line, f"'{said.uri}' is judged twice for the query '{said.query}'")
                elif said.grade and by_id[said.query].refuse:
                    self.wrong(file, line, f"the query '{said.query}' is to be refused, and '{said.uri}' answers it")
                else:
                    found.setdefault(said.query, {})[said.uri] = said.grade
        return found

    def _file(self, name: str) -> Path | None:
        for folder in (self.folder, *self.folders):
            file = folder / name
            if file.is_file() and file.resolve().is_relative_to(folder.resolve()):
                return file
        return None

    def _lines(
        self, file: Path, model: type[LineT], form: Callable[[str], dict[str, Any]]
    ) -> Iterator[tuple[int, LineT]]:
        try:
            text = file.read_text("utf-8-sig")
        except UnicodeDecodeError as error:
            self.wrong(file, 1, f"is not UTF-8 text (byte {error.start})")
            return
        for number, line in enumerate(text.split("\n"), start=1):
            if not line.strip():
                continue
            try:
                yield number, model.model_validate(form(line))
            except ValidationError as invalid:
                for one in invalid.errors(include_url=False):
                    self.wrong(file, number, _in_words(model, one), ".".join(map(str, one["loc"])))
            except ValueError as error:
                self.wrong(file, number, str(error))


def read_suite(folder: Path, options: Mapping[str, Value] | None = None) -> Suite:
    """Read the suite in a folder, and make its corpus where that is made; raise RecipeError with every problem.

    options: of what makes its corpus, over what suite.yaml says.
    """
    reading = _Reading(folder, options or {})
    form, said = reading.form()
    corpus = reading.corpus(said)
    queries = reading.queries()
    qrels = reading.qrels(queries)
    reading.stop()
    return Suite(
        name=form.name or folder.resolve().name,
        folder=folder,
        corpus=corpus,
        queries=queries,
        qrels=qrels,
        metrics=form.metrics,
        digest=_digest(reading.identity, queries, qrels),
        description=form.description,
        slices=form.slices,
        refusals=form.refusals,
    )


def _digest(corpus: Any, queries: list[EvalQuery], qrels: Mapping[str, Mapping[str, int]]) -> str:
    asked = [
        [
            *(one.id, one.text, [sha256(file.read_bytes()).hexdigest() for file in one.pictures]),
            *(dict(one.slices), one.answer, one.refuse),
        ]
        for one in queries
    ]
    return sha256(json.dumps([corpus, asked, qrels], sort_keys=True).encode()).hexdigest()[:32]


def _json(line: str) -> dict[str, Any]:
    try:
        said = json.loads(line)
    except ValueError as error:
        raise ValueError(f"is not JSON: {str(error).lower()}") from None
    if not isinstance(said, dict):
        raise ValueError('must be an object, such as {"id": "1", "text": "a red rose"}')
    return said


def _trec(line: str) -> dict[str, Any]:
    # An item's name may have blanks in it: the first two words and the last are the others' places.
    parts = line.split(None, 2)
    rest = parts[2].rsplit(None, 1) if len(parts) == _COLUMNS - 1 else []
    if len(rest) != 2:  # noqa: PLR2004 - the item and its grade
        raise ValueError("must be four words: QUERY 0 ITEM GRADE")
    return {"query": parts[0], "uri": rest[0], "grade": rest[1].strip()}


def _in_words(model: type[Options], error: Any) -> str:
    last = str(error["loc"][-1]) if error["loc"] else ""
    if error["type"] == "extra_forbidden":
        return f"there is no '{last}'{did_you_mean(last, model.model_fields)}"
    if error["type"] == "missing":
        return f"'{last}' is missing"
    said = str(error["msg"]).removeprefix("Value error, ")
    shown = f", and it is '{error['input']}'"[:120] if isinstance(error["input"], str | int | float) else ""
    return said[:1].lower() + said[1:] + shown
