"""The page: what is asked, and the answer, as it comes or whole."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from imagora import Answer, Found, Query
from imagora.events import AnswerDone, PassagesFound, TextPart

from imagora_gateway.asking import Asking
from imagora_gateway.caller import Caller, Calling
from imagora_gateway.gateway import gateway_of
from imagora_gateway.leaving import EventStream, begun, unless_gone
from imagora_gateway.logs import request_id
from imagora_gateway.recipes import Served

from . import form
from .fields import fields_of
from .forgery import token_of
from .rendering import HEADERS, fragment, is_scripted, page
from .result import View
from .streaming import around, events_of

router = APIRouter()
_STREAM = "text/event-stream"


@router.get("/")
async def front(request: Request, caller: Calling, recipe: str = "", words: str = "") -> Response:
    """Give the page, with nothing asked yet."""
    served = _chosen(request, caller, recipe)
    filled = form.Filled(served.name if served else "", words[: gateway_of(request).settings.bounds.prompt_characters])
    return page("front.html", request, result=None, **_around(request, caller, served, filled))


@router.get("/page/filters")
async def filters(request: Request, caller: Calling, recipe: str = "") -> Response:
    """Give the filters of a recipe, and what it can do."""
    served = gateway_of(request).recipes.find(recipe, caller)
    return fragment("choices.html", request, **_around(request, caller, served, form.Filled(served.name, "")))


@router.post("/page/ask")
async def ask(request: Request, caller: Calling) -> Response:
    """Answer, or find: as a stream or a piece of a page for scripts, as a whole page for browsers without."""
    filled = await form.read(request)
    gateway = gateway_of(request)
    served = gateway.recipes.find(filled.recipe, caller)
    plan = gateway.recipes.pipeline(served).plan
    query = await unless_gone(request, form.question(filled, gateway, served, caller))
    asking = Asking(gateway, served, caller, "/page/ask", request_id(request))
    view = View(request, served, caller, plan, token_of(request))
    search = filled.search or plan.generator is None
    if _STREAM in request.headers.get("accept", "") and not search:
        return await _streamed(view, asking, query)
    found: Coroutine[Any, Any, Answer | Found] = asking.find(query) if search else asking.answer(query)
    result = await unless_gone(request, found)
    shown = await asyncio.to_thread(_result, view, result, filled)
    if is_scripted(request):
        return fragment("result.html", request, **shown)
    return page("front.html", request, result=shown, **_around(request, caller, served, filled))


async def _streamed(view: View, asking: Asking, query: Query) -> Response:
    events = asking.stream(query)
    first = await unless_gone(view.request, begun(events, (PassagesFound, TextPart, AnswerDone)))
    stream = EventStream(events_of(view, first, events), events)
    stream.headers.update(HEADERS)
    return stream


def _result(view: View, result: Answer | Found, filled: form.Filled) -> dict[str, Any]:
    return {
        "answer": view.answer(result) if isinstance(result, Answer) else None,
        "record": view.record(result),
        "like": bool(filled.like),
        **around(view, view.cards(result)),
    }


def _chosen(request: Request, caller: Caller, recipe: str) -> Served | None:
    recipes = gateway_of(request).recipes
    if recipe:
        return recipes.find(recipe, caller)
    return next(iter(recipes.visible(caller)), None)


def _around(request: Request, caller: Caller, served: Served | None, filled: form.Filled) -> dict[str, Any]:
    gateway = gateway_of(request)
    plan = gateway.recipes.pipeline(served).plan if served else None
    recipes = gateway.recipes.visible(caller)
    return {
        "recipes": [one.name for one in recipes],
        "chosen": served.name if served else "",
        "broken": bool(served and served.because),
        "answers": bool(plan and plan.generator),
        "fields": fields_of(plan) if plan else [],
        "filled": filled,
        "filtered": any(name == "conditions" or ":" in name for name in filled.filters),
        "token": token_of(request),
        "most_pictures": gateway.settings.bounds.pictures,
        "most_bytes": gateway.settings.bounds.body_bytes,
        "most_characters": gateway.settings.bounds.prompt_characters,
    }
