"""Tenants: nobody is given what is another's by any route, and a place that forgot to ask for whom would be found."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import imagora.scoped
import imagora_gateway.doors.openai_chat
import imagora_gateway.lookup
import imagora_gateway.questions
import imagora_gateway.recent
import imagora_gateway.thumbnails
import pytest
from imagora import Principal, Query
from imagora.scoped import ScopedIndex
from imagora_benchmarks.gateway_tenants import Seen, walk
from imagora_benchmarks.tenants_asks import ASKS
from imagora_benchmarks.tenants_world import Thing, world, write_world
from imagora_gateway.caller import Caller

pytestmark = pytest.mark.anyio
Mutant: TypeAlias = Callable[[pytest.MonkeyPatch], None]
SOMEBODY = Principal("t00", ("blue", "red"))


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Thing]]:
    folder = tmp_path_factory.mktemp("tenants")
    return folder, write_world(folder, tenants=3, items=8, seed=1)


async def seen(written: tuple[Path, dict[str, Thing]], folder: Path, queries: int, **options: Any) -> Seen:
    # A copy for each: what a mutant let into a cache must not be there for the next.
    shutil.copytree(written[0], folder, dirs_exist_ok=True)
    async with world(folder, written[1]) as it:
        return await walk(it, queries, **options)


async def test_no_route_gives_anybody_what_is_anothers(written: tuple[Path, dict[str, Thing]], tmp_path: Path) -> None:
    found = await seen(written, tmp_path, 400)
    assert found.foreign == []
    assert found.unexpected == []
    assert set(found.asked) == set(ASKS)
    for route in set(ASKS) - {"change", "hand in"}:
        assert found.own[route] > 0, f"{route}: nobody saw anything of their own, so nothing was shown"


def caller_to_principal(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Caller, "principal", property(lambda _: SOMEBODY))


def groups_of_the_caller(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Caller, "principal", property(lambda self: Principal(self.tenant, SOMEBODY.groups, self.id)))


def for_somebody(patch: pytest.MonkeyPatch, module: Any) -> None:
    patch.setattr(module, "Query", lambda *parts, **named: Query(*parts, **{**named, "principal": SOMEBODY}))


def in_the_index(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(ScopedIndex, "_within", lambda _self, request: request)


def tenant_in_the_clause(patch: pytest.MonkeyPatch) -> None:
    clause = imagora.scoped.clause
    patch.setattr(imagora.scoped, "clause", lambda _tenant, groups: clause("", groups))


def groups_in_the_clause(patch: pytest.MonkeyPatch) -> None:
    clause = imagora.scoped.clause
    patch.setattr(imagora.scoped, "clause", lambda tenant, _groups: clause(tenant, ""))


def at_the_look(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(imagora_gateway.lookup, "ScopedIndex", lambda index, _tenant, _groups: index)


def thumbnails(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(imagora_gateway.thumbnails, "_scope", lambda _caller: [])


def in_the_cache(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("imagora_caching.keys.who", lambda _query: None)


def requests(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(imagora_gateway.recent, "_key", lambda request, _caller: (request, "", ""))


def handing_in(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("imagora_gateway.doors.items.owned", lambda metadata, _caller, _plan: dict(metadata))


MUTANTS: dict[str, Mutant] = {
    "caller → principal": caller_to_principal,
    "caller → groups": groups_of_the_caller,
    "search and ask": lambda patch: for_somebody(patch, imagora_gateway.questions),
    "chat": lambda patch: for_somebody(patch, imagora_gateway.doors.openai_chat),
    "the index": in_the_index,
    "the clause's tenant": tenant_in_the_clause,
    "the clause's groups": groups_in_the_clause,
    "an item by its id": at_the_look,
    "thumbnails": thumbnails,
    "what was kept": in_the_cache,
    "requests with feedback": requests,
    "items handed in": handing_in,
}


@pytest.mark.parametrize("mutant", list(MUTANTS))
async def test_a_place_that_forgets_for_whom_is_found(
    written: tuple[Path, dict[str, Thing]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mutant: str
) -> None:
    MUTANTS[mutant](monkeypatch)
    found = await seen(written, tmp_path, 1_500, until_wrong=True)
    # An item for another tenant is taken, where it must be refused; everywhere else, somebody sees what is another's.
    assert found.unexpected if mutant == "items handed in" else found.foreign
