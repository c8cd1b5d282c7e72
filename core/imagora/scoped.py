"""The index as retrievers and rerankers get it: what the one who asks may not see is not there."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import replace
from typing import Any

from .errors import QueryError
from .filters import And, Eq, Filter, In
from .query import Principal
from .stages import Hit, Index, SearchRequest

principal: ContextVar[Principal | None] = ContextVar("imagora_principal", default=None)
"""Who asks the query that is under way."""


class ScopedIndex:
    """Puts the clause of who asks into every search, below any retriever; everything else is the index's own.

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
        who = principal.get()
        clause: list[Filter] = []
        if self._tenant:
            if who is None or not who.tenant:
                raise QueryError(
                    "this recipe answers each tenant from its own items; say which: --tenant NAME", code="IMG-507"
                )
            clause.append(Eq(self._tenant, who.tenant))
        if self._groups:
            if who is None or not who.groups:
                raise QueryError("this recipe answers members of groups; say of which: --group NAME", code="IMG-507")
            clause.append(In(self._groups, tuple(who.groups)))
        own = () if request.filter is None else (request.filter,)
        return replace(request, filter=And((*clause, *own)))


def _of_index(name: str) -> property:
    return property(lambda self: self.__getattr__(name))
