"""The sections of a recipe, and what each of them holds: one table for the checker, the merging and the schema."""

from __future__ import annotations

from imagora.options import Options

from .plan import AccessOptions, AnswerOptions, GatewayOptions, PictureOptions, PriceOptions, PromptOptions

VERSION = 1
"""The version of recipes that is read here; version N came with Imagora 0.N."""

ONE = {name: name for name in ("source", "index", "ledger", "engine", "retriever", "generator")}
ONE["traces"] = "tracer"
USUAL = {"ledger": "sqlite"}
"""The component of a section that says options without `use`."""
LISTS = {"preparers": "preparer", "rerankers": "reranker", "wrappers": "wrapper"}
PLACES = ("query", "passages", "answer")
SETTINGS: dict[str, type[Options]] = {
    **{"prompt": PromptOptions, "pictures": PictureOptions},
    **{"answer": AnswerOptions, "access": AccessOptions, "gateway": GatewayOptions, "prices": PriceOptions},
}
HEAD = ("recipe", "extends", "profiles")
"""What a recipe says of itself as a file; neither a profile nor `--set` can say it."""
CONTENT = ("description", *ONE, *LISTS, "embedders", "guardrails", *SETTINGS, "licences", "gate")
SECTIONS = (*HEAD, *CONTENT)


def holds_a_list(path: tuple[str, ...]) -> bool:
    """Say whether a list of components stands at this path of keys."""
    return path[0] in LISTS if len(path) == 1 else len(path) == 2 and path[0] == "guardrails" and path[1] in PLACES  # noqa: PLR2004 - guardrails.query
