"""Thumbs up and down on the page, through the same road as `/v1/feedback`."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import ValidationError

from imagora_gateway.caller import Calling
from imagora_gateway.doors.feedback import Opinion, keep
from imagora_gateway.errors import Refusal
from imagora_gateway.gateway import gateway_of

from .forgery import FIELD, refuse_forged, token_of
from .rendering import fragment, is_scripted, page

router = APIRouter(prefix="/page")


@router.post("/opinion")
async def opinion(request: Request, caller: Calling) -> Response:
    """Keep what somebody thinks of an answer of theirs."""
    async with request.form(max_files=0, max_fields=10) as form:
        refuse_forged(request, str(form.get(FIELD, "")))
        said = {name: str(form.get(name, "")).strip() for name in ("request", "rating", "comment")}
    try:
        given = Opinion.model_validate(said)
    except ValidationError:
        raise Refusal(400, "choose thumbs up or down; a comment has 4,000 characters at most") from None
    await keep(given, gateway_of(request), caller)
    shown = {"request": given.request, "rating": given.rating, "kept": True, "token": token_of(request)}
    if is_scripted(request):
        return fragment("opinion.html", request, opinion=shown)
    return page("thanks.html", request, opinion=shown)
