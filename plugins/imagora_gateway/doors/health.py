"""/health: the process lives. /ready: its recipes can answer. /metrics and /openapi.json: what there is to know."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST

from imagora_gateway.gateway import gateway_of

router = APIRouter(tags=["health"])


@router.get("/health")
async def health() -> dict[str, str]:
    """Say that the process lives."""
    return {"status": "ok"}


@router.get("/openapi.json", include_in_schema=False)
async def openapi(request: Request) -> dict[str, Any]:
    """Describe every route, as OpenAPI does."""
    described: dict[str, Any] = request.app.openapi()
    return described


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
async def metrics(request: Request) -> Response:
    """Give metrics in Prometheus's form."""
    gateway = gateway_of(request)
    for name, state in (await gateway.indexes.look()).items():
        gateway.metrics.index(name, state)
    for served in gateway.recipes.all():
        gateway.metrics.ready(served.name, can=not served.because)
    return Response(gateway.metrics.text(), media_type=CONTENT_TYPE_LATEST)


@router.get("/ready")
async def ready(request: Request, response: Response) -> dict[str, Any]:
    """Say whether every recipe can answer: 200 where all can, 503 where one cannot."""
    served = await gateway_of(request).recipes.health()
    waiting = sum(bool(one.because) for one in served)
    response.status_code = 503 if waiting else 200
    return {"status": "waiting" if waiting else "ok", "recipes": len(served), "waiting": waiting}
