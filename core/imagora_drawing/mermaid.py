"""A scene as the text of a Mermaid flowchart, for pages that draw these, such as GitHub's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from .lettering import shown
from .scene import OTHERWISE, Box, Row, Scene

_FORMS = {"end": ('(["', '"])'), "store": ('[("', '")]'), "filter": ('{{"', '"}}')}
_STYLES = (
    "classDef guardrail stroke:#c2410c,stroke-width:2px",
    "classDef filter stroke:#0f766e,stroke-width:2px",
    "classDef wrapper stroke:#6d28d9,stroke-width:2px,stroke-dasharray:6 4",
)
_PLAIN = set(" .,:_-+/()=·…")
"""Signs that mean nothing to Mermaid within quotes; letters and digits neither, of any script."""


def mermaid_of(scene: Scene) -> str:
    """Write a scene; every text of it is escaped."""
    return "\n".join(_written(scene)) + "\n"


def _written(scene: Scene) -> Iterator[str]:
    yield "flowchart TB"
    if scene.items:
        yield '  subgraph items ["the road of an item"]'
        yield from _road("i", [*scene.items, *([(scene.index,)] if scene.index else [])], 4)
        yield "  end"
    yield '  subgraph queries ["the road of a query"]'
    yield from _queries(scene)
    yield "  end"
    if scene.items and scene.searching:
        yield f"  {_id('i', len(scene.items), 0)} --> {_id('q', scene.searching, 0)}"
    yield from (f"  {style}" for style in _STYLES)
    for number, row in enumerate(scene.queries):
        for place, box in enumerate(row):
            if box.kind in {"guardrail", "filter"}:
                yield f"  class {_id('q', number, place)} {box.kind}"
    yield from (f"  class w{number} wrapper" for number in range(len(scene.wrappers)))


def _queries(scene: Scene) -> Iterator[str]:
    rows, last = scene.queries, len(scene.queries) - 1
    yield f"    {_node('q', 0, 0, rows[0][0])}"
    for number, box in enumerate(scene.wrappers):
        yield f'    subgraph w{number} ["{_label(box)}"]'
    for number in range(1, last):
        yield from (f"    {_node('q', number, place, box)}" for place, box in enumerate(rows[number]))
    yield from ("    end" for _ in scene.wrappers)
    yield f"    {_node('q', last, 0, rows[last][0])}"
    yield from _arrows("q", rows, 4)


def _road(name: str, rows: Sequence[Row], indent: int) -> Iterator[str]:
    for number, row in enumerate(rows):
        yield from (" " * indent + _node(name, number, place, box) for place, box in enumerate(row))
    yield from _arrows(name, rows, indent)


def _arrows(name: str, rows: Sequence[Row], indent: int) -> Iterator[str]:
    for number, (above, below) in enumerate(pairwise(rows)):
        fallback = [place for place, box in enumerate(above) if box.label == OTHERWISE]
        for place in fallback:
            yield " " * indent + f"{_id(name, number, 0)} -.-> {_id(name, number, place)}"
        for start in range(len(above)):
            for end in range(len(below)):
                if below[end].label != OTHERWISE:
                    yield " " * indent + f"{_id(name, number, start)} --> {_id(name, number + 1, end)}"


def _id(name: str, number: int, place: int) -> str:
    return f"{name}{number}_{place}"


def _node(name: str, number: int, place: int, box: Box) -> str:
    before, after = _FORMS.get(box.kind, ('["', '"]'))
    details = "".join(f"<br/>{_escaped(said)}" for said in (*box.details, *([box.time] if box.time else [])))
    return f"{_id(name, number, place)}{before}{_label(box)}{details}{after}"


def _label(box: Box) -> str:
    return f"{_escaped(box.label)}: {_escaped(box.name)}"


def _escaped(text: str) -> str:
    """Write whatever could mean something to Mermaid, to Markdown or to HTML by its number."""
    said = " ".join(shown(text).split())
    said = said if len(said) <= 120 else f"{said[:119]}…"  # noqa: PLR2004 - a label's length
    return "".join(sign if sign.isalnum() or sign in _PLAIN else f"#{ord(sign)};" for sign in said)
