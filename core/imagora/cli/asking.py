"""`imagora search` and `imagora ask`: a query from the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from imagora.errors import QueryError

from .conditions import parse_filters
from .opening import open_pipeline

Recipe = Annotated[str, typer.Argument(help="A shipped recipe's name, or a recipe file.")]
Pictures = Annotated[list[Path] | None, typer.Option("-i", "--image", help="A picture to search with; more than once.")]
Filters = Annotated[
    list[str] | None,
    typer.Option(
        "--filter", help="A condition on metadata: key=value, key!=value, key=a|b, key<n, key>=n; all must hold."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print everything as JSON.")]
Top = Annotated[int | None, typer.Option("--top", min=1, help="How many passages to show.")]


def search(
    recipe: Recipe,
    words: Annotated[list[str] | None, typer.Argument(help="What to look for.")] = None,
    image: Pictures = None,
    filters: Filters = None,
    top: Top = 10,
    as_json: AsJson = False,
) -> None:
    """Find pictures and texts by words, by a picture, or by both."""
    text, where = " ".join(words or []), parse_filters(filters or [])
    if not text.strip() and not image:
        raise QueryError("say what to look for in words, or give a picture with -i FILE")
    with open_pipeline(recipe) as pipeline:
        found = pipeline.search(text, pictures=image or [], filter=where, top_k=top)
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
    as_json: AsJson = False,
    explain: Annotated[
        bool, typer.Option(help="Show passages, scores, times, and what each part is and is not.")
    ] = False,
) -> None:
    """Answer a question from what was ingested, with citations."""
    text, where = " ".join(question or []), parse_filters(filters or [])
    if not text.strip() and not image:
        raise QueryError("ask something in words, or give a picture with -i FILE")
    with open_pipeline(recipe) as pipeline:
        answer = pipeline.ask(text, pictures=image or [], filter=where, top_k=top)
        plan = pipeline.plan
    if as_json:
        typer.echo(json.dumps(answer.to_dict(), indent=2))
        return
    from .render import show_answer, show_plan

    console = Console()
    show_answer(console, answer, explain=explain)
    if explain:
        show_plan(console, plan)
