"""Signing in and out: a key is typed once, and a cookie stands for it from then on."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from imagora_gateway.auth import Doorman
from imagora_gateway.auth.sessions import name_of
from imagora_gateway.caller import NOBODY
from imagora_gateway.gateway import gateway_of

from .forgery import FIELD, refuse_forged
from .rendering import page, root_of

router = APIRouter(prefix="/page")
_UNKNOWN = "That key or token is not valid, or not any more. Look whether it was copied whole."
_POWERLESS = "That key or token is valid, and it has no role with which the page could be used."
_LONGEST = 16_000


@router.post("/sign-in")
async def sign_in(request: Request) -> Response:
    """Give a cookie for a key or a token that is valid."""
    async with request.form(max_files=0, max_fields=10) as form:
        refuse_forged(request, str(form.get(FIELD, "")))
        shown = str(form.get("key", ""))[:_LONGEST].removeprefix("Bearer ").strip()
    door = gateway_of(request).doorkeeper
    if not isinstance(door, Doorman):
        return RedirectResponse(f"{root_of(request)}/", 303)
    found = await door.known(shown)
    if found is None or not found.roles:
        return page("sign_in.html", request, 401 if found is None else 403, wrong=_POWERLESS if found else _UNKNOWN)
    answer = RedirectResponse(f"{root_of(request)}/", 303)
    secure = name_of(request).startswith("__Host-")
    cookie, seconds = await door.begin(shown), int(door.sessions.seconds)
    answer.set_cookie(
        name_of(request), cookie, max_age=seconds, path="/", secure=secure, httponly=True, samesite="strict"
    )
    return answer


@router.post("/sign-out")
async def sign_out(request: Request) -> Response:
    """Forget who is signed in."""
    async with request.form(max_files=0, max_fields=10) as form:
        refuse_forged(request, str(form.get(FIELD, "")))
    door, name = gateway_of(request).doorkeeper, name_of(request)
    if isinstance(door, Doorman) and name in request.cookies:
        await door.end(request.cookies[name])
    request.state.caller, request.state.session = NOBODY, ""
    answer = page("sign_in.html", request, wrong="", out=True)
    secure = name.startswith("__Host-")
    answer.delete_cookie(name, path="/", secure=secure, httponly=True, samesite="strict")
    return answer
