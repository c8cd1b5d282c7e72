"""Items: handed in as JSON or as bytes, changed, deleted, and looked at."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request, Response
from imagora.item import JSONValue
from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError
from starlette.datastructures import UploadFile

from imagora_gateway.caller import Caller, Calling
from imagora_gateway.errors import Refusal
from imagora_gateway.gateway import Gateway, gateway_of
from imagora_gateway.held import HeldItem
from imagora_gateway.items import owned, source_of
from imagora_gateway.lookup import look_up
from imagora_gateway.pictures import bytes_of
from imagora_gateway.recipes import Served
from imagora_gateway.shown import Shown

router = APIRouter(prefix="/v1/items", tags=["items"])
_MISSING = "there is no such item"


class NewItem(BaseModel):
    """An item: a picture, a text or both."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"recipe": "starter", "uri": "shoe-17", "text": "A red shoe.", "metadata": {"price": 40}}]
        },
    )
    recipe: str = Field(description="A recipe: its name, or its name and hash.")
    uri: str = Field(min_length=1, max_length=500, description="Its name; another item of the same name is replaced.")
    text: str = Field(default="", max_length=1_000_000, description="Its words.")
    metadata: dict[str, JsonValue] = Field(default={}, description="Flat JSON values, such as title and price.")
    picture: str | None = Field(default=None, description="Its picture, as a data: address.")


class Changed(BaseModel):
    """What changes of an item's metadata."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"metadata": {"price": 35}}]})
    metadata: dict[str, JsonValue] = Field(description="Keys with their new values; null takes a key away.")


_FORM = {
    "type": "object",
    "required": ["recipe", "uri"],
    "properties": {
        "recipe": {"type": "string"},
        "uri": {"type": "string"},
        "text": {"type": "string"},
        "metadata": {"type": "string", "description": "A JSON object."},
        "picture": {"type": "string", "format": "binary"},
    },
}
_BODY = {
    "required": True,
    "content": {
        "application/json": {"schema": NewItem.model_json_schema()},
        "multipart/form-data": {"schema": _FORM},
    },
}


_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"description": "It took the place of the item that had its `uri`.", "model": dict[str, Any]}
}


@router.post("", status_code=201, openapi_extra={"requestBody": _BODY}, responses=_ANSWERS)
async def add(request: Request, caller: Calling, response: Response) -> dict[str, Any]:
    """Hand an item in, as JSON or as a form with its picture's bytes; it can be found when this answers."""
    new, picture = await _read(request)
    gateway = gateway_of(request)
    served = gateway.recipes.find(new.recipe, caller)
    plan = gateway.recipes.pipeline(served).plan
    metadata = owned(_plain(new.metadata), caller, plan)
    if new.picture is not None:
        (picture,) = await bytes_of([new.picture], gateway.fetcher_of(served))
    if picture is not None:
        await gateway.decoders.decoded([picture], plan)  # what is no picture is told now
    elif not new.text.strip() and not metadata.get("title"):
        raise Refusal(400, "an item needs a text, a title or a picture", code="empty_item")
    held = gateway.items.held
    digest = "" if picture is None else held.keep(picture)
    item = HeldItem(served.name, source_of(caller), new.uri, new.text, metadata, digest)
    if held.get(served.name, item.id) is not None:
        response.status_code = 200
    return _state(await _written(gateway, item))


@router.get("/{recipe}/{id}")
async def look(recipe: str, id: str, request: Request, caller: Calling) -> dict[str, Any]:  # noqa: A002 - as it is called
    """Give an item and its state; one that the caller may not see is not there."""
    gateway = gateway_of(request)
    served = gateway.recipes.find(recipe, caller)
    held = gateway.items.find(served, caller, id)
    passage, changed = await look_up(gateway.recipes.pipeline(served), caller.principal, id)
    if passage is None and held is None:
        raise Refusal(404, _MISSING, code="no_item")
    shown: Shown = {"id": id, "recipe": served.name, "state": "committed"} | (_state(held) if held else {})
    if passage is not None:
        tokens = {} if changed else gateway.thumbnails.tokens([passage], caller)
        thumbnail = f"{request.base_url}v1/thumbnails/{tokens[id]}" if id in tokens else None
        shown |= {"title": passage.title, "text": passage.get_content(), "metadata": passage.node.metadata}
        shown["thumbnail"] = thumbnail
    return shown


@router.patch("/{recipe}/{id}")
async def change(recipe: str, id: str, new: Changed, request: Request, caller: Calling) -> dict[str, Any]:  # noqa: A002 - as above
    """Change the metadata of an item that was handed in; nothing is embedded for it where its words stay the same."""
    gateway = gateway_of(request)
    served, held = _held(gateway, caller, recipe, id)
    plan = gateway.recipes.pipeline(served).plan
    given = {key: value for key, value in _plain(new.metadata, nulls=True).items() if value is not None}
    rest = {key: value for key, value in held.metadata.items() if key not in new.metadata}
    metadata = owned({**rest, **given}, caller, plan)
    item = HeldItem(held.recipe, held.source, held.uri, held.text, metadata, held.picture)
    return _state(await _written(gateway, item))


@router.delete("/{recipe}/{id}", status_code=204, response_class=Response)
async def delete(recipe: str, id: str, request: Request, caller: Calling) -> None:  # noqa: A002 - as above
    """Delete an item that was handed in; no query finds it when this answers."""
    gateway = gateway_of(request)
    _, held = _held(gateway, caller, recipe, id)
    item = HeldItem(held.recipe, held.source, held.uri, held.text, held.metadata, held.picture, state="deleting")
    await gateway.items.write(item)


def _held(gateway: Gateway, caller: Caller, recipe: str, id_: str) -> tuple[Served, HeldItem]:
    served = gateway.recipes.find(recipe, caller)
    held = gateway.items.find(served, caller, id_)
    if held is None:
        raise Refusal(404, f"{_MISSING} among those that were handed in", code="no_item")
    return served, held


async def _written(gateway: Gateway, item: HeldItem) -> HeldItem:
    written = await gateway.items.write(item)
    if written.state == "refused":
        raise Refusal(422, f"the item cannot be used: {written.reason}", code="item_refused")
    return written


async def _read(request: Request) -> tuple[NewItem, bytes | None]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        if kind != "multipart/form-data":
            return NewItem.model_validate_json(await request.body()), None
        async with request.form(max_files=1, max_fields=8) as form:
            picture = form.get("picture")
            fields: dict[str, Any] = {name: value for name, value in form.items() if isinstance(value, str)}
            fields["metadata"] = json.loads(fields.get("metadata") or "{}")
            data = await picture.read() if isinstance(picture, UploadFile) else None
            return NewItem.model_validate(fields), data
    except ValidationError as invalid:
        first = invalid.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise Refusal(400, f"{place or 'the body'}: {first['msg']}", code="invalid_request", param=place) from None
    except ValueError:
        raise Refusal(400, "metadata: it is not JSON", code="invalid_request", param="metadata") from None


def _state(item: HeldItem) -> Shown:
    shown = {"id": item.id, "recipe": item.recipe, "uri": item.uri, "state": item.state}
    return shown | ({"reason": item.reason} if item.reason else {})


def _plain(metadata: Mapping[str, JsonValue], *, nulls: bool = False) -> dict[str, JSONValue]:
    for key, value in metadata.items():
        members = value if isinstance(value, list) else [value]
        for member in members:
            there = isinstance(member, str | int | float) or (nulls and value is None)
            if not there or (isinstance(member, float) and not math.isfinite(member)):
                said = f"'{key[:40]}' must be a word, a number, true, false, or a list of these"
                raise Refusal(400, said, code="invalid_request", param="metadata")
    return dict(metadata)
