"""A plugin with one reranker: the cheapest of the best passages first."""

from imagora import BuildContext, Component, Options, hookimpl
from pydantic import Field

imagora_api = ">=1.0,<2"


class CheapestOptions(Options):
    """What a recipe can say about the reranker."""

    field: str = Field(default="price", description="The metadata key that holds the price, a number.")
    among: int = Field(default=5, ge=1, description="How many of the best passages are put in order of price.")


def build(options: CheapestOptions, context: BuildContext) -> object:
    """Build the reranker; it is imported here, so that listing plugins stays quick."""
    from .reranker import Cheapest

    return Cheapest(field=options.field, among=options.among)


@hookimpl
def offer_rerankers() -> list[Component[CheapestOptions]]:
    """Offer the reranker to recipes as `cheapest`."""
    return [Component("cheapest", "puts the cheapest of the best passages first", CheapestOptions, build)]
