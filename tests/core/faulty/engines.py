"""Faulty engines: one fault each, and the test that must find it."""

from __future__ import annotations

from itertools import islice
from typing import Any

from imagora import testing as t
from imagora_ingestion.local import LocalRunner

from faulty.making import stage


class FaultyUnordered(t.RunnerContract):
    """What is done first comes first."""

    fails = "test_every_change_comes_back_once_in_order"

    class Hasty(LocalRunner):
        def run(self, maker: Any, changes: Any) -> Any:
            made = [one for group in super().run(maker, changes) for one in group]
            yield sorted(made, key=lambda one: one.change.item.text == "slow")

    stage = stage(Hasty)


class FaultyRefused(t.RunnerContract):
    """Refused items are left out."""

    fails = "test_refused_and_deleted_items_keep_their_places"

    class Forgetful(LocalRunner):
        def run(self, maker: Any, changes: Any) -> Any:
            for group in super().run(maker, changes):
                yield [one for one in group if not one.refusal]

    stage = stage(Forgetful)


class FaultyOnce(t.RunnerContract):
    """It works once."""

    fails = "test_no_changes_give_nothing_and_it_can_be_used_again"

    class Spent(LocalRunner):
        used = False

        def run(self, maker: Any, changes: Any) -> Any:
            if not self.used:
                yield from super().run(maker, changes)
            self.used = True

    stage = stage(Spent)


class FaultyMakersError(t.RunnerContract):
    """A maker's error comes out as another one."""

    error = "RuntimeError"
    fails = "test_an_error_of_the_maker_comes_out_as_it_is"

    class Wrapping(LocalRunner):
        def run(self, maker: Any, changes: Any) -> Any:
            try:
                yield from super().run(maker, changes)
            except Exception as error:
                raise RuntimeError(f"task failed: {error}") from error

    stage = stage(Wrapping)


class FaultySourcesError(t.RunnerContract):
    """A source that breaks off counts as one that has ended."""

    fails = "test_an_error_of_the_source_comes_out_as_it_is"

    class Content(LocalRunner):
        def run(self, maker: Any, changes: Any) -> Any:
            def until_it_breaks() -> Any:
                try:
                    yield from changes
                except Exception:
                    return

            yield from super().run(maker, until_it_breaks())

    stage = stage(Content)


class FaultyCollecting(t.RunnerContract):
    """The whole source is read before the first change is made."""

    fails = "test_what_a_waiting_source_gave_is_made_meanwhile_and_little_is_read_ahead"

    class Collecting(LocalRunner):
        def run(self, maker: Any, changes: Any) -> Any:
            yield from super().run(maker, list(islice(changes, 50)))

    patience = 0.2
    stage = stage(Collecting)
