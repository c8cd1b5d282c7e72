"""The engine works through changes in order, on workers that last, and with errors that are raised as they are."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import psutil
import pytest
from imagora.errors import RecipeError, SourceError, StageError
from imagora.item import Deleted
from imagora.ledger import Row
from imagora.runner import Change, Made
from imagora_ray.options import RayOptions
from imagora_ray.runner import RayRunner
from ray_toys import ToyMaker, broken_picture, change

pytestmark = pytest.mark.usefixtures("cluster")
ONE = RayOptions(workers=1)


def taken(groups: Iterator[Sequence[Made]], most: int) -> list[Made]:
    made: list[Made] = []
    while len(made) < most:
        made += next(groups)
    return made


def payloads(made: Sequence[Made]) -> list[dict[str, object]]:
    return [dict(one.entry.payload) for one in made if one.entry]


def test_every_change_comes_back_once_in_order_from_workers_that_last() -> None:
    changes = [change(n, "slow 0.01") for n in range(120)]
    made = [one for group in RayRunner(RayOptions(workers=2)).run(ToyMaker(), [changes]) for one in group]
    assert [one.change for one in made] == changes
    assert all(one.change is given for one, given in zip(made, changes, strict=True))
    by_worker: dict[object, list[object]] = {}
    for payload in payloads(made):
        by_worker.setdefault(payload["pid"], []).append(payload["made"])
    assert len(by_worker) == 2
    assert all(sorted(counts) == list(range(1, len(counts) + 1)) for counts in by_worker.values())
    assert {payload["batch"] for payload in payloads(made)} == {4}


def test_what_needs_no_worker_keeps_its_place(tmp_path: Path) -> None:
    given = [
        change(0, picture=lambda: b"bytes"),
        change(1, picture=broken_picture),
        Change(2, Row("id 2", "toys", "item 2", "", "", "r"), Deleted("item 2")),
        change(3, "refused"),
        change(4, picture=lambda: {}["strange"]),
        change(5, picture=tmp_path / "there.png"),
        change(6, picture=b"as it is"),
    ]
    made = [one for group in RayRunner(ONE).run(ToyMaker(), iter([given[:3], given[3:]])) for one in group]
    assert [one.change for one in made] == given
    assert [one.refusal for one in made] == [
        "",
        "the server says 404",
        "",
        "the toy refuses it",
        "KeyError: 'strange'",
        "",
        "",
    ]
    assert made[2].entry is None
    pictures = [payload["picture"] for payload in payloads(made)]
    assert pictures == ["b'bytes'", str(tmp_path / "there.png"), "b'as it is'"]
    assert made[0].entry is not None and made[0].entry.vectors == {"text": [0.5, 5]}


def test_a_source_that_waits_gets_its_changes_made_meanwhile_and_is_not_read_ahead_without_bound() -> None:
    first_is_made, given = threading.Event(), []

    def changes() -> Iterator[list[Change]]:
        for number in range(10_000):
            if number == 1:
                assert first_is_made.wait(60), "the first change was held back"
            given.append(number)
            yield [change(number)]

    with closing(RayRunner(RayOptions(workers=1, block=12)).run(ToyMaker(), changes())) as groups:
        assert len(taken(groups, 1)) == 1
        first_is_made.set()
        more = taken(groups, 30)
        threading.Event().wait(1)  # time in which a runner without bound would read on
        # What was given out counts as held until more is asked for.
        assert len(given) <= 1 + len(more) + 12
    pids = {payload["pid"] for payload in payloads(more)}
    _, alive = psutil.wait_procs(
        [psutil.Process(int(str(pid))) for pid in pids if psutil.pid_exists(int(str(pid)))], 15
    )
    assert not alive, "closing the iterator left a worker behind"


def test_an_error_of_the_maker_is_raised_as_it_is_after_what_came_before_it() -> None:
    changes = [[change(n) for n in range(4)], [change(4, "recipe")], [change(n) for n in range(5, 20)]]
    made: list[Made] = []
    with pytest.raises(RecipeError, match="r.yaml:1:2: embedders: is wrong") as raised:
        for group in RayRunner(ONE).run(ToyMaker(), changes):
            made += group
    assert raised.value.problems[0].what == "is wrong"
    assert [one.change.number for one in made] == [0, 1, 2, 3]


def test_an_error_of_the_source_is_raised_as_it_is_after_what_came_before_it() -> None:
    def changes() -> Iterator[list[Change]]:
        yield [change(0)]
        raise SourceError("the listing broke off")

    made: list[Made] = []
    with pytest.raises(SourceError, match="the listing broke off"):
        for group in RayRunner(ONE).run(ToyMaker(), changes()):
            made += group
    assert [one.change.number for one in made] == [0]


def test_a_source_that_is_gone_when_a_picture_is_read_ends_the_run() -> None:
    def gone() -> bytes:
        raise SourceError("the bucket is gone")

    with pytest.raises(SourceError, match="the bucket is gone"):
        list(RayRunner(ONE).run(ToyMaker(), [[change(0, picture=gone)]]))


def test_a_worker_that_dies_once_is_started_again_and_nothing_is_lost(tmp_path: Path) -> None:
    changes = [change(n, "dies once" if n == 5 else "words") for n in range(16)]
    made = [one for group in RayRunner(ONE).run(ToyMaker(marks=tmp_path), [changes]) for one in group]
    assert [one.change.number for one in made] == list(range(16))
    assert all(one.entry for one in made)
    assert (tmp_path / "died").exists()


def test_a_worker_that_dies_again_and_again_is_named_with_what_it_was_at() -> None:
    with pytest.raises(StageError, match="a worker of ray died, also after 3 tries .*, at one of 'item 0' to 'item 2'"):
        list(RayRunner(ONE).run(ToyMaker(), [[change(0), change(1, "dies"), change(2)]]))


def test_preparers_that_need_the_order_get_one_worker() -> None:
    changes = [change(n, "slow 0.01") for n in range(40)]
    runner = RayRunner(RayOptions(workers=2))
    made = [one for group in runner.run(ToyMaker(ordered=True), [changes]) for one in group]
    assert [payload["made"] for payload in payloads(made)] == list(range(1, 41))


def test_a_maker_that_cannot_travel_is_an_error_in_words() -> None:
    maker = ToyMaker()
    maker.marks = lambda: None  # type: ignore[assignment] # it stands for any option that cannot be pickled
    with pytest.raises(StageError, match="cannot be sent to another process"):
        next(RayRunner(ONE).run(maker, []))


def test_no_changes_give_nothing() -> None:
    assert [one for group in RayRunner(ONE).run(ToyMaker(), []) for one in group] == []
