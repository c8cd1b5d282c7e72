"""The report of a run: one HTML file with everything in it, that asks nothing of the network and runs no script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from imagora import Pipeline
from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from . import plots
from .pictures import Gallery, Shown
from .results import EvalRun, QueryResult
from .suite import Suite
from .summary import by_slice, estimates, facts, times, worst

WORST, FOUND, WANTED = 12, 4, 4
MEANT = {
    "RR": "reciprocal rank of the first relevant item; its mean is MRR",
    "AP": "average precision; its mean is MAP",
    "clipscore": "max(0, 2.5 cos) of the words and the first picture, by the recipe's own embedder",
    "refused": "the share of queries that were refused",
    "right_refusal": "of the queries that cannot be answered, the refused ones",
    "wrong_refusal": "of the queries that can be answered, the refused ones",
    "citation_precision": "of the cited items, the relevant ones",
    "citation_recall": "of the relevant items, as many as the prompt shows, the cited ones",
    "answer_similarity": "cosine of the answer and the expected one, by the recipe's text embedder",
    "groundedness": "of the answer's sentences, those that the guardrail grounding finds supported",
}


def render(run: EvalRun, suite: Suite, pipeline: Pipeline) -> str:
    """Give the page as HTML; every text in it is escaped. The pipeline must still be open: it decodes the pictures."""
    bad = worst(run, [name for name in suite.metrics if name in run.names()], WORST)
    gallery = Gallery(pipeline)
    try:
        cards = _cards(bad, suite, gallery)
    finally:
        gallery.close()
    found = estimates(run.results, run.names())
    first = next((name for name in suite.metrics if name in found), None)
    return page(
        "report.html.j2",
        title=f"{run.recipe} on {run.suite}",
        description=suite.description,
        at=moment(run.at),
        facts=facts(run),
        versions=run.versions,
        metrics=[(name, one, MEANT.get(name, "")) for name, one in found.items()],
        plot=Markup(plots.intervals(found).in_page()) if found else "",  # noqa: S704 - matplotlib escapes its texts
        slices=_slices(run, suite, first),
        first=first,
        times={name: [1000 * value for value in values] for name, values in times(run).items()},
        times_plot=Markup(plots.stage_times(times(run)).in_page()),  # noqa: S704 - as above
        worst=cards,
    )


def page(template: str, **values: Any) -> str:
    """Give a page of ours: its style goes in unescaped, being our own file, everything else is escaped."""
    style = Markup(_read("report.css"))  # noqa: S704 - not a user's text
    return _environment().get_template(template).render(style=style, **values)


def moment(at: float) -> str:
    """Give a moment in words, in UTC."""
    return datetime.fromtimestamp(at, tz=UTC).strftime("%Y-%m-%d %H:%M UTC")


def _slices(run: EvalRun, suite: Suite, first: str | None) -> list[dict[str, Any]]:
    keys = suite.slices or sorted({key for one in run.results for key in one.slices})
    names = [name for name in (*suite.metrics, "clipscore", "refused") if name in run.names()]
    listed = []
    for key, values in by_slice(run, keys).items():
        rows = {value: (len(results), estimates(results, names)) for value, results in values.items()}
        drawn = {value: found[first] for value, (_, found) in rows.items() if first in found}
        plot = Markup(plots.intervals(drawn, first or "").in_page()) if drawn else ""  # noqa: S704 - matplotlib escapes
        listed.append({"key": key, "names": names, "rows": rows, "plot": plot})
    return listed


def _cards(bad: Sequence[QueryResult], suite: Suite, gallery: Gallery) -> list[dict[str, Any]]:
    wanted = {one.id: list(suite.relevant(one.id).items())[:WANTED] for one in bad}
    uris = {uri for one in bad for uri, _ in one.ranking[:FOUND]} | {uri for all_ in wanted.values() for uri, _ in all_}
    shown = gallery.items(uris)
    expected = {query.id: query for query in suite.queries}
    cards = []
    for one in bad:
        query = expected[one.id]
        grades = suite.qrels.get(one.id, {})
        cards.append(
            {
                "result": one,
                "query": query,
                "asked": [uri for file in one.pictures if (uri := gallery.picture(Path(file)))],
                "found": [_item(uri, shown, grades.get(uri)) for uri, _ in one.ranking[:FOUND]],
                "wanted": [_item(uri, shown, grade) for uri, grade in wanted[one.id]],
                "places": {uri: place for place, (uri, _) in enumerate(one.ranking, start=1)},
                "metrics": {name: one.metrics[name] for name in suite.metrics if name in one.metrics},
            }
        )
    return cards


def _item(uri: str, shown: Mapping[str, Shown], grade: int | None) -> dict[str, Any]:
    return {"uri": uri, "grade": grade, "shown": shown.get(uri, Shown(uri))}


@cache
def _environment() -> Environment:
    loader = FunctionLoader(_read)
    return Environment(autoescape=True, undefined=StrictUndefined, loader=loader, trim_blocks=True, lstrip_blocks=True)


def _read(name: str) -> str:
    return files(__package__).joinpath("pages", name).read_text(encoding="utf-8")
