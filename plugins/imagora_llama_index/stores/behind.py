"""What the stores have not heard of yet, or not for good: told in small steps, and again after a crash."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from .catalogue import Catalogue, Touched
from .neighbours import Neighbours

_STEP = 1_000


def waiting(catalogue: Catalogue, leg: str, after: int = 0) -> list[int]:
    """Give the next numbers that a leg's store has to hear of, in their order."""
    asked = "SELECT number FROM waiting WHERE leg = ? AND number > ? ORDER BY number LIMIT ?"
    return [number for (number,) in catalogue.connection.rows(asked, (leg, after, _STEP))]


def told(catalogue: Catalogue, leg: str) -> NDArray[np.int64]:
    """Give the numbers that a leg's store has heard of for good."""
    asked = "SELECT number FROM dense WHERE leg = ? AND number NOT IN (SELECT number FROM waiting WHERE leg = ?)"
    return np.array([number for (number,) in catalogue.connection.rows(asked, (leg, leg))], dtype=np.int64)


def tell(catalogue: Catalogue, stores: Mapping[str, Neighbours], touched: Touched) -> None:
    """Tell the stores of what was just written."""
    for leg, neighbours in stores.items():
        numbers = [number for whose, number in touched if whose == leg]
        for start in range(0, len(numbers), _STEP):
            _tell(catalogue, neighbours, numbers[start : start + _STEP], again=False)


def catch_up(catalogue: Catalogue, neighbours: Neighbours) -> None:
    """Tell a store of all that it may have missed; what it has already is removed first, so that nothing is twice."""
    last = 0
    while numbers := waiting(catalogue, neighbours.leg, last):
        _tell(catalogue, neighbours, numbers, again=True)
        last = numbers[-1]


def begin_anew(catalogue: Catalogue, neighbours: Neighbours) -> None:
    """Let a store begin with nothing, and note that it has to hear of everything."""
    neighbours.clear()
    with catalogue.connection.writing() as write:
        write("DELETE FROM waiting WHERE leg = ?", (neighbours.leg,))
        write("INSERT INTO waiting SELECT leg, number FROM dense WHERE leg = ?", (neighbours.leg,))


def saved(catalogue: Catalogue, neighbours: Neighbours) -> None:
    """Let a store that keeps nothing by itself keep what it has."""
    neighbours.save()
    with catalogue.connection.writing() as write:
        write("DELETE FROM waiting WHERE leg = ?", (neighbours.leg,))


def _tell(catalogue: Catalogue, neighbours: Neighbours, numbers: Sequence[int], *, again: bool) -> None:
    there, vectors = catalogue.dense(neighbours.leg, numbers)
    gone = list(numbers) if again else sorted(set(numbers) - set(there))
    if gone:
        neighbours.remove(gone)
    if there:
        neighbours.add(there, vectors)
    if neighbours.keeps:
        with catalogue.connection.writing() as write:
            for number in numbers:
                write("DELETE FROM waiting WHERE leg = ? AND number = ?", (neighbours.leg, number))
