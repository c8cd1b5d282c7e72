"""A whole ingest with its ledger in PostgreSQL: exact counts, one at a time, and nothing lost when it is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imagora_postgres
import pytest
import toys
from imagora import Pipeline
from imagora.assembly import assemble
from imagora.catalog import Catalog
from imagora.errors import IndexInUse
from imagora_ingestion.verify import compare
from imagora_postgres.ledger import PostgresLedger
from imagora_postgres.options import LedgerOptions
from imagora_recipe.check import check
from toy_recipes import recipe_of, write

CATALOG = Catalog.of(toys, imagora_postgres)
ITEMS = [{"uri": f"item {n}", "text": f"words of {n}", "metadata": {"price": n}} for n in range(40)]
SLOW = """
import os, sys, time
from pathlib import Path
import imagora_ingestion.maker
import test_postgres_ledger_ingest as here
import toy_stages

imagora_ingestion.maker.BATCH = 4
once = toy_stages.ToyList.items

def items(self):
    for item in once(self):
        time.sleep(0.004)
        yield item

toy_stages.ToyList.items = items
print(here.ingest(Path(sys.argv[1])).embedded)
"""


@pytest.fixture
def recipe(sql: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Write a recipe of toys whose ledger is in PostgreSQL."""
    monkeypatch.setenv("SHOP_DSN", f"postgresql://reader:sesame-opens@127.0.0.1:{sql.port}/shop")

    def make(items: Any = ITEMS, **more: Any) -> Path:
        index = {"use": "toy_memory", "path": "index.json"}
        ledger = {"use": "postgres", "dsn": "${SHOP_DSN}", **more}
        embedders = {"sparse": {"use": "toy_words"}}
        write(tmp_path, recipe_of(items, index=index, ledger=ledger, embedders=embedders))
        return tmp_path

    return make


def ingest(folder: Path) -> Any:
    plan = check(folder / "toys.yaml", CATALOG)
    with Pipeline(plan, assemble(plan)) as pipeline:
        return pipeline.ingest()


def counts(folder: Path) -> dict[str, int]:
    report = ingest(folder)
    names = ("added", "changed", "relabelled", "unchanged", "deleted", "embedded")
    return {name: value for name in names if (value := getattr(report, name))} | {
        "quarantined": len(report.quarantined)
    }


def compared(folder: Path) -> Any:
    plan = check(folder / "toys.yaml", CATALOG)
    stages = assemble(plan)
    try:
        return compare(plan, stages)
    finally:
        stages.index.close()  # type: ignore[union-attr]  # the recipe has one


def kept(folder: Path) -> dict[str, str]:
    entries = [entry["payload"] for entry in json.loads((folder / "index.json").read_text("utf-8"))["entries"]]
    assert len({entry["_uri"] for entry in entries}) == len(entries)
    return {entry["_uri"]: entry["_text"] for entry in entries}


def test_an_ingest_brings_the_index_to_what_the_source_is(recipe: Callable[..., Path], sql: Any) -> None:
    folder = recipe([*ITEMS, {"uri": "torn", "broken": True}])
    assert counts(folder) == {"added": 40, "embedded": 40, "quarantined": 1}
    assert counts(folder) == {"unchanged": 40, "quarantined": 1}
    changed = [{**ITEMS[0], "text": "other words"}, {**ITEMS[1], "metadata": {"price": 7}}, *ITEMS[2:30]]
    recipe(changed)
    assert counts(folder) == {
        **{"changed": 1, "relabelled": 1, "unchanged": 28, "deleted": 10, "embedded": 1},
        "quarantined": 0,
    }
    assert kept(folder) == {item["uri"]: item["text"] for item in changed}
    found = compared(folder)
    assert found.agree and (found.items, found.entries, found.quarantined) == (30, 30, ())
    assert found.states == {"committed": 30} and found.ledger.endswith("/shop/imagora/toys")
    assert sorted(path.name for path in folder.iterdir()) == ["index.json", "toys.yaml"], "there is no other ledger"
    assert sql("SELECT DISTINCT name, state FROM imagora_items JOIN imagora_ledgers USING (ledger)") == [
        ("toys", "committed")
    ]


def test_while_one_ingest_runs_another_ends_at_once_and_a_look_is_possible(recipe: Callable[..., Path]) -> None:
    folder = recipe()
    ingest(folder)
    running = PostgresLedger(LedgerOptions(dsn=os.environ["SHOP_DSN"]), "toys")
    assert running.open(1)
    with pytest.raises(IndexInUse, match=r"shop/imagora/toys' is being written by imagora, process \d+ on "):
        ingest(folder)
    assert compared(folder).agree
    running.close()
    assert ingest(folder).unchanged == 40


def test_an_ingest_outlives_lost_connections(recipe: Callable[..., Path], sql: Any) -> None:
    folder, lost = recipe(), 0
    plan = check(folder / "toys.yaml", CATALOG)
    end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'imagora%'"

    def lose(_: Any) -> None:
        nonlocal lost
        lost += len(sql(end))

    with Pipeline(plan, assemble(plan)) as pipeline:
        assert pipeline.ingest(on_progress=lose).added == 40
    assert lost >= 1 and compared(folder).agree and len(kept(folder)) == 40


def test_a_killed_ingest_goes_on_where_it_was(recipe: Callable[..., Path]) -> None:
    items = [{"uri": f"item {n}", "text": f"words of {n}"} for n in range(240)]
    folder = recipe(items)
    paths = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    command = [sys.executable, "-c", SLOW, str(folder)]
    reader = PostgresLedger(LedgerOptions(dsn=os.environ["SHOP_DSN"]), "toys")
    child = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": paths}, stdout=subprocess.DEVNULL)
    try:
        while child.poll() is None and not (reader.open(1, create=False) and reader.count() >= 60):
            time.sleep(0.01)
        assert child.poll() is None, "it ended before it was killed"
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
    held = reader.count()
    assert 60 <= held < 240
    reader.close()
    assert held <= len(kept(folder)) <= held + 64
    report = ingest(folder)
    assert report.unchanged == held and report.embedded == 240 - held
    found = compared(folder)
    assert found.agree and found.items == 240 and found.states == {"committed": 240}
    assert kept(folder) == {item["uri"]: item["text"] for item in items}
