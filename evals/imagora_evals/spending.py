"""What queries cost: what generators read and write is counted, and the recipe's prices say the rest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from imagora.tracing import Span, Traced, Tracer

if TYPE_CHECKING:
    from imagora_recipe.plan import PriceOptions

SIGNS = 4
"""Signs of a text that are taken for one token where a generator does not say how many it read."""


@dataclass
class Counts:
    """What generators read and wrote for a query: tokens in and out, and pictures."""

    read: int = 0
    written: int = 0
    pictures: int = 0


@dataclass
class Meter:
    """A tracer around the recipe's own, which counts what generators read and write."""

    counts: Counts = field(default_factory=Counts)

    def around(self, tracer: Tracer) -> Tracer:
        """Give a tracer that counts, and tells the other one everything."""
        return _Counting(self, tracer)

    def taken(self) -> Counts:
        """Give what was counted since the last time, and begin anew."""
        counts, self.counts = self.counts, Counts()
        return counts

    def add(self, messages: Sequence[Any], response: Any) -> None:
        """Count one call: by what the response says, else by the signs of the texts."""
        said = getattr(response, "additional_kwargs", None) or {}
        blocks = [block for message in messages for block in getattr(message, "blocks", ())]
        signs = sum(len(getattr(block, "text", "") or "") for block in blocks)
        answer = str(getattr(getattr(response, "message", None), "content", "") or "")
        self.counts.read += int(said.get("prompt_tokens") or signs // SIGNS)
        self.counts.written += int(said.get("completion_tokens") or len(answer) // SIGNS)
        self.counts.pictures += sum(hasattr(block, "image_mimetype") for block in blocks)


class _Counting:
    def __init__(self, meter: Meter, tracer: Tracer) -> None:
        self._meter, self._tracer = meter, tracer

    def query(self, traced: Traced) -> AbstractContextManager[Span]:
        return self._tracer.query(traced)

    def stage(self, stage: str, component: str, given: object) -> AbstractContextManager[Span]:
        within = self._tracer.stage(stage, component, given)
        return _counted(self._meter, within, given) if stage == "generator" and isinstance(given, list) else within

    def close(self) -> None:
        self._tracer.close()


@contextmanager
def _counted(meter: Meter, within: AbstractContextManager[Span], given: list[Any]) -> Iterator[Span]:
    with within as span:
        yield _CountingSpan(meter, span, given)


class _CountingSpan:
    def __init__(self, meter: Meter, span: Span, given: list[Any]) -> None:
        self._meter, self._span, self._given = meter, span, given

    def gave(self, result: object) -> None:
        self._meter.add(self._given, result)
        self._span.gave(result)

    def facts(self, facts: Mapping[str, Any]) -> None:
        self._span.facts(facts)


def cost_of(prices: PriceOptions, counts: Counts, seconds: float) -> float:
    """Give what one query costs in the currency of the prices, where the machines answer one query at a time."""
    tokens = counts.read * prices.read + counts.written * prices.written
    return prices.query + tokens / 1e6 + counts.pictures * prices.picture + seconds / 3600 * prices.hour
