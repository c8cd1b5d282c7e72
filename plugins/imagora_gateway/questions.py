"""What our own doors are asked, and the query that it makes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from imagora import Query
from imagora.cli.conditions import parse_filters
from imagora.filters import And, Filter
from pydantic import BaseModel, ConfigDict, Field

from .caller import Caller
from .errors import Refusal
from .gateway import Gateway
from .pictures import bytes_of
from .recipes import Served


class Asked(BaseModel):
    """A query: words, pictures or both."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"recipe": "starter", "words": "something to ride", "filters": ["price<20"], "top_k": 5}]
        },
    )
    recipe: str = Field(description="A recipe: its name, or its name and hash.")
    words: str = Field(default="", description="What to look for, or a question.")
    pictures: list[str] = Field(default=[], description="Pictures, as data: addresses.")
    filters: list[str] = Field(
        default=[], max_length=50, description="Conditions on metadata: key=value, key!=value, key=a|b, key<n, key>=n."
    )
    top_k: int | None = Field(default=None, ge=1, description="How many passages are wanted.")
    unlike: str = Field(default="", description="What the passages should be unlike, in words.")
    unlike_pictures: list[str] = Field(default=[], description="Pictures to move away from, as data: addresses.")
    weights: dict[str, float] = Field(default={}, description="How much a leg counts: {image: 2, text: 0.5}.")


async def query_of(  # noqa: PLR0913, PLR0917 - what the page asks besides
    asked: Asked,
    gateway: Gateway,
    served: Served,
    caller: Caller,
    given: Sequence[bytes | Path] = (),
    condition: Filter | None = None,
) -> Query:
    """Make the query; a Refusal or an ImagoraError where it asks too much, or what cannot be.

    given: pictures that came as bytes, or that lie here. condition: must hold besides the filters.
    """
    with gateway.metrics.errors(served.name):
        query = await _made(asked, gateway, served, caller, given)
        parts = [one for one in (query.filter, condition) if one is not None]
        return replace(query, filter=And(tuple(parts)) if len(parts) > 1 else next(iter(parts), None))


async def _made(asked: Asked, gateway: Gateway, served: Served, caller: Caller, given: Sequence[bytes | Path]) -> Query:
    bounds = gateway.settings.bounds
    if len(asked.words) + len(asked.unlike) > bounds.prompt_characters:
        said = f"the words have more than {bounds.prompt_characters} characters, which is the limit"
        raise Refusal(400, said, code="too_long", param="words")
    if len(asked.pictures) + len(asked.unlike_pictures) + len(given) > bounds.pictures:
        said = f"there are more than {bounds.pictures} pictures, which is the limit"
        raise Refusal(400, said, code="too_many_pictures", param="pictures")
    if asked.top_k is not None and asked.top_k > bounds.top_k:
        raise Refusal(400, f"top_k is {asked.top_k}, and {bounds.top_k} is the limit", code="too_many", param="top_k")
    plan = gateway.recipes.pipeline(served).plan
    fetcher = gateway.fetcher_of(served)
    pictures = [
        await gateway.decoders.decoded([*await bytes_of(addresses, fetcher), *more], plan)
        for addresses, more in ((asked.pictures, given), (asked.unlike_pictures, ()))
    ]
    return Query(
        asked.words,
        pictures=pictures[0],
        filter=parse_filters(asked.filters),
        top_k=asked.top_k,
        negative=asked.unlike,
        negative_pictures=pictures[1],
        weights=asked.weights,
        principal=caller.principal,
    )
