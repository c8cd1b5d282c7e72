"""`batching` on an embedder or a reranker in a recipe."""

from __future__ import annotations

from typing import Any

from imagora.errors import PluginError
from imagora.options import Options
from pydantic import Field, ValidationError

KEY = "batching"
OFF = "off"
"""What a recipe says in its place where calls are to stay apart."""
BATCHED_KINDS = ("embedder", "reranker")
GATHERED = ("words", "pictures", "pairs")
"""What is gathered: the words and the pictures of queries, and the pairs of a reranker."""


class Batching(Options):
    """How concurrent calls of one component are gathered into one call of its model; what is not set, it may say."""

    wait: float = Field(
        default=0.01,
        ge=0,
        le=1,
        description="How long a query waits for others at most, in seconds, counted from when it came; one that comes "
        "alone waits for nothing.",
    )
    most: int = Field(
        default=32,
        ge=1,
        le=1024,
        description="How many queries go through the model together at most; where this is not said, a component may "
        "know better.",
    )
    at_once: int = Field(
        default=1,
        ge=1,
        le=64,
        description="How many such calls run at once. More than one helps where the component says that it is "
        "`parallel` and one call does not use all cores. Where this is not said, it may know better, too.",
    )


def suited(stage: object, what: str, said: Batching) -> Batching:
    """Give what a recipe says, and for what it does not, what the stage says of `what` in `usual_batching`.

    what: one of GATHERED. Raises PluginError where the stage says what cannot be.
    """
    usual: Any = getattr(stage, "usual_batching", {})
    try:
        if strange := sorted(set(usual) - set(GATHERED)):
            raise PluginError(f"{_whose(stage)} has '{strange[0]}', which is none of {', '.join(GATHERED)}")
        return Batching(**{**usual.get(what, {}), **said.model_dump(exclude_unset=True)})
    except ValidationError as invalid:
        (first, *_) = invalid.errors()
        where = ".".join(map(str, (what, *first["loc"])))
        raise PluginError(f"{_whose(stage)} has a wrong '{where}': {first['msg']}") from invalid
    except (TypeError, AttributeError) as error:
        wanted = 'a mapping such as {"words": {"most": 8}}'
        raise PluginError(f"{_whose(stage)} is not {wanted}") from error


def _whose(stage: object) -> str:
    return f"`usual_batching` of '{type(stage).__name__}'"
