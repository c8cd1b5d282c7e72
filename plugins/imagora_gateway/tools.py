"""Recipes as tools over MCP: search, ask, and a look at a picture."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Annotated, Any, ParamSpec, TypeVar

from imagora import Answer, Passage
from imagora.errors import ImagoraError
from mcp.server.mcpserver import Context, Image, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import ToolAnnotations
from pydantic import Field

from .asking import Asking
from .caller import Caller
from .errors import Refusal, refusal_of
from .gateway import Gateway
from .lookup import look_up
from .questions import Asked, query_of
from .recipes import Served

P = ParamSpec("P")
R = TypeVar("R")
Told = dict[str, Any]
_READS = ToolAnnotations(read_only_hint=True, open_world_hint=False)
_SAID = (
    "These tools search a collection of pictures and texts and answer questions from it, with citations. "
    "`recipes` lists the collections; `look` shows an item that `search` or `ask` named by its id."
)
Recipe = Annotated[str, Field(description="The collection, by its recipe's name; may be left out where there is one.")]
Words = Annotated[str, Field(description="What to look for, in words; may be empty where there is a picture.")]
Picture = Annotated[str, Field(description="A picture to search with, as a data: address.")]
Filters = Annotated[
    list[str] | None, Field(description="Conditions on metadata, such as price<20, category=shoes or tags=red|blue.")
]
Top = Annotated[int, Field(ge=1, le=50, description="How many items are wanted.")]
Id = Annotated[str, Field(description="The item's id.")]


def mcp_server(gateway: Gateway, local: Caller | None = None) -> MCPServer[Any]:
    """Make the server with its tools.

    local: who calls over stdio; over HTTP it is None, and the caller is whom `policy` let in.
    """
    server = MCPServer[Any]("imagora", instructions=_SAID)
    door = _Tools(gateway, local)
    for tool in (door.recipes, door.search, door.ask):
        server.tool(annotations=_READS)(_told(tool))
    server.tool(annotations=_READS, structured_output=False)(_told(door.look))
    return server


class _Tools:
    """The tools; their docstrings and the descriptions of their parameters are what a model reads."""

    def __init__(self, gateway: Gateway, local: Caller | None) -> None:
        self._gateway, self._local = gateway, local

    async def recipes(self, context: Context[Any, Any]) -> Told:
        """List the collections that can be searched."""
        served = self._gateway.recipes.visible(self._caller(context))
        return {"recipes": [{"name": one.name, "id": one.id, "ready": not one.because} for one in served]}

    async def search(  # noqa: PLR0913, PLR0917 - what a model may say
        self,
        context: Context[Any, Any],
        words: Words = "",
        picture: Picture = "",
        filters: Filters = None,
        top_k: Top = 5,
        recipe: Recipe = "",
    ) -> Told:
        """Find pictures and texts by words, by a picture, or by both, best first."""
        asking = self._asking(context, recipe, "mcp search")
        asked = _asked(asking.served, words, picture, filters, top_k)
        found = await asking.find(await query_of(asked, self._gateway, asking.served, asking.caller))
        return {"recipe": asking.served.name, "items": [_shown(one) for one in found.passages]}

    async def ask(
        self,
        context: Context[Any, Any],
        words: Words = "",
        picture: Picture = "",
        filters: Filters = None,
        recipe: Recipe = "",
    ) -> Told:
        """Answer a question from a collection; [1] in the text stands for the first of the items, and so on."""
        asking = self._asking(context, recipe, "mcp ask")
        asked = _asked(asking.served, words, picture, filters, None)
        answer = await asking.answer(await query_of(asked, self._gateway, asking.served, asking.caller))
        return {"recipe": asking.served.name, "refused": answer.refused} | _answered(answer)

    async def look(self, context: Context[Any, Any], id: Id, recipe: Recipe = "") -> list[Any]:  # noqa: A002 - as it is called
        """Show an item: its picture, if it has one, and what is known of it."""
        asking = self._asking(context, recipe, "mcp look")
        pipeline, caller = self._gateway.recipes.pipeline(asking.served), asking.caller
        passage, changed = await look_up(pipeline, caller.principal, id)
        if passage is None:
            raise Refusal(404, "there is no such item", code="no_item")
        tokens = {} if changed else self._gateway.thumbnails.tokens([passage], caller)
        pictures = [
            Image(data=await self._gateway.thumbnails.get(one, caller), format="jpeg") for one in tokens.values()
        ]
        return [*pictures, _shown(passage)]

    def _caller(self, context: Context[Any, Any]) -> Caller:
        if self._local is not None:
            return self._local
        caller = getattr(getattr(context.request_context.request, "state", None), "caller", None)
        if not isinstance(caller, Caller):  # fail closed: over HTTP somebody was let in, or nobody is served
            raise Refusal(401, "nobody knows who calls")
        return caller

    def _asking(self, context: Context[Any, Any], recipe: str, door: str) -> Asking:
        caller = self._caller(context)
        there = self._gateway.recipes.visible(caller)
        name = recipe or (there[0].name if len(there) == 1 else "")
        if not name:
            names = ", ".join(one.name for one in there)
            raise Refusal(400, f"say which recipe: {names or 'there is none'}", code="no_recipe", param="recipe")
        served = self._gateway.recipes.find(name, caller)
        state = getattr(getattr(context.request_context, "request", None), "state", None)
        return Asking(self._gateway, served, caller, door, getattr(state, "request_id", "") or uuid.uuid4().hex)


def _told(tool: Callable[P, Awaitable[R]]) -> Callable[P, Awaitable[R]]:
    """Let what is wrong with a call arrive as words that the model can read and mend."""

    @wraps(tool)
    async def called(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return await tool(*args, **kwargs)
        except (Refusal, ImagoraError) as error:
            raise ToolError(refusal_of(error).said) from error

    return called


def _asked(served: Served, words: str, picture: str, filters: list[str] | None, top_k: int | None) -> Asked:
    pictures = [picture] if picture else []
    return Asked(recipe=served.name, words=words, pictures=pictures, filters=filters or [], top_k=top_k)


def _answered(result: Answer) -> Told:
    last = max((one.number for one in result.citations), default=0)
    return {"text": result.text, "items": [_shown(one) for one in result.passages[:last]]}


def _shown(passage: Passage) -> Told:
    shown = {"id": passage.node_id, "title": passage.title, "score": passage.score, "text": passage.get_content()}
    return shown | {"metadata": passage.node.metadata, "picture": _has_picture(passage)}


def _has_picture(passage: Passage) -> bool:
    picture = getattr(passage.node, "image_resource", None)
    return picture is not None and picture.path is not None
