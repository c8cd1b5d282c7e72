"""The index as retrievers and rerankers get it: what the query leaves out, or who asks may not see, is not there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from typing import Any

from .errors import QueryError
from .filters import And, Eq, Filter, In
from .query import Principal
from .stages import Hit, Index, SearchRequest

principal: ContextVar[Principal | None] = ContextVar("imagora_principal", default=None)
"""Who asks the query that is under way."""
_condition: ContextVar[Filter | None] = ContextVar("imagora_condition", default=None)


@contextmanager
def within(condition: Filter | None) -> Iterator[None]:
    """Hold every search in it within a query's filter; None holds it within nothing.

    A stage that learns of the whole index, not for one query, searches in `with within(None)`.
    """
    token = _condition.set(condition)
    try:
        yield
    finally:
        _condition.reset(token)


def clause(tenant: str, groups: str) -> tuple[Filter, ...]:
    """Say what an item must have for who asks to see it, by the two fields; a QueryError where nobody asks."""
    who, parts = principal.get(), list[Filter]()
    if tenant:
        if who is None or not who.tenant:
            raise QueryError(
                "this recipe answers each tenant from its own items; say which: --tenant NAME", code="IMG-507"
            )
        parts.append(Eq(tenant, who.tenant))
    if groups:
        if who is None or not who.groups:
            raise QueryError("this recipe answers members of groups; say of which: --group NAME", code="IMG-507")
        parts.append(In(groups, tuple(who.groups)))
    return tuple(parts)


def visible(metadata: Mapping[str, Any], tenant: str, groups: str) -> bool:
    """Say whether who asks may see an item with this metadata, wherever a retriever has it from."""
    for part in clause(tenant, groups):
        wanted = part.values if isinstance(part, In) else (part.value,) if isinstance(part, Eq) else ()
        found = metadata.get(part.field) if isinstance(part, Eq | In) else None
        if not any(member in wanted for member in (found if isinstance(found, list | tuple) else (found,))):
            return False
    return True


class ScopedIndex:
    """Puts a query's filter, and the clause of who asks, into every search, below any retriever.

    Everything else is the index's own.

    tenant, groups: the metadata fields that say whose an item is; "" where a recipe does not care.
    """

    def __new__(cls, index: Index, tenant: str, groups: str) -> ScopedIndex:
        """Make one that has the index's own methods in its class, where protocols are looked up from Python 3.12 on."""
        there = [name for name in dir(type(index)) if not name.startswith("_") and not hasattr(cls, name)]
        return super().__new__(type(cls.__name__, (cls,), {name: _of_index(name) for name in there}))

    def __init__(self, index: Index, tenant: str, groups: str) -> None:
        self._index, self._tenant, self._groups = index, tenant, groups

    async def asearch(self, request: SearchRequest) -> list[Hit]:
        """Search within what the principal may see; a QueryError where nobody asks."""
        return await self._index.asearch(self._within(request))

    def __getattr__(self, name: str) -> Any:
        if name != "search":
            return getattr(self._index, name)
        search = getattr(self._index, name)
        return lambda request: search(self._within(request))

    def _within(self, request: SearchRequest) -> SearchRequest:
        own, condition = request.filter, _condition.get()
        asked = (own,) if condition in (None, own) else (condition, own)
        parts = [*clause(self._tenant, self._groups), *(part for part in asked if part is not None)]
        if len(parts) == (own is not None):
            return request
        return replace(request, filter=And(tuple(parts)) if len(parts) > 1 else parts[0])


def _of_index(name: str) -> property:
    return property(lambda self: self.__getattr__(name))
