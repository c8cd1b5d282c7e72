"""What somebody filled in on the page, and the query that it makes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from imagora import Query
from pydantic import ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request

from imagora_gateway.caller import Caller
from imagora_gateway.errors import Refusal
from imagora_gateway.gateway import Gateway
from imagora_gateway.questions import Asked, query_of
from imagora_gateway.recipes import Served

from .fields import filter_of
from .forgery import FIELD, refuse_forged

_MOST_FIELDS, _MOST_FILES = 200, 64


@dataclass(frozen=True)
class Filled:
    """The form. like: the token of a picture that others should be like. search: passages are wanted, and no answer."""

    recipe: str
    words: str
    pictures: tuple[bytes, ...] = field(default=(), repr=False)
    like: str = ""
    search: bool = False
    filters: Mapping[str, str] = field(default_factory=dict)


async def read(request: Request) -> Filled:
    """Read the form; a Refusal (403) where it is none of ours."""
    async with request.form(max_files=_MOST_FILES, max_fields=_MOST_FIELDS) as form:
        refuse_forged(request, str(form.get(FIELD, "")))
        files = [part for part in form.getlist("pictures") if isinstance(part, UploadFile)]
        pictures = [found for part in files if (found := await part.read())]  # no file chosen is an empty one
        return Filled(
            recipe=_said(form, "recipe"),
            words=_said(form, "words").replace("\r\n", "\n").strip(),
            pictures=tuple(pictures),
            like=_said(form, "like"),
            search=_said(form, "do") == "search",
            filters={name: said for name, said in form.items() if isinstance(said, str) and said.strip()},
        )


def _said(form: FormData, name: str) -> str:
    said = form.get(name, "")
    return said if isinstance(said, str) else ""


async def question(filled: Filled, gateway: Gateway, served: Served, caller: Caller) -> Query:
    """Make the query; what is wrong with it is a Refusal or an ImagoraError."""
    plan = gateway.recipes.pipeline(served).plan
    if not (filled.words or filled.pictures or filled.like):
        raise Refusal(400, "type some words, or choose a picture", code="nothing_asked")
    like = [gateway.thumbnails.signer.picture(filled.like, caller)] if filled.like else []
    lines = [line for line in filled.filters.get("conditions", "").splitlines() if line.strip()]
    try:
        asked = Asked(recipe=served.name, words=filled.words, filters=lines)
    except ValidationError:
        raise Refusal(400, "there are too many filters", code="too_many_filters", param="filters") from None
    return await query_of(asked, gateway, served, caller, [*filled.pictures, *like], filter_of(filled.filters, plan))
