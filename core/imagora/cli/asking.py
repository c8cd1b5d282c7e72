"""`imagora search` and `imagora ask`: a query from the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from imagora.errors import QueryError

from .conditions import parse_filters
from .opening import Assigned, Locked, Profile, Recipe, open_pipeline

if TYPE_CHECKING:
    from imagora.pipeline import QueryParts

Pictures = Annotated[list[Path] | None, typer.Option("-i", "--image", help="A picture to search with; more than once.")]
Filters = Annotated[
    list[str] | None,
    typer.Option(
        "--filter", help="A condition on metadata: key=value, key!=value, key=a|b, key<n, key>=n; all must hold."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print everything as JSON.")]
Unlike = Annotated[str, typer.Option("--not", help="What the passages should be unlike, in words.")]
UnlikePictures = Annotated[list[Path] | None, typer.Option("--not-image", help="A picture to move away from.")]
Weights = Annotated[
    list[str] | None, typer.Option("--weight", help="How much a leg counts in this query: image=2, text=0.5.")
]
Tenant = Annotated[str, typer.Option("--tenant", help="Whose items to search, where the recipe has `access`.")]
Groups = Annotated[list[str] | None, typer.Option("--group", help="A group that you belong to; more than once.")]
NoCache = Annotated[bool, typer.Option("--no-cache", help="Look nothing up that a cache of the recipe kept.")]
Top = Annotated[int | None, typer.Option("--top", min=1, help="How many passages to show.")]


def search(
    recipe: Recipe,
    words: Annotated[list[str] | None, typer.Argument(help="What to look for.")] = None,
    image: Pictures = None,
    filters: Filters = None,
    top: Top = 10,
    unlike: Unlike = "",
    unlike_image: UnlikePictures = None,
    weight: Weights = None,
    tenant: Tenant = "",
    group: Groups = None,
    profile: Profile = None,
    assigned: Assigned = None,
    locked: Locked = False,
    no_cache: NoCache = False,
    as_json: AsJson = False,
) -> None:
    """Find pictures and texts by words, by a picture, or by both."""
    text = " ".join(words or [])
    parts = _parts(image, filters, top, unlike, unlike_image, weight, tenant, group)
    parts["fresh"] = no_cache
    if not text.strip() and not image:
        raise QueryError("say what to look for in words, or give a picture with -i FILE", code="IMG-502")
    with open_pipeline(recipe, profile, assigned, locked=locked) as pipeline:
        found = pipeline.search(text, **parts)
    from imagora.answer import passages_to_dicts

    from .render import show_passages

    if as_json:
        typer.echo(json.dumps({"passages": passages_to_dicts(found.passages)}, indent=2))
    else:
        show_passages(Console(), found.passages)


def ask(
    recipe: Recipe,
    question: Annotated[list[str] | None, typer.Argument(help="The question.")] = None,
    image: Pictures = None,
    filters: Filters = None,
    top: Top = None,
    unlike: Unlike = "",
    unlike_image: UnlikePictures = None,
    weight: Weights = None,
    tenant: Tenant = "",
    group: Groups = None,
    profile: Profile = None,
    assigned: Assigned = None,
    locked: Locked = False,
    no_cache: NoCache = False,
    as_json: AsJson = False,
    explain: Annotated[
        bool, typer.Option(help="Show passages, scores, times, and what each part is and is not.")
    ] = False,
) -> None:
    """Answer a question from what was ingested, with citations."""
    text = " ".join(question or [])
    parts = _parts(image, filters, top, unlike, unlike_image, weight, tenant, group)
    parts["fresh"] = no_cache
    if not text.strip() and not image:
        raise QueryError("ask something in words, or give a picture with -i FILE", code="IMG-502")
    with open_pipeline(recipe, profile, assigned, locked=locked) as pipeline:
        answer = pipeline.ask(text, **parts)
        plan = pipeline.plan
    if as_json:
        typer.echo(json.dumps(answer.to_dict(), indent=2))
        return
    from .render import show_answer, show_plan

    console = Console()
    show_answer(console, answer, explain=explain)
    if explain:
        show_plan(console, plan)


def _parts(
    image: list[Path] | None,
    filters: list[str] | None,
    top: int | None,
    unlike: str,
    unlike_image: list[Path] | None,
    weight: list[str] | None,
    tenant: str,
    group: list[str] | None,
) -> QueryParts:
    principal = None
    if tenant or group:
        from imagora.query import Principal

        principal = Principal(tenant, tuple(group or ()))
    return {
        "pictures": image or [],
        "filter": parse_filters(filters or []),
        "top_k": top,
        "negative": unlike,
        "negative_pictures": unlike_image or [],
        "weights": dict(_weight(said) for said in weight or []),
        "principal": principal,
    }


def _weight(said: str) -> tuple[str, float]:
    leg, _, number = said.partition("=")
    try:
        return leg, float(number)
    except ValueError:
        what = f"a weight is said as leg=number, such as image=2, and this is '{said}'"
        raise QueryError(what, code="IMG-505") from None
