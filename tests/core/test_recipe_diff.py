"""`recipe diff`: what each change costs, held against what an ingest then does."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import imagora_ingestion
import imagora_qdrant
import pytest
import toys
from imagora import Pipeline
from imagora.assembly import assemble
from imagora.catalog import Catalog
from imagora_ingestion.survey import survey
from imagora_recipe.check import check
from imagora_recipe_tools.diff import Difference, diff
from imagora_recipe_tools.place import checked_at
from toy_embedders import ToyColour, ToyWords
from toy_recipes import write

CATALOG = Catalog.of(toys, imagora_ingestion, imagora_qdrant)
BASE = """\
recipe: 1
source:
  use: toy_list
  items:
    - {uri: rose, title: a rose, text: A red rose in a vase., colour: red, metadata: {price: 5}}
    - {uri: sea, title: the sea, text: Blue waves., colour: blue}
    - {uri: lemon, colour: yellow}
    - {uri: note, text: Buy a lemon and a rose for Ann.}
embedders: {image: {use: toy_colour}, sparse: {use: toy_words}}
index: {use: qdrant, path: ./index}
retriever: {use: toy_retriever}
rerankers: [{use: toy_reverse}]
generator: {use: toy_quote}
"""
ALL = {"image": 3, "sparse": 3}
ON = "recipe: 1\nextends: base.yaml\n"


class Case(NamedTuple):
    """The second recipe's text, laid over the first's, and what is said of the two.

    legs: how many items get a vector again, by leg; None where no ingest is needed. before: the first recipe, where it
    is not the base itself.
    """

    text: str
    changes: dict[str, str]
    exit_code: int
    legs: dict[str, int] | None = None
    where: str = ""
    before: str = BASE


SHOUT = "preparers: [{use: toy_shout}]\n"
BESIDE, IN_PLACE, NEW = "in a generation beside the one that answers", "in place", "in a new index"
CASES = {
    "the same": Case("", {}, 0),
    "comments only": Case("# a comment\n", {}, 0),
    "a description": Case("description: of toys\n", {}, 0),
    "written out instead of extended": Case(BASE.removeprefix("recipe: 1\n"), {}, 0),
    "defaults written out": Case("retriever: {top_k: 10, fusion: rrf, legs: {}}\nprompt: {passages: 6}\n", {}, 0),
    "keys in another order": Case("embedders: {sparse: {lower: true}, image: {}}\n", {}, 0),
    "no list and an empty list": Case("preparers: []\nguardrails: {query: []}\n", {}, 0),
    "an absolute path to the same place": Case("index: {path: HERE/index}\n", {}, 0),
    "weights of the image leg": Case(
        "embedders: {image: {weights: '2'}}\n", {"embedders.image.weights": "re-embed"}, 5, ALL, BESIDE
    ),
    "an option that makes other sparse vectors": Case(
        "embedders: {sparse: {lower: false}}\n", {"embedders.sparse.lower": "re-embed"}, 5, ALL, BESIDE
    ),
    "another sparse embedder": Case(
        "embedders: {sparse: {use: bm25}}\n", {"embedders.sparse": "re-embed"}, 5, ALL, BESIDE
    ),
    "a leg more": Case(
        "embedders: {text: {use: toy_colour}}\n", {"embedders.text": "re-embed"}, 5, {**ALL, "text": 3}, BESIDE
    ),
    "a leg less": Case("embedders: {sparse: null}\n", {"embedders.sparse": "re-embed"}, 5, {"image": 3}, BESIDE),
    "a preparer more": Case(SHOUT, {"preparers[0]": "re-embed"}, 5, ALL, IN_PLACE),
    "a preparer's option": Case(
        "preparers: [{use: toy_shout, mark: '?'}]\n", {"preparers[0].mark": "re-embed"}, 5, ALL, IN_PLACE, BASE + SHOUT
    ),
    "a preparer in a process of its own": Case(
        "preparers: [{use: toy_shout, isolate: process}]\n",
        {"preparers[0].isolate": "later"},
        4,
        before=BASE + SHOUT,
    ),
    "a generator in a process of its own": Case(
        "generator: {isolate: process}\n", {"generator.isolate": "online"}, 4
    ),
    "preparers in another order": Case(
        "preparers: [{use: toy_shout, mark: '?'}, {use: toy_shout}]\n",
        {"preparers": "re-embed"},
        5,
        ALL,
        IN_PLACE,
        BASE + "preparers: [{use: toy_shout}, {use: toy_shout, mark: '?'}]\n",
    ),
    "pictures made smaller": Case("pictures: {max_side: 64}\n", {"pictures.max_side": "re-embed"}, 5, ALL, IN_PLACE),
    "other bounds on pictures": Case(
        "pictures: {max_megapixels: 50, seconds: 3}\n",
        {"pictures.max_megapixels": "online", "pictures.seconds": "online"},
        4,
    ),
    "smaller copies of pictures": Case("pictures: {thumbnails: 256}\n", {"pictures.thumbnails": "later"}, 4),
    "which licences are allowed": Case("licences: [MIT]\n", {"licences": "later"}, 4),
    "what a run must reach": Case("gate: {map: {min: 0.5}}\n", {"gate": "later"}, 4),
    "more decoders": Case("pictures: {workers: 3}\n", {"pictures.workers": "later"}, 4),
    "another folder for the index": Case("index: {path: ./other}\n", {"index.path": "re-index"}, 5, ALL, NEW),
    "quantised vectors": Case("index: {quantization: scalar}\n", {"index.quantization": "re-index"}, 5, ALL, NEW),
    "another graph": Case("index: {hnsw: {m: 32}}\n", {"index.hnsw.m": "re-index"}, 5, ALL, NEW),
    "a wider search in the graph": Case("index: {hnsw: {ef: 200}}\n", {"index.hnsw.ef": "online"}, 4),
    "writes of another size": Case("index: {batch: 10}\n", {"index.batch": "later"}, 4),
    "an indexed field": Case(
        "index: {fields: {price: float}}\n", {"index.fields.price": "ingest"}, 5, {"image": 0, "sparse": 0}, IN_PLACE
    ),
    "an index that is no Qdrant": Case(
        "index: {use: toy_memory, path: ./i.json}\n", {"index": "re-index"}, 5, ALL, NEW
    ),
    "another ledger": Case("ledger: {path: ./l.sqlite}\n", {"ledger": "re-embed"}, 5, ALL, IN_PLACE),
    "the ledger where it is anyway": Case("ledger: {path: ./index.ledger.sqlite}\n", {"ledger": "later"}, 4),
    "an engine": Case("engine: local\n", {"engine": "later"}, 4),
    "an item more in the source": Case(
        "source: {items: [{uri: rose}, {uri: x, text: x}]}\n", {"source.items": "ingest"}, 5, {"image": 0, "sparse": 0}
    ),
    "another source": Case("source: {name: others}\n", {"source.name": "ingest"}, 5),
    "fewer passages": Case("retriever: {top_k: 5}\n", {"retriever.top_k": "online"}, 4),
    "weights of legs": Case(
        "retriever: {legs: {image: 2, sparse: 1}}\n",
        {"retriever.legs.image": "online", "retriever.legs.sparse": "online"},
        4,
    ),
    "another fusion": Case("retriever: {fusion: dbsf}\n", {"retriever.fusion": "online"}, 4),
    "a reranker's option": Case("rerankers: [{use: toy_reverse, keep: 3}]\n", {"rerankers[0].keep": "re-rank"}, 4),
    "a reranker more": Case(
        "rerankers: [{use: toy_reverse, keep: 3}, {use: toy_reverse}]\n", {"rerankers[0]": "re-rank"}, 4
    ),
    "no reranker": Case("rerankers: []\n", {"rerankers[0]": "re-rank"}, 4),
    "guardrails at all places": Case(
        "guardrails: {query: [{use: toy_emails}], passages: [{use: toy_emails}], answer: [{use: toy_emails}]}\n",
        {"guardrails.query[0]": "online", "guardrails.passages[0]": "online", "guardrails.answer[0]": "online"},
        4,
    ),
    "a generator's option": Case("generator: {passage: 2}\n", {"generator.passage": "online"}, 4),
    "no generator": Case("generator: null\n", {"generator": "online"}, 4),
    "a prompt": Case("prompt: {passages: 3}\n", {"prompt.passages": "online"}, 4),
    "a deadline and a fallback": Case(
        "answer: {deadline: 5, fallback: {use: toy_quote}}\n",
        {"answer.deadline": "online", "answer.fallback": "online"},
        4,
    ),
    "a wrapper": Case("wrappers: [{use: toy_counter}]\n", {"wrappers[0]": "online"}, 4),
    "wrappers in another order": Case(
        "wrappers: [{use: toy_counter, label: b}, {use: toy_counter, label: a}]\n",
        {"wrappers": "online"},
        4,
        before=BASE + "wrappers: [{use: toy_counter, label: a}, {use: toy_counter, label: b}]\n",
    ),
    "who may see what": Case("access: {tenant: shop}\n", {"access.tenant": "online"}, 4),
}  # fmt: skip


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an index that the base recipe has filled."""
    folder = tmp_path_factory.mktemp("filled")
    ingest(write(folder, BASE, "base.yaml"))
    return folder


@pytest.fixture
def embedded(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How many items were embedded on each leg."""
    counted: Counter[str] = Counter()
    legs = ((ToyColour, "get_image_embedding_batch", "image"), (ToyColour, "get_text_embedding_batch", "text"))
    for owner, method, leg in (*legs, (ToyWords, "embed_texts", "sparse")):
        whole = getattr(owner, method)

        def counting(self: Any, things: Sequence[Any], whole: Any = whole, leg: str = leg, **options: Any) -> Any:
            counted[leg] += len(things)
            return whole(self, things, **options)

        monkeypatch.setattr(owner, method, counting)
    return counted


def ingest(recipe: Path) -> int:
    plan = check(recipe, CATALOG)
    with Pipeline(plan, assemble(plan)) as pipeline:
        return pipeline.ingest().embedded


def differing(folder: Path, case: Case) -> Difference:
    write(folder, case.before, "base.yaml")
    on = "recipe: 1\n" if case.text.startswith("source:\n") else ON
    write(folder, on + case.text.replace("HERE", str(folder)), "after.yaml")
    return diff(check(folder / "base.yaml", CATALOG), check(folder / "after.yaml", CATALOG))


@pytest.mark.parametrize("name", CASES)
def test_every_change_costs_what_it_costs(name: str, filled: Path) -> None:
    case = CASES[name]
    found = differing(filled, case)
    assert {change.place: change.cost for change in found.changes} == case.changes
    assert found.exit_code == case.exit_code
    assert (found.work is not None) == (case.exit_code == 5)
    if found.work is not None and case.before == BASE:
        assert {leg: part.items for leg, part in found.work.legs.items()} == (case.legs or {})
        assert case.where in ("", found.work.where)


REAL = [
    "weights of the image leg", "an option that makes other sparse vectors", "a leg more", "a leg less",
    "a preparer's option", "preparers in another order", "pictures made smaller", "another folder for the index",
    "another ledger", "an indexed field", "more decoders", "other bounds on pictures", "writes of another size",
]  # fmt: skip


@pytest.mark.parametrize("name", REAL)
def test_what_is_said_is_what_an_ingest_then_embeds(
    name: str, filled: Path, tmp_path: Path, embedded: Counter[str]
) -> None:
    case, folder = CASES[name], tmp_path / "shop"
    if case.before == BASE:
        shutil.copytree(filled, folder)
    else:
        ingest(write(folder, case.before, "base.yaml"))
        embedded.clear()
    found = differing(folder, case)
    said = {leg: part for leg, part in found.work.legs.items() if part.items} if found.work else {}
    items = found.work.items if found.work else 0
    assert not embedded
    assert ingest(folder / "after.yaml") == items
    assert dict(embedded) == {leg: part.items for leg, part in said.items()}
    assert all(part.exact for part in said.values()) or "preparer" in name
    assert ingest(folder / "after.yaml") == 0


SERVER = "index: {use: qdrant, url: 'http://127.0.0.1:9', api_key: swordfish}\n"


def test_a_key_is_no_change_and_is_never_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGORA_TOY_URL", "http://127.0.0.1:9/tenant-4711")
    base = BASE.replace("index: {use: qdrant, path: ./index}\n", SERVER)
    old = write(tmp_path, base, "old.yaml")
    new = write(tmp_path, base.replace("swordfish", "hunter2"), "new.yaml")
    assert diff(checked_at(old, new, CATALOG), check(new, CATALOG)).exit_code == 0
    write(
        tmp_path,
        base.replace("swordfish", "hunter2").replace("'http://127.0.0.1:9'", "'${IMAGORA_TOY_URL}'"),
        "new.yaml",
    )
    found = diff(checked_at(old, new, CATALOG), check(new, CATALOG))
    assert [(change.place, change.before, change.after) for change in found.changes] == [
        ("index.url", "http://127.0.0.1:9", "********")
    ]
    said = str(found.to_dict())
    assert not any(secret in said for secret in ("swordfish", "hunter2", "4711"))


def test_a_recipe_of_another_name_has_another_ledger_on_a_server(tmp_path: Path) -> None:
    old, new = (
        write(tmp_path, BASE.replace("path: ./index", "url: 'http://127.0.0.1:9'"), n) for n in ("a.yaml", "b.yaml")
    )
    found = diff(check(old, CATALOG), check(new, CATALOG))
    assert [(change.place, change.cost) for change in found.changes] == [("ledger", "re-embed")]
    assert found.work is not None
    assert found.work.items is None


def test_an_older_version_elsewhere_is_taken_for_one_in_the_same_place(tmp_path: Path) -> None:
    old, new = write(tmp_path / "old", BASE, "shop.yaml"), write(tmp_path, BASE, "shop.yaml")
    assert diff(check(old, CATALOG), check(new, CATALOG)).exit_code == 5
    assert diff(checked_at(old, new, CATALOG), check(new, CATALOG)).exit_code == 0


def test_without_an_index_it_says_so(tmp_path: Path) -> None:
    write(tmp_path, BASE, "base.yaml")
    found = differing(tmp_path, CASES["weights of the image leg"])
    assert found.work is not None
    assert (found.work.items, found.work.why) == (None, "there is no index yet")


HOLDING = """
import sys
from pathlib import Path
from imagora_qdrant.folder_lock import FolderLock
held = FolderLock(Path(sys.argv[1]), "index")
held.take()
print("taken", flush=True)
sys.stdin.read()
"""


def test_an_index_that_another_has_open_is_counted_in_its_ledger(filled: Path, tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    shutil.copytree(filled, folder)
    command = [sys.executable, "-c", HOLDING, str(folder / "index" / "lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout and other.stdout.readline() == "taken\n"
        work = differing(folder, CASES["weights of the image leg"]).work
        other.communicate("")
    assert work is not None
    assert {(leg.items, leg.exact) for leg in work.legs.values()} == {(4, False)}
    assert "in use" in work.why


def test_what_an_ingest_has_done_already_is_not_counted_again(filled: Path, tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    shutil.copytree(filled, folder)
    case = CASES["weights of the image leg"]
    assert (work := differing(folder, case).work) is not None and work.items == 4
    ingest(folder / "after.yaml")
    found = differing(folder, case)
    assert (work := found.work) is not None and (work.items, found.exit_code, work.where) == (0, 5, BESIDE)


def test_a_dry_run_says_the_same_number(filled: Path, tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    shutil.copytree(filled, folder)
    work = differing(folder, CASES["pictures made smaller"]).work
    plan = check(folder / "after.yaml", CATALOG)
    assert work is not None
    assert survey(plan, assemble(plan)).embed == work.items == 4


def test_a_recipe_is_the_same_however_its_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = write(tmp_path, BASE + SHOUT, "base.yaml")
    monkeypatch.chdir(tmp_path)
    plans = [check(file, CATALOG) for file in (whole, "base.yaml", Path("..", tmp_path.name, "base.yaml").resolve())]
    assert len({plan.hash for plan in plans}) == 1
    assert diff(*plans[:2]).exit_code == 0
    assert plans[1].index is not None
    assert plans[1].index.said[1]["path"] == str(tmp_path / "index")
