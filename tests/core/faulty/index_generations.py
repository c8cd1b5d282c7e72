"""Faulty generations of an index: one fault each, and the test that must find it."""

from __future__ import annotations

from typing import Any

from imagora import testing as t
from toy_index import ToyGenerations, named

from faulty.indexes import make


class FaultyBeside(t.IndexContract):
    """A generation that is being built answers already."""

    fails = "test_a_generation_answers_while_another_one_is_built"

    class AtOnce(ToyGenerations):
        """Lets a new generation answer as soon as it is there."""

        @property
        def answering(self) -> int:
            return max(each.number for each in self.generations()) if self.generations() else 1

    make = make(AtOnce)


class FaultySwitch(t.IndexContract):
    """After a switch the old generation goes on answering."""

    fails = "test_a_switch_lets_another_generation_answer_and_can_be_taken_back"

    class Stuck(ToyGenerations):
        """Opens the first generation, whichever one answers."""

        def open(self, legs: Any, *, create: bool) -> None:
            self.number = self.number or 1
            self.path = named(self.first, self.number)
            super().open(legs, create=create)

    make = make(Stuck)


class FaultyRollback(t.IndexContract):
    """A switch cannot be taken back."""

    fails = "test_a_switch_lets_another_generation_answer_and_can_be_taken_back"

    class OneWay(ToyGenerations):
        before = None

    make = make(OneWay)


class FaultyDrop(t.IndexContract):
    """The generation that answers can be dropped."""

    fails = "test_a_generation_that_does_not_answer_can_be_dropped"

    class Loose(ToyGenerations):
        """Drops the generation that answers, too."""

        def drop(self, number: int) -> None:
            named(self.first, self._there(number)).unlink()

    make = make(Loose)


class FaultyRemoval(t.IndexContract):
    """What was dropped is back in the next generation of its number."""

    fails = "test_a_generation_that_does_not_answer_can_be_dropped"

    class Keeping(ToyGenerations):
        """Forgets a dropped generation and leaves what was in it for the next one of its number."""

        def drop(self, number: int) -> None:
            kept = named(self.first, self._there(number)).read_bytes()
            super().drop(number)
            self.first.with_suffix(f".dropped{number}").write_bytes(kept)

        def open(self, legs: Any, *, create: bool) -> None:
            dropped = self.first.with_suffix(f".dropped{self.number}")
            if dropped.exists():
                dropped.rename(named(self.first, self.number or 1))
            super().open(legs, create=create)

    make = make(Keeping)
