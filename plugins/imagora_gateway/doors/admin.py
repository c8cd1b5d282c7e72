"""What those who run a gateway may do while it answers."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from imagora.errors import ImagoraError

from imagora_gateway.errors import Refusal
from imagora_gateway.gateway import gateway_of
from imagora_gateway.reloading import reload

router = APIRouter(prefix="/admin", tags=["admin"])


@router.post("/reload")
async def reload_recipes(request: Request, recipe: str | None = None) -> dict[str, Any]:
    """Read the recipes again, or one of them; where a new one is wrong, the old one goes on answering."""
    gateway = gateway_of(request)
    if recipe is not None and recipe not in gateway.recipes.router.recipes():
        raise Refusal(404, f"there is no recipe '{recipe[:100]}'", code="model_not_found", param="recipe")
    try:
        served = await reload(gateway, recipe)
    except ImagoraError as error:  # whoever may reload may read what is wrong
        raise Refusal(422, str(error), code=error.code) from error
    return {"recipes": [{"name": one.name, "id": one.id, "ready": not one.because} for one in served]}
