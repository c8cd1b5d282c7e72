"""`imagora feedback`: what users thought of answers, as a suite to measure recipes with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from imagora.errors import QueryError

app = typer.Typer(add_completion=False, no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Look at the feedback that a gateway was given."""


@app.command()
def export(
    suite: Annotated[Path, typer.Argument(help="The folder to write the suite into; it must be new or empty.")],
    recipe: Annotated[str | None, typer.Option(help="The feedback of this recipe alone.")] = None,
    folder: Annotated[Path, typer.Option(help="The gateway's folder.")] = Path(".imagora/gateway"),
) -> None:
    """Write feedback as a suite: liked citations are relevant, disliked ones are not, liked answers are good ones."""
    from .feedback import Feedback, write_suite

    if not (folder / "feedback.sqlite").is_file():
        what = f"there is no feedback in '{folder}'; say where the gateway keeps it with: --folder DIR"
        raise QueryError(what, code="IMG-122")
    if suite.exists() and any(suite.iterdir()):
        raise QueryError(f"'{suite}' is not empty; name a new folder", code="IMG-122")
    kept = Feedback(folder)
    try:
        judged = list(kept.all(recipe))
    finally:
        kept.close()
    if not judged:
        raise QueryError(f"there is no feedback on '{recipe}' in '{folder}'", code="IMG-122")
    queries = write_suite(suite, suite.resolve().name, judged)
    typer.echo(f"{queries} queries from {len(judged)} opinions in '{suite}'")
