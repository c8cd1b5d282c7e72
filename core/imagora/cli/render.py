"""What a terminal shows of passages, answers and plans."""

from __future__ import annotations

from collections.abc import Sequence

from imagora_recipe.plan import Plan
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from imagora.answer import Answer, Passage, StageRecord

from .printable import printable


def show_passages(console: Console, passages: Sequence[Passage]) -> None:
    """Print passages as a table, best first, with the fused score and the raw score on each leg."""
    if not passages:
        console.print("nothing was found")
        return
    legs = list(dict.fromkeys(leg for passage in passages for leg in passage.scores))
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("", "title", "file"):
        table.add_column(heading, overflow="fold")
    for heading in ("score", *legs):
        table.add_column(heading, justify="right", no_wrap=True)
    for number, passage in enumerate(passages, start=1):
        scores = [f"{passage.scores[leg]:.3f}" if leg in passage.scores else "-" for leg in legs]
        fused = "-" if passage.score is None else f"{passage.score:.3f}"
        uri = printable(str(passage.node.metadata.get("uri", "")))
        title = printable(passage.title)
        table.add_row(f"[dim]\\[{number}][/]", escape("-" if title == uri else title), escape(uri), fused, *scores)
    console.print(table)


def show_answer(console: Console, answer: Answer, *, explain: bool = True) -> None:
    """Print an answer with its citations; with `explain` also the passages with their scores and the stages' times."""
    if answer.degraded:
        console.print(printable(f"the generator failed: {answer.degraded_because}"), style="yellow", markup=False)
    if answer.degraded and not answer.text:
        show_passages(console, answer.passages)
        return
    console.print(Padding(Text(printable(answer.text), style="yellow" if answer.refused else "bold"), (0, 0, 0, 2)))
    cited = {citation.number: citation for citation in answer.citations}
    for number, citation in sorted(cited.items()):
        licence = f", {citation.licence}" if citation.licence else ""
        line = f"  [{number}] {citation.title} ({citation.uri}{licence})"
        console.print(printable(line), style="dim", markup=False)
    if explain and answer.passages:
        console.print()
        show_passages(console, answer.passages)
    if explain:
        for verdict in answer.verdicts:
            why = ", ".join(verdict.reasons)
            line = f"guardrail {verdict.guardrail} ({verdict.place}): {verdict.action}: {why}"
            console.print(printable(line), markup=False)
        for record in answer.stages:
            for left_out in record.facts.get("left_out", ()):
                console.print(printable(f"picture left out: {left_out}"), style="dim", markup=False)
        console.print(stage_times(answer.stages), style="dim", markup=False, highlight=False)


def stage_times(stages: Sequence[StageRecord]) -> str:
    """Give the time of each stage in one line, in milliseconds."""
    return "time: " + " · ".join(
        f"{record.stage} {record.component}{_outcome(record)} {record.seconds * 1000:.1f} ms" for record in stages
    )


def _outcome(record: StageRecord) -> str:
    outcome, age = record.facts.get("outcome"), record.facts.get("age")
    return "" if outcome is None else f" {outcome}" + ("" if age is None else f" ({age:.0f} s old)")


def show_plan(console: Console, plan: Plan) -> None:
    """Print which components the recipe uses, and what each is and is not."""
    console.print(f"\nrecipe {plan.name} ({plan.hash})", markup=False, highlight=False)
    told: set[str] = set()
    for planned in plan.components():
        component = planned.offer.component
        console.print(f"  {planned.where}: {component.name}: {component.summary}", markup=False, highlight=False)
        if component.about and component.about not in told:
            told.add(component.about)
            console.print(Padding(Text(component.about, style="dim"), (0, 0, 0, 6)))
