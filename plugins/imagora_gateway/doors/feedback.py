"""Feedback: thumbs and comments on an answer, by the id of its request."""

from __future__ import annotations

import asyncio
from typing import Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from imagora_gateway.caller import Caller, Calling
from imagora_gateway.errors import Refusal
from imagora_gateway.gateway import Gateway, gateway_of

router = APIRouter(prefix="/v1", tags=["imagora"])


class Opinion(BaseModel):
    """What a caller thinks of an answer."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"request": "5f0c…", "rating": "up", "comment": "just what I was looking for"}]
        },
    )
    request: str = Field(max_length=100, description="The answer's `request`, or the response's X-Request-Id.")
    rating: Literal["up", "down"] = Field(description="Thumbs up or down.")
    comment: str = Field(default="", max_length=4_000, description="In words.")


@router.post("/feedback", status_code=201)
async def feedback(opinion: Opinion, request: Request, caller: Calling) -> dict[str, str]:
    """Keep what the caller thinks of an answer of theirs; a second opinion takes the place of the first."""
    await keep(opinion, gateway_of(request), caller)
    return {"request": opinion.request, "rating": opinion.rating}


async def keep(opinion: Opinion, gateway: Gateway, caller: Caller) -> None:
    """Keep an opinion, from whichever door; a Refusal (404) where there is no such answer of the caller's."""
    recent = gateway.recent.get(opinion.request, caller)
    if recent is None:
        said = "there is no answer to that request, or it was too long ago"
        raise Refusal(404, said, code="no_answer", param="request")
    given = (opinion.request, caller.id, opinion.rating, opinion.comment, recent)
    await asyncio.to_thread(gateway.feedback.add, *given)
