"""The answers of the last while, in memory, so that feedback needs only their request's id."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field

from imagora import Answer, tracing

from .audit import Given
from .caller import Caller

MOST_ANSWERS = 10_000
MOST_BYTES = 100_000_000
"""Of all that is kept; pictures are most of it."""


@dataclass(frozen=True)
class Recent:
    """An answer, or what was found: what feedback on it is kept with. trace: the id of its trace, or its request's."""

    tenant: str
    recipe: str
    recipe_hash: str
    question: str = field(repr=False)
    pictures: tuple[bytes, ...] = field(repr=False)
    answer: str = field(repr=False)
    uris: tuple[str, ...]
    trace: str = ""

    @property
    def size(self) -> int:
        """How many bytes it takes, about."""
        return 500 + 4 * len(self.question + self.answer) + sum(map(len, self.pictures))


class RecentAnswers:
    """The last answers by caller and request's id."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[str, str, str], Recent] = OrderedDict()
        self._size = 0

    def add(self, given: Given) -> None:
        """Keep one; the oldest ones go where there is too much."""
        result = given.result
        uris = [one.uri for one in (result.citations if isinstance(result, Answer) else result.passages)]
        recent = Recent(
            given.caller.tenant,
            given.recipe,
            given.recipe_hash,
            given.query.query_str,
            tuple(picture.png for picture in given.query.pictures),
            result.text if isinstance(result, Answer) else "",
            tuple(dict.fromkeys(uris)),
            result.trace or (belongs.trace if (belongs := tracing.request.get()) else ""),
        )
        key = _key(given.request, given.caller)
        with self._lock:
            before = self._kept.pop(key, None)
            self._size += recent.size - (before.size if before else 0)
            self._kept[key] = recent
            while self._kept and (self._size > MOST_BYTES or len(self._kept) > MOST_ANSWERS):
                self._size -= self._kept.popitem(last=False)[1].size

    def get(self, request: str, caller: Caller) -> Recent | None:
        """Give a caller's, None where it is not there any more."""
        with self._lock:
            return self._kept.get(_key(request, caller))


def _key(request: str, caller: Caller) -> tuple[str, str, str]:
    # With the caller: an id may be the caller's own, and must not stand for another's answer.
    return request, caller.id, caller.tenant
