"""The command `imagora demo`: lay out the gallery, ingest it, ask the questions, write the page."""

from __future__ import annotations

import webbrowser
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from imagora.errors import MissingExtra
from rich.console import Console
from rich.markup import escape

from .catalogue import Catalogue, Question, read_catalogue
from .gallery import PIP_LINE, Gallery, find_photographs, lay_out

if TYPE_CHECKING:
    from imagora import Pipeline

    from .page import Asked

IN_PART = 3
"""The exit code where some pictures could not be ingested, as `imagora ingest` has it."""

SHOWN = 6
"""How many passages are shown for each question."""

app = typer.Typer(add_completion=False)


@app.command()
def demo(
    into: Annotated[
        Path, typer.Option("--into", metavar="DIR", help="Folder for the pictures, the index and the page.")
    ] = Path("imagora-demo"),
    recipe: Annotated[
        str, typer.Option("--recipe", metavar="NAME", help="Shipped recipe, or recipe file, to answer with.")
    ] = "starter",
    open_page: Annotated[bool, typer.Option("--open/--no-open", help="Open the page in the browser.")] = False,
) -> None:
    """Make a small gallery of photographs, ask it four questions and write a page to look at."""
    console = Console(highlight=False)
    photographs = find_photographs()
    if find_spec("jinja2") is None:
        raise MissingExtra(f"the demo's page is made with jinja2, which is not installed; type: {PIP_LINE}")
    catalogue, gallery = read_catalogue(), Gallery(into.expanduser().resolve())
    wordless = sum(not entry.words for entry in catalogue.prints)
    console.print(
        f"[bold]A gallery of {len(catalogue.prints)} photographs[/bold], {wordless} of them without a word: "
        "no title, no description, no tags."
    )
    lay_out(gallery, catalogue, photographs, recipe)
    all_ingested = _run(console, gallery, catalogue, recipe, wordless)
    _say_where(console, gallery, into)
    if open_page:
        webbrowser.open(gallery.page.as_uri())
    if not all_ingested:
        raise typer.Exit(IN_PART)


def _run(console: Console, gallery: Gallery, catalogue: Catalogue, recipe: str, wordless: int) -> bool:
    # Imported here, not above: `imagora demo --help` needs no LlamaIndex.
    import imagora

    from .ingesting import describe, ingest
    from .page import Summary, render_page

    with imagora.load(gallery.recipe) as pipeline:
        report = ingest(console, pipeline)
        asked = [_ask(console, pipeline, gallery, catalogue, question) for question in catalogue.questions]
    summary = Summary(recipe=recipe, prints=len(catalogue.prints), wordless=wordless, ingest=describe(report))
    gallery.page.write_text(render_page(summary, asked), encoding="utf-8")
    return not report.quarantined


def _ask(console: Console, pipeline: Pipeline, gallery: Gallery, catalogue: Catalogue, question: Question) -> Asked:
    from imagora.cli.render import show_answer

    from .page import Asked
    from .pictures import mirror_and_crop

    picture = None
    if question.picture:
        picture = gallery.asked / f"{question.picture}-mirrored.png"
        mirror_and_crop(gallery.pictures / catalogue.find(question.picture).picture, picture)
    console.print()
    console.rule(f"[bold]{escape(question.words or f'the picture {picture and picture.name}')}[/bold]", align="left")
    console.print(f"[dim]{escape(question.why)}[/dim]\n")
    answer = pipeline.ask(question.words, pictures=[picture] if picture else [], top_k=SHOWN)
    show_answer(console, answer)
    return Asked(words=question.words, why=question.why, answer=answer, picture=picture)


def _say_where(console: Console, gallery: Gallery, into: Path) -> None:
    console.print()
    console.print(f"The page with all pictures: [link={gallery.page.as_uri()}]{escape(str(gallery.page))}[/link]")
    shown = escape(str(into / gallery.recipe.name))
    console.print(f'Ask your own question:      imagora ask {shown} "is there a motorcycle?"', soft_wrap=True)
