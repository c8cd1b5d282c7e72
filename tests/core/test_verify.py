"""An index and its ledger held against one another."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import pytest
from imagora import Pipeline
from imagora.stages import Entry
from imagora_ingestion import survey as surveying
from imagora_ingestion.survey import survey
from imagora_ingestion.verify import compare, quarantined, repair
from toy_recipes import ITEMS, built, recipe_of


@pytest.fixture
def ingested(tmp_path: Path) -> Pipeline:
    pipeline = built(tmp_path, recipe_of(items=ITEMS, index={"use": "toy_memory", "path": "index.json"}))
    pipeline.ingest()
    return pipeline


def differ(pipeline: Pipeline) -> tuple[str, str]:
    """Take one entry away from the index and put a stranger's into it; give both ids."""
    index: Any = pipeline.stages.index
    lost, orphan = sorted(index.ids())[0], str(uuid.uuid4())
    index.delete([lost])
    index.upsert([Entry(orphan, {}, {"name": "orphan"})])
    return lost, orphan


def test_after_an_ingest_both_agree(ingested: Pipeline) -> None:
    found = compare(ingested.plan, ingested.stages)
    assert found.agree
    assert found.entries == found.items == len(ITEMS)


def test_a_lost_entry_and_an_orphan_are_named(ingested: Pipeline) -> None:
    lost, orphan = differ(ingested)
    found = compare(ingested.plan, ingested.stages)
    assert (found.missing, found.orphans, found.agree) == ((lost,), (orphan,), False)
    assert json.loads(json.dumps(found.to_dict()))["orphans"] == [orphan]


def test_repair_and_the_next_ingest_make_it_whole(ingested: Pipeline) -> None:
    differ(ingested)
    repair(ingested.plan, ingested.stages)
    report = ingested.ingest()
    assert (report.added, report.unchanged) == (1, len(ITEMS) - 1)
    assert compare(ingested.plan, ingested.stages).agree


def test_a_dry_run_says_what_an_ingest_then_does(tmp_path: Path) -> None:
    index = {"use": "toy_memory", "path": "index.json"}

    def toys(*items: Any) -> Pipeline:
        return built(tmp_path, recipe_of(items=list(items), index=index))

    first = survey((pipeline := toys(*ITEMS)).plan, pipeline.stages)
    assert (first.add, first.sample, first.unchanged) == (len(ITEMS), len(ITEMS), 0)
    assert first.bytes > 0
    assert list(tmp_path.glob("index*")) == [], "a dry run writes nothing"
    toys(*ITEMS).ingest()
    rose = {**ITEMS[0], "metadata": {"price": 6}}
    sea = {**ITEMS[1], "text": "Grey waves."}
    before = {path: path.read_bytes() for path in tmp_path.glob("index.json")}
    pipeline = toys(rose, sea, ITEMS[2], {"uri": "torn", "broken": True}, {"uri": "new", "text": "new"})
    found = survey(pipeline.plan, pipeline.stages)
    assert {path: path.read_bytes() for path in tmp_path.glob("index.json")} == before
    report = pipeline.ingest()
    did = (report.added, report.changed, report.relabelled, report.deleted, report.unchanged)
    assert (found.add, found.change, found.relabel, found.delete, found.unchanged) == did == (1, 1, 1, 1, 1)
    assert found.quarantine == report.quarantined
    assert quarantined(pipeline.plan, pipeline.stages) == [("toy_list:toys", "torn", report.quarantined[0][1])]


def test_a_limited_ingest_deletes_nothing_and_the_next_one_goes_on(ingested: Pipeline) -> None:
    assert ingested.ingest(limit=1).unchanged == 1
    found = compare(ingested.plan, ingested.stages)
    assert found.entries == len(ITEMS)


def test_a_dry_run_of_a_limit_looks_no_further_and_deletes_nothing(ingested: Pipeline) -> None:
    found = survey(ingested.plan, ingested.stages, limit=1)
    assert (found.unchanged, found.add, found.delete) == (1, 0, 0)


def test_a_dry_runs_sample_is_of_the_whole_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    items = [{"uri": f"{number:03}", "text": "short" if number < 50 else "long " * 200} for number in range(100)]
    pipeline = built(tmp_path, recipe_of(items=items, index={"use": "toy_memory", "path": "index.json"}))
    found = survey(pipeline.plan, pipeline.stages)
    assert (found.add, found.sample) == (100, surveying.SAMPLE)
    assert 20_000 < found.bytes < 90_000, "half of them have 1 kB of words"
    monkeypatch.setattr(surveying, "SAMPLE", 100)
    assert 50_000 < survey(pipeline.plan, pipeline.stages).bytes < 60_000
