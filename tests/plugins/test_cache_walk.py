"""A random walk with a cache: nothing stale, nothing another's; and a key that leaves a part out is found."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from imagora import Query
from imagora_benchmarks.cache_walk import Walked, _hidden, memory, walking
from imagora_caching import keys
from imagora_caching.maker import Maker


def walked(folder: Path, steps: int, *, until_wrong: bool = False) -> Walked:
    with walking(folder, memory()) as walk:
        return asyncio.run(walk.take(steps, seed=7, until_wrong=until_wrong))


def test_nothing_kept_is_stale_or_anothers(tmp_path: Path) -> None:
    """The whole of it, 10,000 steps, is `python -m imagora_benchmarks.cache_walk`."""
    seen = walked(tmp_path, 500)
    assert (seen.stale, seen.foreign) == ([], [])
    assert seen.kept > 100
    assert min(seen.steps[kind] for kind in ("insert", "change", "delete")) > 5


def without(field: str, value: Any) -> Callable[[Query], Any]:
    asked = keys.asked
    return lambda query: asked(replace(query, **{field: value}))


def only_numbers(query: Query) -> Any:
    return [keys.plain(replace(query, pictures=(), negative_pictures=())), len(query.pictures)]


async def always_the_same(maker: Maker) -> str:
    return "content"


MUTANTS: dict[str, tuple[object, str, Any]] = {
    "the tenant": (keys, "who", lambda query: [*query.principal.groups]),
    "the groups": (keys, "who", lambda query: query.principal.tenant),
    "the session": (keys, "asked", without("session", "")),
    "the filter": (keys, "asked", without("filter", None)),
    "the number of passages": (keys, "asked", without("top_k", None)),
    "the negative words": (keys, "asked", without("negative", "")),
    "the weights": (keys, "asked", without("weights", {})),
    "what the pictures show": (keys, "asked", only_numbers),
    "the negative pictures": (keys, "asked", without("negative_pictures", ())),
    "what a guardrail hid": (
        keys,
        "asked",
        lambda query: keys.plain(replace(query, query_str=_hidden(query.query_str))),
    ),
    "the state of the index": (Maker, "content", always_the_same),
}


@pytest.mark.parametrize("left_out", MUTANTS)
def test_a_key_that_leaves_something_out_is_found(
    left_out: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    where, name, mutant = MUTANTS[left_out]
    monkeypatch.setattr(where, name, mutant)
    seen = walked(tmp_path, 2_000, until_wrong=True)
    assert seen.stale or seen.foreign
