"""The second page: a recipe as it is drawn, and what its index holds, and whose vectors."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, metadata
from typing import Any, TypeAlias

from fastapi import APIRouter, Request
from fastapi.responses import Response
from imagora import Pipeline
from imagora.component import Model
from imagora.errors import ImagoraError
from imagora_drawing.scene import Box, Row, Scene, scene_of
from imagora_drawing.svg import svg_of
from imagora_ingestion.generations import opened

from imagora_gateway.caller import Caller, Calling
from imagora_gateway.gateway import gateway_of
from imagora_gateway.recipes import Served

from .rendering import HEADERS, page

router = APIRouter(prefix="/page")
Shown: TypeAlias = dict[str, Any]
_PLACES = ("path:", "url:", "file:", "folder:", "files:")
"""What details of a drawing begin with that say where something of the gateway's machine is."""


@router.get("/recipes/{recipe}")
async def recipe(recipe: str, request: Request, caller: Calling) -> Response:
    """Show a recipe."""
    gateway = gateway_of(request)
    served = gateway.recipes.find(recipe, caller)
    pipeline = gateway.recipes.pipeline(served)
    told = await asyncio.to_thread(_told, served, pipeline, caller)
    names = [one.name for one in gateway.recipes.visible(caller)]
    return page("recipe.html", request, recipes=names, **told)


@router.get("/recipes/{recipe}/drawing.svg")
async def drawing(recipe: str, request: Request, caller: Calling) -> Response:
    """Draw a recipe, as `imagora recipe draw` does."""
    gateway = gateway_of(request)
    served = gateway.recipes.find(recipe, caller)
    scene = await asyncio.to_thread(_scene, served, gateway.recipes.pipeline(served), caller)
    # Its style is its own and stands in the file; nothing else may be in it, even where it is opened alone.
    headers = {**HEADERS, "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox"}
    return Response(svg_of(scene), media_type="image/svg+xml", headers=headers)


def _told(served: Served, pipeline: Pipeline, caller: Caller) -> Shown:
    plan, scene = pipeline.plan, _scene(served, pipeline, caller)
    runs = "admin" in caller.roles
    return {
        "name": served.name,
        "hash": served.hash,
        "since": datetime.fromtimestamp(served.since, UTC),
        "because": served.because,
        "runs": runs,
        "file": str(plan.file) if runs else "",
        "roads": [
            {"name": name, "steps": list(_steps(rows))}
            for name, rows in (("The road of an item", _items(scene)), ("The road of a query", scene.queries))
            if rows
        ],
        "wrappers": [_said(box) for box in scene.wrappers],
        "drawn": scene.title,
        "counts": _counts(pipeline, caller),
        "legs": _legs(pipeline),
        "models": list(_models(pipeline)),
    }


def _scene(served: Served, pipeline: Pipeline, caller: Caller) -> Scene:
    """Give the scene under the name that callers know; where things are on this machine is for who runs it."""
    scene = replace(scene_of(pipeline.plan), title=served.name)
    if "admin" in caller.roles:
        return scene
    bare = [_without_places(rows) for rows in (scene.items, scene.queries, (scene.wrappers,))]
    (wrappers,) = bare[2]
    index = replace(scene.index, details=_elsewhere(scene.index)) if scene.index else None
    return replace(scene, items=bare[0], queries=bare[1], wrappers=wrappers, index=index)


def _without_places(rows: tuple[Row, ...]) -> tuple[Row, ...]:
    return tuple(tuple(replace(box, details=_elsewhere(box)) for box in row) for row in rows)


def _elsewhere(box: Box) -> tuple[str, ...]:
    return tuple(detail for detail in box.details if not detail.startswith(_PLACES))


def _items(scene: Scene) -> tuple[Row, ...]:
    return (*scene.items, *([(scene.index,)] if scene.index else [])) if scene.items else ()


def _steps(rows: Iterable[Row]) -> Iterator[str]:
    for row in rows:
        yield "; ".join(map(_said, row))


def _said(box: Box) -> str:
    return f"{box.label}: {', '.join((box.name, *box.details))}"


def _counts(pipeline: Pipeline, caller: Caller) -> Shown | None:
    """Count what there is, None where that would tell of what the caller may not see, or where it is not there."""
    access = pipeline.plan.access
    if pipeline.stages.index is None or ((access.tenant or access.groups) and "admin" not in caller.roles):
        return None
    try:
        with opened(pipeline.plan, pipeline.stages, create=False, write=False) as (index, ledger, generation):
            counts: Shown = {"entries": index.count(), "kept": ledger.count(), "refused": len(ledger.quarantined())}
            under_way = sum(number for state, number in ledger.states().items() if state != "committed")
            place = index.place if "admin" in caller.roles else ""
            return {**counts, "under_way": under_way, "generation": generation, "place": place}
    except ImagoraError:
        return None


def _legs(pipeline: Pipeline) -> list[Shown]:
    legs = []
    for leg, embedder in pipeline.stages.embedders.items():
        try:
            identity = embedder.identity()
        except ImagoraError:
            continue
        legs.append({"name": leg, "weights": identity.weights[:12], "identity": identity})
    return legs


def _models(pipeline: Pipeline) -> Iterator[Shown]:
    """Give the models that the recipe's components say they use, each once."""
    seen, stated = set[str](), pipeline.plan.licences.stated if pipeline.plan.licences else {}
    for planned in pipeline.plan.components():
        models = planned.offer.component.models
        for model in models(planned.options) if models else ():
            if model.name not in seen:
                seen.add(model.name)
                yield {
                    "name": model.name,
                    "package": model.distribution,
                    "licence": stated.get(model.name) or _licence(model),
                }


def _licence(model: Model) -> str:
    if model.licence or not model.distribution:
        return model.licence
    try:
        return "".join(metadata(model.distribution).get_all("License-Expression") or ())
    except PackageNotFoundError:
        return ""
