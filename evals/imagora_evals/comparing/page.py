"""A comparison as a page: intervals drawn, and the queries that differ most with the pictures that each side found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from markupsafe import Markup

from imagora_evals import plots
from imagora_evals.laying import How, opened
from imagora_evals.pictures import Gallery, Shown
from imagora_evals.report import moment, page
from imagora_evals.suite import Suite

from .comparison import MINIMUM, Comparison, Difference
from .sides import Side
from .table import extremes

QUERIES, FOUND = 12, 4


def render(comparison: Comparison, sides: Sequence[Side], suite: Suite | None, how: How) -> str:
    """Give the page as HTML; pictures come from the suite's corpus, through a side that is a recipe."""
    first = comparison.differences[0]
    recipe = next((side.said for side in sides if not side.is_saved), None)
    with ExitStack() as stack:
        gallery = None
        if suite is not None and recipe is not None:
            gallery = Gallery(stack.enter_context(opened(recipe, suite, how)).pipeline)
            stack.callback(gallery.close)
        cards = _cards(comparison, first, suite, gallery)
    drawn = {one.metric: (one.mean, one.low, one.high) for one in comparison.differences}
    return page(
        "compare.html.j2",
        title=f"{comparison.a.recipe} and {comparison.b.recipe} on {comparison.a.suite}",
        comparison=comparison,
        first=first,
        cards=cards,
        minimum=MINIMUM,
        moment=moment,
        plot=Markup(plots.differences(drawn).in_page()),  # noqa: S704 - matplotlib escapes its texts
    )


def _cards(
    comparison: Comparison, one: Difference, suite: Suite | None, gallery: Gallery | None
) -> list[tuple[str, list[dict[str, Any]]]]:
    a, b = ({result.id: result for result in run.results} for run in (comparison.a, comparison.b))
    chosen = extremes(one, QUERIES // 2)
    uris = {uri for ids in chosen for query in ids for side in (a, b) for uri, _ in side[query].ranking[:FOUND]}
    shown: Mapping[str, Shown] = gallery.items(uris) if gallery is not None else {}
    qrels = suite.qrels if suite is not None else {}

    def card(query: str) -> dict[str, Any]:
        grades = qrels.get(query, {})
        asked = [gallery.picture(Path(file)) for file in a[query].pictures] if gallery is not None else []
        sides = [
            {
                "name": name,
                "value": side[query].metrics[one.metric],
                "found": [(uri, shown.get(uri, Shown(uri)), grades.get(uri)) for uri, _ in side[query].ranking[:FOUND]],
                "answer": side[query].answer,
            }
            for name, side in (("A", a), ("B", b))
        ]
        return {"id": query, "text": a[query].text, "asked": [one for one in asked if one], "sides": sides}

    headings = ("Losses of B", "Wins of B")
    return [(heading, [card(query) for query in ids]) for heading, ids in zip(headings, chosen, strict=True)]
