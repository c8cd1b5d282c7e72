"""OpenAI's door: each recipe is a model."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from imagora_gateway.caller import Calling
from imagora_gateway.gateway import gateway_of
from imagora_gateway.recipes import Served

router = APIRouter(prefix="/v1", tags=["openai"])


@router.get("/models")
async def models(request: Request, caller: Calling) -> dict[str, Any]:
    """List the recipes that the caller may use, each by its name and by its name with its hash."""
    served = gateway_of(request).recipes.visible(caller)
    return {"object": "list", "data": [_model(one, id_) for one in served for id_ in (one.name, one.id)]}


@router.get("/models/{model}")
async def model(model: str, request: Request, caller: Calling) -> dict[str, Any]:
    """Give one recipe."""
    return _model(gateway_of(request).recipes.find(model, caller), model)


def _model(served: Served, id_: str) -> dict[str, Any]:
    return {"id": id_, "object": "model", "created": served.since, "owned_by": "imagora"}
