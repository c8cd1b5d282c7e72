"""Our own doors: search and ask, with the scores on every leg and the time of every stage."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from imagora import Query

from imagora_gateway.asking import Asking
from imagora_gateway.caller import Caller, Calling
from imagora_gateway.gateway import gateway_of
from imagora_gateway.leaving import unless_gone
from imagora_gateway.logs import request_id
from imagora_gateway.questions import Asked, query_of
from imagora_gateway.shown import show

router = APIRouter(prefix="/v1", tags=["imagora"])


@router.post("/search")
async def search(asked: Asked, request: Request, caller: Calling) -> dict[str, Any]:
    """Find passages for words, pictures or both, best first."""
    asking, query = await _prepared(asked, request, caller, "/v1/search")
    return show(request, asking.served, caller, await unless_gone(request, asking.find(query)))


@router.post("/ask")
async def ask(asked: Asked, request: Request, caller: Calling) -> dict[str, Any]:
    """Answer a question in words, pictures or both, with citations."""
    asking, query = await _prepared(asked, request, caller, "/v1/ask")
    return show(request, asking.served, caller, await unless_gone(request, asking.answer(query)))


async def _prepared(asked: Asked, request: Request, caller: Caller, door: str) -> tuple[Asking, Query]:
    gateway = gateway_of(request)
    served = gateway.recipes.find(asked.recipe, caller)
    query = await unless_gone(request, query_of(asked, gateway, served, caller))
    return Asking(gateway, served, caller, door, request_id(request)), query


@router.get("/thumbnails/{token}", response_class=Response, responses={200: {"content": {"image/jpeg": {}}}})
async def thumbnail(token: str, request: Request, caller: Calling) -> Response:
    """Give a thumbnail by the address that came with a passage; it ends soon, and is good for its caller alone."""
    gateway = gateway_of(request)
    headers = {"Cache-Control": f"private, max-age={gateway.settings.thumbnail_seconds}"}
    headers |= {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'"}
    return Response(await gateway.thumbnails.get(token, caller), media_type="image/jpeg", headers=headers)
