"""The road of an item through toys: exact counts, nothing twice, and one bad item never stops the rest."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from imagora import Deleted, Item, Pipeline, Unreadable
from imagora.errors import IdentityMismatch, SourceError, StageError, UnusableIndex
from imagora.ingest_report import IngestReport, Progress
from imagora.item import item_id
from imagora.stages import Prepared, SparseVector
from imagora_ingestion.maker import BATCH
from imagora_ingestion.verify import compare, quarantined
from toy_embedders import ToyWords
from toy_recipes import ITEMS, built, recipe_of
from toy_stages import square

KEPT = {"use": "toy_memory", "path": "index.json"}
BROKEN_PNG = square("red")[:60]


class Items:
    """A source of items that a test gives; an exception among them is raised."""

    def __init__(self, *items: Any, uri: str = "items") -> None:
        self.uri, self.given = uri, items

    def count(self) -> int:
        return len(self.given)

    def items(self) -> Iterator[Any]:
        for item in self.given:
            if isinstance(item, BaseException):
                raise item
            yield item


class Counting(ToyWords):
    """Words as the toy embeds them, and how many texts it was given; it stumbles over some."""

    def __init__(self, stumbles: str = "") -> None:
        super().__init__()
        self.texts: list[str] = []
        self.stumbles = stumbles

    def embed_texts(self, texts: Sequence[str]) -> list[SparseVector]:
        self.texts += texts
        if self.stumbles and any(self.stumbles in text for text in texts):
            raise ArithmeticError(f"cannot count '{self.stumbles}'")
        return super().embed_texts(texts)


def texts(*names: str, words: str = "words of") -> list[Item]:
    return [Item(name, f"{words} {name}") for name in names]


def pipeline_of(folder: Path, *items: Any, uri: str = "items", sections: Mapping[str, Any] | None = None) -> Pipeline:
    """Build a pipeline whose index is kept in the folder, over these items; its embedder of words counts."""
    recipe = recipe_of(items=[], index=KEPT, **(sections or {}))
    pipeline = built(folder, recipe)
    embedders = {**pipeline.stages.embedders, "sparse": Counting()}
    return Pipeline(pipeline.plan, replace(pipeline.stages, source=Items(*items, uri=uri), embedders=embedders))


def ingest(folder: Path, *items: Any, **more: Any) -> IngestReport:
    with pipeline_of(folder, *items, **more) as pipeline:
        return pipeline.ingest()


def counts(report: IngestReport) -> tuple[int, int, int, int, int]:
    return report.added, report.changed, report.unchanged, report.deleted, len(report.quarantined)


def kept(folder: Path) -> dict[str, str]:
    """Give what the index's file holds: text by name."""
    entries = json.loads((folder / "index.json").read_text("utf-8"))["entries"]
    assert len({entry["id"] for entry in entries}) == len(entries)
    return {entry["payload"]["_uri"]: entry["payload"]["_text"] for entry in entries}


def test_added_changed_unchanged_and_deleted_are_counted(tmp_path: Path) -> None:
    assert counts(ingest(tmp_path, *texts("a", "b", "c"))) == (3, 0, 0, 0, 0)
    assert counts(ingest(tmp_path, *texts("a", "b", "c"))) == (0, 0, 3, 0, 0)
    assert counts(ingest(tmp_path, *texts("a"), Item("b", "new words"), *texts("d"))) == (1, 1, 1, 1, 0)
    assert kept(tmp_path) == {"a": "words of a", "b": "new words", "d": "words of d"}
    assert counts(ingest(tmp_path)) == (0, 0, 0, 3, 0)
    assert kept(tmp_path) == {}


def test_any_change_of_an_item_counts(tmp_path: Path) -> None:
    item = Item("a", "text", square("red"), {"title": "t", "price": 1})
    ingest(tmp_path, item)
    changes = {"text": "other"}, {"picture": square("blue")}, {"metadata": {"title": "t", "price": 2}}
    for changed in (replace(item, **change) for change in changes):  # type: ignore[arg-type]  # three kinds of values
        assert counts(ingest(tmp_path, changed)) == (0, 1, 0, 0, 0)
        assert counts(ingest(tmp_path, changed)) == (0, 0, 1, 0, 0)
    again = replace(item, metadata={"price": 1, "title": "t"})  # the order of keys is no change
    assert ingest(tmp_path, item).relabelled == 1
    assert counts(ingest(tmp_path, again)) == (0, 0, 1, 0, 0)


def test_a_change_of_metadata_alone_embeds_nothing(tmp_path: Path) -> None:
    item = Item("a", "text", square("red"), {"title": "t", "price": 1, "sold": False})
    ingest(tmp_path, item, *texts("b"))
    report = ingest(tmp_path, replace(item, metadata={"title": "t", "price": 2}), *texts("b"))
    assert (report.relabelled, report.embedded, report.changed, report.unchanged) == (1, 0, 0, 1)
    with pipeline_of(tmp_path) as pipeline:
        (passage,) = pipeline.search("text", top_k=1).passages
    assert passage.node.metadata == {"title": "t", "price": 2, "uri": "a"}
    moved = replace(item, text="t", metadata={"title": "text", "price": 2})  # the same words, differently spread
    assert ingest(tmp_path, moved, *texts("b")).changed == 1


def test_a_source_that_goes_away_ends_the_run_and_refuses_nothing(tmp_path: Path) -> None:
    def gone() -> bytes:
        raise SourceError("the server is gone")

    with pytest.raises(SourceError, match="the server is gone"):
        ingest(tmp_path, *texts("a"), Item("b", picture=gone), *texts("c"))
    assert counts(ingest(tmp_path, *texts("a"), Item("b", picture=lambda: square("red")), *texts("c")))[4] == 0
    assert set(kept(tmp_path)) == {"a", "b", "c"}


def test_a_feed_gives_changes_only_and_hears_what_is_durable(tmp_path: Path) -> None:
    heard: list[int] = []
    restarts: list[int] = []

    class Queue(Items):
        def restart(self) -> None:
            restarts.append(len(heard))

        def acknowledge(self, given: int) -> None:
            heard.append(given)

    def feed(*given: Any) -> IngestReport:
        pipeline = pipeline_of(tmp_path)
        with Pipeline(pipeline.plan, replace(pipeline.stages, source=Queue(*given))) as pipeline:
            return pipeline.ingest()

    assert counts(feed(*texts("a", "b", "c"))) == (3, 0, 0, 0, 0)
    report = feed(Item("a", "first"), Deleted("b"), Item("a", "second"), Unreadable("d", "torn"), Item("b", "back"))
    assert kept(tmp_path) == {"a": "second", "b": "back", "c": "words of c"}
    assert (report.deleted, report.quarantined) == (1, [("d", "torn")])
    feed(Item("c", "new"), Item("c", "words of c"))
    assert kept(tmp_path)["c"] == "words of c", "what came last stays, though the ledger knew it"
    with pipeline_of(tmp_path) as pipeline:
        assert [uri for _, uri, _ in quarantined(pipeline.plan, pipeline.stages)] == ["d"], "an earlier run refused it"
    blue = Item("p", picture=square("blue"), metadata={"price": 1})
    feed(blue)
    feed(replace(blue, picture=square("red")), replace(blue, metadata={"price": 2}))
    with pipeline_of(tmp_path) as pipeline:
        (found,) = pipeline.search(pictures=[square("blue")], top_k=1).passages
    assert (found.node.metadata["uri"], max(found.scores.values())) == ("p", pytest.approx(1.0)), (
        "its vector came back, too"
    )
    feed(Deleted("c"), *texts("c"))
    assert kept(tmp_path)["c"] == "words of c", "gone and back in one run"
    feed(Item("e", "short life"), Deleted("e"), Item("d", "mended"))
    with pipeline_of(tmp_path) as pipeline:
        assert quarantined(pipeline.plan, pipeline.stages) == []
    assert "e" not in kept(tmp_path)
    ends, heard[:] = (heard[0], heard[-1]), []
    assert ends == (3, 3)
    feed(*texts(*(f"item {number}" for number in range(3 * BATCH))))
    assert heard == sorted(heard)
    assert heard[-1] == 3 * BATCH
    assert len(heard) > 2, "batch by batch, not only at the end"
    assert restarts == [0], "only the first run finds nothing of it"


def test_a_second_run_embeds_nothing(tmp_path: Path) -> None:
    items = texts(*(f"item {number}" for number in range(2 * BATCH + 5)))
    with pipeline_of(tmp_path, *items) as first:
        report = first.ingest()
        assert len(first.stages.embedders["sparse"].texts) == report.embedded == len(items)  # type: ignore[union-attr]
    with pipeline_of(tmp_path, *items) as second:
        report = second.ingest()
        assert second.stages.embedders["sparse"].texts == []  # type: ignore[union-attr]  # it is a Counting
    assert (report.embedded, report.unchanged) == (0, len(items))


def test_another_preparer_or_limit_embeds_anew_and_another_prompt_does_not(tmp_path: Path) -> None:
    ingest(tmp_path, *texts("a", "b"))
    assert ingest(tmp_path, *texts("a", "b"), sections={"prompt": {"passages": 2}}).embedded == 0
    shout = {"preparers": [{"use": "toy_shout"}]}
    assert counts(ingest(tmp_path, *texts("a", "b"), sections=shout)) == (0, 2, 0, 0, 0)
    assert kept(tmp_path) == {"a": "WORDS OF A!", "b": "WORDS OF B!"}
    louder = {"preparers": [{"use": "toy_shout", "mark": "!!"}]}
    assert counts(ingest(tmp_path, *texts("a", "b"), sections=louder)) == (0, 2, 0, 0, 0)
    assert counts(ingest(tmp_path, *texts("a", "b"), sections={"pictures": {"max_side": 64}})) == (0, 2, 0, 0, 0)


def test_another_embedders_vectors_go_into_a_generation_beside_which_does_not_answer_yet(tmp_path: Path) -> None:
    ingest(tmp_path, *texts("a"))
    other = {"embedders": {"image": {"use": "toy_colour", "weights": "2"}, "sparse": {"use": "toy_words"}}}
    report = ingest(tmp_path, *texts("a", "b"), sections=other)
    assert (report.generation, report.answering, report.added) == (2, False, 2)
    assert kept(tmp_path) == {"a": "words of a"}, "the one that answers is as it was"
    with (
        pipeline_of(tmp_path, sections=other) as pipeline,
        pytest.raises(IdentityMismatch, match="weights 1, .*weights 2, "),
    ):
        pipeline.search("a")
    assert ingest(tmp_path, *texts("a", "b"), sections=other).unchanged == 2


def test_a_broken_item_is_named_with_its_reason_and_the_rest_is_done(tmp_path: Path) -> None:
    items = [
        *texts("a"),
        Item("broken", "words", BROKEN_PNG),
        Item("pretends", "", b"this is no picture"),
        Item("gone", "", tmp_path / "no such file.png"),
        Item("nothing"),
        Unreadable("refused", "the source says so"),
        Item("half \udcff", "words"),
        Item("half", "a \udcff character"),
        Item("odd", "words", None, {"a": object(), 1: "mixed keys"}),  # type: ignore[dict-item]  # a stranger's slip
        *texts("z"),
    ]
    report = ingest(tmp_path, *items)
    assert counts(report) == (2, 0, 0, 0, 8)
    assert kept(tmp_path) == {"a": "words of a", "z": "words of z"}
    why = dict(report.quarantined)
    assert set(why) == {"broken", "pretends", "gone", "nothing", "refused", "half \\udcff", "half", "odd"}
    assert why["refused"] == "the source says so"
    assert why["nothing"] == "has neither words nor a picture"
    assert why["half \\udcff"] == "its name is not UTF-8 text"
    assert why["half"].startswith("its words or metadata cannot be written: UnicodeEncodeError")
    assert all(len(reason) > 5 for reason in why.values())
    json.dumps(report.to_dict()).encode()
    database = sqlite3.connect(tmp_path / "ledger.sqlite")
    assert dict(database.execute("SELECT uri, reason FROM quarantine")) == why
    database.close()


def test_a_broken_items_old_version_stays_and_the_next_good_one_replaces_it(tmp_path: Path) -> None:
    ingest(tmp_path, Item("a", "old words", square("red")))
    assert counts(ingest(tmp_path, Item("a", "new words", BROKEN_PNG))) == (0, 0, 0, 0, 1)
    assert kept(tmp_path) == {"a": "old words"}
    assert counts(ingest(tmp_path, Unreadable("a", "locked"))) == (0, 0, 0, 0, 1)
    assert kept(tmp_path) == {"a": "old words"}
    assert counts(ingest(tmp_path, Item("a", "new words", square("red")))) == (0, 1, 0, 0, 0)
    assert kept(tmp_path) == {"a": "new words"}
    database = sqlite3.connect(tmp_path / "ledger.sqlite")
    assert database.execute("SELECT * FROM quarantine").fetchall() == []
    database.close()


def test_two_items_of_one_name_are_one_item_and_a_reason(tmp_path: Path) -> None:
    for expected in ((2, 0, 0, 0, 1), (0, 0, 2, 0, 1)):
        report = ingest(tmp_path, Item("a", "first"), *texts("b"), Item("a", "second"))
        assert counts(report) == expected
        assert report.quarantined == [("a", "the source gives another item of this name; the first is kept")]
        assert kept(tmp_path) == {"a": "first", "b": "words of b"}


def test_an_embedder_that_stumbles_over_one_item_embeds_the_others(tmp_path: Path) -> None:
    items = texts(*(f"item {number}" for number in range(10)))
    pipeline = pipeline_of(tmp_path, *items)
    stages = replace(pipeline.stages, embedders={"sparse": Counting(stumbles="item 7")})
    with Pipeline(pipeline.plan, stages) as pipeline:
        report = pipeline.ingest()
    assert counts(report) == (9, 0, 0, 0, 1)
    assert report.quarantined == [("item 7", "cannot be embedded: ArithmeticError: cannot count 'item 7'")]
    assert set(kept(tmp_path)) == {item.uri for item in items} - {"item 7"}


def test_an_item_that_no_leg_can_embed_is_named(tmp_path: Path) -> None:
    pipeline = pipeline_of(tmp_path, Item("a", "", square("red")), *texts("b"))
    with Pipeline(pipeline.plan, replace(pipeline.stages, embedders={"sparse": Counting()})) as pipeline:
        report = pipeline.ingest()
    assert report.quarantined == [("a", "has nothing that the recipe's legs embed")]
    assert set(kept(tmp_path)) == {"b"}


def test_a_preparer_that_breaks_or_gives_too_much_costs_only_its_item(tmp_path: Path) -> None:
    class Odd:
        def prepare(self, prepared: Sequence[Prepared]) -> Sequence[Prepared]:
            if prepared[0].item.uri == "a":
                raise LookupError("no such word")
            return [*prepared, *prepared] if prepared[0].item.uri == "b" else prepared

    pipeline = pipeline_of(tmp_path, *texts("a", "b", "c"))
    with Pipeline(pipeline.plan, replace(pipeline.stages, preparers=[("odd", Odd())])) as pipeline:
        report = pipeline.ingest()
    assert dict(report.quarantined)["a"] == "LookupError: no such word"
    assert set(dict(report.quarantined)) == {"a", "b"}
    assert set(kept(tmp_path)) == {"c"}


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError("the disk left"), SystemExit(1)])
def test_an_interruption_keeps_what_was_written_and_the_next_run_goes_on(error: BaseException, tmp_path: Path) -> None:
    items = texts(*(f"item {number}" for number in range(4 * BATCH)))
    ingest(tmp_path, *texts("old"))
    said = StageError if isinstance(error, Exception) else type(error)
    with pytest.raises(said):
        ingest(tmp_path, *items[: 3 * BATCH], error, *items[3 * BATCH :])
    written = set(kept(tmp_path)) - {"old"}
    assert len(written) >= BATCH
    assert len(written) % BATCH == 0
    assert "old" in kept(tmp_path)  # nothing is deleted before the source has been read to its end
    report = ingest(tmp_path, *items)
    assert counts(report) == (len(items) - len(written), 0, len(written), 1, 0)
    assert set(kept(tmp_path)) == {item.uri for item in items}


def test_a_source_that_breaks_is_named(tmp_path: Path) -> None:
    with pytest.raises(StageError, match="^the source 'items' failed: OSError: the disk left$"):
        ingest(tmp_path, *texts("a"), OSError("the disk left"))


def test_an_index_that_breaks_is_named_and_the_next_run_writes_the_batch_again(tmp_path: Path) -> None:
    pipeline = pipeline_of(tmp_path, *texts("a", "b"))
    index: Any = pipeline.stages.index
    index.upsert = lambda entries: 1 / 0
    with pytest.raises(StageError, match="the index '.*index.json' failed: ZeroDivisionError"):
        pipeline.ingest()
    assert kept(tmp_path) == {}
    assert counts(ingest(tmp_path, *texts("a"))) == (1, 0, 0, 0, 0), "what was never written is not deleted"
    assert set(kept(tmp_path)) == {"a"}
    with pipeline_of(tmp_path) as pipeline:
        assert compare(pipeline.plan, pipeline.stages).states == {"committed": 1}


def test_an_item_that_was_written_before_a_crash_and_left_before_the_next_run_is_deleted(tmp_path: Path) -> None:
    class Crash(BaseException):
        pass

    pipeline = pipeline_of(tmp_path, *texts("a", "b"))
    index: Any = pipeline.stages.index
    right = index.upsert

    def upsert(entries: Any) -> None:
        right(entries)
        raise Crash

    index.upsert = upsert
    with pytest.raises(Crash):
        pipeline.ingest()
    assert set(kept(tmp_path)) == {"a", "b"}
    ingest(tmp_path, *texts("b"))
    assert set(kept(tmp_path)) == {"b"}


def test_a_lost_ledger_embeds_anew_and_nothing_comes_twice(tmp_path: Path) -> None:
    ingest(tmp_path, *texts("a", "b"))
    for file in tmp_path.glob("ledger.sqlite*"):
        file.unlink()
    assert counts(ingest(tmp_path, *texts("a", "b"))) == (2, 0, 0, 0, 0)
    assert kept(tmp_path) == {"a": "words of a", "b": "words of b"}


def test_a_lost_index_is_filled_anew(tmp_path: Path) -> None:
    ingest(tmp_path, *texts("a", "b"))
    (tmp_path / "index.json").unlink()
    assert counts(ingest(tmp_path, *texts("a", "b"))) == (2, 0, 0, 0, 0)
    assert set(kept(tmp_path)) == {"a", "b"}


def test_another_source_keeps_its_items(tmp_path: Path) -> None:
    ingest(tmp_path, *texts("a", "b"), uri="one")
    assert counts(ingest(tmp_path, *texts("c"), uri="two")) == (1, 0, 0, 0, 0)
    assert counts(ingest(tmp_path, *texts("a"), uri="one")) == (0, 0, 1, 1, 0)
    assert set(kept(tmp_path)) == {"a", "c"}
    assert item_id("one", "a") != item_id("two", "a")


def test_a_ledger_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "ledger.sqlite").write_bytes(b"this is no database" * 100)
    with pytest.raises(UnusableIndex, match="the ledger '.*ledger.sqlite' cannot be used: file is not a database"):
        ingest(tmp_path, *texts("a"))
    (tmp_path / "ledger.sqlite").unlink()
    (tmp_path / "file").write_text("")
    with pytest.raises(UnusableIndex, match="the ledger '.*l.sqlite' cannot be used"):
        ingest(tmp_path, *texts("a"), sections={"ledger": {"path": "file/l.sqlite"}})


def test_progress_is_told_and_never_goes_back(tmp_path: Path) -> None:
    told: list[tuple[int, int | None]] = []

    def on_progress(progress: Progress) -> None:
        told.append((progress.report.done, progress.total))

    items = texts(*(str(number) for number in range(3 * BATCH)))
    with pipeline_of(tmp_path, *items) as pipeline:
        pipeline.ingest(on_progress=on_progress)
    assert len(told) >= 3
    assert told == sorted(told)
    assert told[-1] == (3 * BATCH, 3 * BATCH)


def test_a_recipe_without_index_or_source_says_so(tmp_path: Path) -> None:
    bare = built(tmp_path, {"recipe": 1, "generator": {"use": "toy_quote"}})
    with pytest.raises(SourceError, match="the recipe 'toys' has no index to ingest into"):
        bare.ingest()
    without = built(tmp_path, recipe_of(source=None))
    with pytest.raises(SourceError, match="the recipe 'toys' has no source; say where the items are with: --source"):
        without.ingest()
    with pytest.raises(SourceError, match="the recipe 'toys' has no source that takes a path"):
        built(tmp_path).ingest(source="somewhere")


def test_the_toys_own_items_make_the_whole_road(tmp_path: Path) -> None:
    broken = {"uri": "x", "broken": True}
    with built(tmp_path, recipe_of(items=[*ITEMS, broken], index=KEPT)) as pipeline:
        report = pipeline.ingest()
        assert counts(report) == (4, 0, 0, 0, 1)
        assert len(pipeline.search("rose").passages) == 4
    assert report.source == "toy_list:toys"


def test_pictures_wait_in_a_window_that_bounds_the_memory(tmp_path: Path) -> None:
    """Never are more items taken from the source than six batches beyond what is written."""
    taken = most = 0
    report: IngestReport | None = None

    def items() -> Iterator[Item]:
        nonlocal taken, most
        for number in range(20 * BATCH):
            taken += 1
            most = max(most, taken - (report.embedded if report else 0))
            yield Item(f"{number}", f"word {number}")

    pipeline = pipeline_of(tmp_path)
    source = Items()
    source.items = items  # type: ignore[method-assign]  # a source that counts

    def on_progress(progress: Progress) -> None:
        nonlocal report
        report = progress.report

    Pipeline(pipeline.plan, replace(pipeline.stages, source=source)).ingest(on_progress=on_progress)
    assert BATCH <= most <= 7 * BATCH


def test_a_source_that_goes_back_after_a_crash_gets_its_old_version_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = texts("rose", "sea"), texts("rose", "sea", words="other words of")
    pipeline_of(tmp_path, *old).ingest()
    broken = pipeline_of(tmp_path, *new)

    def crash(rows: Sequence[Any], state: str) -> None:
        if state == "written":  # the index has the new version, and the ledger does not know it yet
            raise KeyboardInterrupt
        mark(rows, state)

    ledger: Any = broken.stages.ledger
    mark = ledger.mark
    monkeypatch.setattr(ledger, "mark", crash)
    with pytest.raises(KeyboardInterrupt):
        broken.ingest()
    again = pipeline_of(tmp_path, *old)
    report = again.ingest()
    assert (report.changed, report.added, report.unchanged) == (2, 0, 0)
    assert sorted(passage.get_content() for passage in again.search("words").passages) == [one.text for one in old]


def test_metadata_that_go_back_after_a_crash_are_written_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cheap, dear = (Item("rose", "words", metadata={"price": price}) for price in (1, 9))
    pipeline_of(tmp_path, cheap).ingest()
    broken = pipeline_of(tmp_path, dear)
    index: Any = broken.stages.index
    write = index.set_payloads

    def crash(payloads: Any) -> None:
        write(payloads)
        raise KeyboardInterrupt

    monkeypatch.setattr(index, "set_payloads", crash)
    with pytest.raises(KeyboardInterrupt):
        broken.ingest()
    again = pipeline_of(tmp_path, cheap)
    again.ingest()
    assert [passage.node.metadata["price"] for passage in again.search("words").passages] == [1]
