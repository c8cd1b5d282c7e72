"""The demo's page: one HTML file with everything in it, that asks nothing of the network and runs no script."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from .pictures import thumbnail

if TYPE_CHECKING:
    from imagora import Answer, Passage

SHOWN_DETAILS = ("price", "licence", "credit", "category")


@dataclass(frozen=True)
class Asked:
    """A question with its answer: the words, why it is asked, the picture shown with it, and what came back."""

    words: str
    why: str
    answer: Answer
    picture: Path | None = None


@dataclass(frozen=True)
class Summary:
    """What the page says at its top: the recipe, the sum of all prints and of those without words, and the ingest."""

    recipe: str
    prints: int
    wordless: int
    ingest: str


def render_page(summary: Summary, asked: Sequence[Asked]) -> str:
    """Give the page as HTML; every text in it is escaped."""
    style = _read("page.css")
    digest = b64encode(hashlib.sha256(style.encode()).digest()).decode("ascii")
    policy = f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    inlined = cache(thumbnail)
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            # The style is our own file and goes in unescaped: the policy allows exactly these bytes, by their hash.
            style=Markup(style),  # noqa: S704 - not a user's text
            policy=policy,
            summary=summary,
            questions=[_question(number, each, inlined) for number, each in enumerate(asked, start=1)],
        )
    )


def _question(number: int, asked: Asked, inlined: Callable[[Path], str | None]) -> dict[str, Any]:
    answer = asked.answer
    cited = {citation.number for citation in answer.citations}
    best = _best_per_leg(answer.passages)
    slowest = max((stage.seconds for stage in answer.stages), default=0.0) or 1.0
    return {
        "anchor": f"q{number}",
        "number": number,
        "words": asked.words,
        "why": asked.why,
        "picture": inlined(asked.picture) if asked.picture else None,
        "segments": split_at_citations(answer, f"q{number}"),
        "passages": [
            _passage(f"q{number}-{place}", place, passage, best, inlined) | {"cited": place in cited}
            for place, passage in enumerate(answer.passages, start=1)
        ],
        "stages": [{"record": stage, "share": 100 * stage.seconds / slowest} for stage in answer.stages],
        "milliseconds": 1000 * sum(stage.seconds for stage in answer.stages),
        "verdicts": answer.verdicts,
    }


def split_at_citations(answer: Answer, anchor: str) -> list[dict[str, str | None]]:
    """Cut the answer's text at its citation markers; a marker's link is the anchor of the passage it stands for."""
    segments: list[dict[str, str | None]] = []
    after = 0
    for citation in sorted(answer.citations, key=lambda each: each.start):
        segments.append({"text": answer.text[after : citation.start], "link": None, "title": None})
        link = f"{anchor}-{citation.number}"
        segments.append({"text": answer.text[citation.start : citation.end], "link": link, "title": citation.title})
        after = citation.end
    segments.append({"text": answer.text[after:], "link": None, "title": None})
    return [segment for segment in segments if segment["text"]]


def _passage(
    anchor: str, place: int, passage: Passage, best: dict[str, float], inlined: Callable[[Path], str | None]
) -> dict[str, Any]:
    image = getattr(passage.node, "image_resource", None)  # a stranger's reranker may give a node without it
    picture = Path(image.path) if image is not None and image.path is not None else None
    metadata = passage.node.metadata
    return {
        "anchor": anchor,
        "place": place,
        "title": passage.title,
        "text": passage.get_content(),
        "wordless": not (passage.get_content() or metadata.get("title") or metadata.get("tags")),
        "picture": inlined(picture) if picture else None,
        "details": [(key, metadata[key]) for key in SHOWN_DETAILS if metadata.get(key) is not None],
        "score": passage.score,
        "legs": [
            {"name": leg, "score": score, "share": 100 * max(score, 0.0) / best[leg]}
            for leg, score in passage.scores.items()
        ],
    }


def _best_per_leg(passages: Sequence[Passage]) -> dict[str, float]:
    """Give the best score on each leg, at least a hair above zero, so that bars of one leg can be compared."""
    best: dict[str, float] = {}
    for passage in passages:
        for leg, score in passage.scores.items():
            best[leg] = max(best.get(leg, 1e-9), score)
    return best


@cache
def _environment() -> Environment:
    return Environment(autoescape=True, undefined=StrictUndefined, loader=FunctionLoader(_read), trim_blocks=True)


def _read(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")
