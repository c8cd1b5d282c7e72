"""The contract of engines: every change once and in order, errors as they are, bounded reading, a clean end."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any

import pytest

from imagora.errors import SourceError
from imagora.runner import Change, Made, Runner

from .built import Built
from .toy_maker import ToyMaker, change


class RunnerContract(Built):
    """Name the `component`, or give the fixture `stage`: an engine.

    held: how many changes it may have read beyond those that it gave. patience: seconds that it may take for the first.
    """

    kind = "engine"
    held, patience = 1_000, 60.0

    def made(self, stage: Runner, *groups: Sequence[Change], **maker: Any) -> list[Made]:
        return [one for group in stage.run(ToyMaker(**maker), iter(groups)) for one in group]

    @pytest.mark.parametrize("maker", [{"ordered": False}, {"ordered": True}, {"lanes": 2}], ids=str)
    def test_every_change_comes_back_once_in_order(self, stage: Runner, maker: dict[str, Any]) -> None:
        changes = [change(n, "slow" if n % 7 == 0 else "words") for n in range(60)]
        made = self.made(stage, changes[:1], [], changes[1:40], changes[40:], **maker)
        assert [one.change for one in made] == changes
        assert [one.entry and one.entry.id for one in made] == [one.row.id for one in changes]
        assert made[1].entry is not None and made[1].entry.vectors == {"text": [5.0, 1.0]}

    def test_refused_and_deleted_items_keep_their_places(self, stage: Runner) -> None:
        changes = [change(n, text) for n, text in enumerate(["words", "refused", "deleted", "words"])]
        made = self.made(stage, changes)
        assert [(one.change, one.refusal) for one in made] == list(
            zip(changes, ["", "the toy refuses it", "", ""], strict=True)
        )
        assert [one.entry is None for one in made] == [False, True, True, False]

    def test_no_changes_give_nothing_and_it_can_be_used_again(self, stage: Runner) -> None:
        assert self.made(stage) == self.made(stage, []) == []
        assert [one.change.number for one in self.made(stage, [change(3)])] == [3]

    def test_an_error_of_the_maker_comes_out_as_it_is(self, stage: Runner) -> None:
        changes, made = [change(n, "gone" if n == 8 else "words") for n in range(20)], list[Made]()
        with pytest.raises(SourceError, match=r"^the bucket is gone$"):
            for group in stage.run(ToyMaker(), iter([changes])):
                made += group
        assert [one.change for one in made] == changes[: len(made)] and len(made) <= 8, "nothing behind it"

    def test_an_error_of_the_source_comes_out_as_it_is(self, stage: Runner) -> None:
        def breaks_off() -> Iterator[list[Change]]:
            yield [change(0)]
            raise SourceError("the listing broke off")

        with pytest.raises(SourceError, match=r"^the listing broke off$"):
            list(stage.run(ToyMaker(), breaks_off()))

    def test_what_a_waiting_source_gave_is_made_meanwhile_and_little_is_read_ahead(self, stage: Runner) -> None:
        first_is_made, given, patience = threading.Event(), list[int](), self.patience

        def changes() -> Iterator[list[Change]]:
            for number in range(100_000):
                if number == 1:
                    assert first_is_made.wait(patience), "the first change was held back"
                given.append(number)
                yield [change(number)]

        with closing(_closing(stage.run(ToyMaker(), changes()))) as groups:
            made = next(group for group in groups if group)
            assert [one.change.number for one in made] == [0]
            first_is_made.set()
            time.sleep(0.3)  # in which one without bound would read on
            assert len(given) <= 1 + self.held
        seen = len(given)
        time.sleep(0.1)
        assert len(given) <= seen + 1, "closing ends all work"


def _closing(groups: Iterator[Sequence[Made]]) -> Any:
    assert hasattr(groups, "close"), "what `run` gives can be closed"
    return groups
