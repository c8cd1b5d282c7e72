"""A scene as SVG: one file, no script, nothing from outside, readable on light and on dark."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from xml.sax.saxutils import escape, quoteattr

from .layout import GUTTER, HEAD, LABEL, LID, LINE, MARGIN, PAD, ROOM, SMALL, Frame, Layout, Placed, layout_of
from .lettering import lines, shown, width
from .scene import OTHERWISE, Scene

_STYLE = """
svg{font-family:system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;
--paper:#fff;--ink:#1c2430;--dim:#566172;--line:#8a95a5;--box:#f5f7fa;--end:#e6ebf2;--store:#e3eefb;
--guardrail:#c2410c;--filter:#0f766e;--wrapper:#6d28d9;--time:#0b5cad}
@media (prefers-color-scheme:dark){svg{--paper:#0f141b;--ink:#e8edf4;--dim:#a3afbf;--line:#6f7c8e;--box:#1a222d;
--end:#263140;--store:#15294a;--guardrail:#fb923c;--filter:#2dd4bf;--wrapper:#b79cff;--time:#7ab8ff}}
.paper{fill:var(--paper)}.box{fill:var(--box);stroke:var(--line)}.end{fill:var(--end);stroke:var(--line)}
.store{fill:var(--store);stroke:var(--line)}.frame{fill:none;stroke:var(--wrapper);stroke-dasharray:6 4}
.bar.guardrail,.mark.guardrail{fill:var(--guardrail)}.bar.filter,.mark.filter{fill:var(--filter)}
.mark.wrapper{fill:var(--wrapper)}.arrow{fill:none;stroke:var(--line);stroke-width:1.6}.head{fill:var(--line)}
text{fill:var(--ink)}.label,.detail{fill:var(--dim)}.label.guardrail{fill:var(--guardrail)}
.label.filter{fill:var(--filter)}.label.wrapper{fill:var(--wrapper)}.time{fill:var(--time)}.bold,.title{font-weight:600}
.label,.detail,.time{font-size:13px}.name{font-size:15px}.title{font-size:20px}
"""
_SHIELD = "M7 0 13 2.4V7C13 10.6 10.4 13 7 14.2 3.6 13 1 10.6 1 7V2.4Z"
_FUNNEL = "M0 1H14L8.8 7.4V13.2L5.2 11.4V7.4Z"
_BOLT = "M8.6 0 2 8H6.2L4.8 14.2 12 5.6H7.6Z"
_MARKS = {"guardrail": _SHIELD, "filter": _FUNNEL, "wrapper": _BOLT}
_LEGEND = (("guardrail", "guardrail"), ("filter", "filter and access"), ("wrapper", "wrapper: cache, retry …"))


def svg_of(scene: Scene) -> str:
    """Draw a scene; every text of it is escaped."""
    layout = layout_of(scene)
    return "\n".join(_drawn(layout)) + "\n"


def _drawn(layout: Layout) -> Iterator[str]:
    size = f'width="{layout.width:g}" height="{layout.height:g}" viewBox="0 0 {layout.width:g} {layout.height:g}"'
    title = quoteattr(shown(f"The recipe {layout.scene.title}"))
    yield f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label={title}>'
    yield f"<style>{_STYLE}</style>"
    yield f'<rect class="paper" width="{layout.width:g}" height="{layout.height:g}"/>'
    room = layout.width - 2 * MARGIN
    yield from (_text(MARGIN, 34, one, "title") for one in lines(layout.scene.title, room, 20, 1, bold=True))
    yield from (_text(MARGIN, 56, one, "detail") for one in lines(layout.scene.subtitle, room, SMALL, 1))
    yield from (_text(x, HEAD - 12, said, "label bold") for x, said in layout.lanes)
    for frame in layout.frames:
        yield from _frame(frame)
    yield from _arrows(layout)
    for row in (*layout.items, *layout.queries):
        for placed in row:
            yield from _box(placed)
    yield from _legend(layout)
    yield "</svg>"


def _box(placed: Placed) -> Iterator[str]:
    box, kind = placed.box, placed.box.kind
    whole = ": ".join((box.label, box.name)) + "".join(f"\n{detail}" for detail in box.details)
    yield f"<g><title>{escape(''.join(map(shown, whole.splitlines(keepends=True))))}</title>"
    if kind == "store":
        yield _store(placed)
    else:
        form, corner = ("end", 18) if kind == "end" else ("box", 6)
        yield _rect(placed.x, placed.y, (placed.width, placed.height), form, corner)
    if kind in _MARKS:
        yield _rect(placed.x, placed.y, (6, placed.height), f"bar {kind}", 3)
    x, y = placed.x + PAD + 6, placed.y + PAD + SMALL + (LID if kind == "store" else 0)
    if kind in _MARKS:
        yield _mark(kind, x, y - 12)
    end = placed.x + placed.width - PAD
    narrow = box.time and placed.width < ROOM
    room = end - x - (20 if kind in _MARKS else 0) - (0 if narrow or not box.time else width(box.time, SMALL) + 8)
    label = "".join(lines(box.label, room, SMALL, 1))
    yield _text(x + (20 if kind in _MARKS else 0), y, label, f"label {kind}" if kind in _MARKS else "label")
    if box.time and not narrow:
        yield _text(end, y, box.time, "time", anchor="end")
    for line in placed.name:
        y += LINE + 1
        yield _text(x, y, line, "name bold")
    for line in placed.details:
        y += LINE
        yield _text(x, y, line, "detail")
    if narrow:
        yield from (_text(x, y + LINE, one, "time") for one in lines(box.time, end - x, SMALL, 1))
    yield "</g>"


def _store(placed: Placed) -> str:
    """Draw what keeps things: a flat barrel."""
    x, y, w, h, arc = placed.x, placed.y, placed.width, placed.height, 7
    top = f"M{x:g} {y + arc:g}a{w / 2:g} {arc} 0 0 1 {w:g} 0a{w / 2:g} {arc} 0 0 1 {-w:g} 0"
    body = f"M{x:g} {y + arc:g}v{h - 2 * arc:g}a{w / 2:g} {arc} 0 0 0 {w:g} 0v{2 * arc - h:g}"
    return f'<path class="store" d="{body}"/><path class="store" d="{top}"/>'


def _frame(frame: Frame) -> Iterator[str]:
    yield f"<g><title>{escape(shown(f'wrapper: {frame.box.name}'))}</title>"
    yield _rect(frame.x, frame.y, (frame.width, frame.height), "frame", 12)
    yield _mark("wrapper", frame.x + 12, frame.y + 9)
    for line in frame.label:
        yield _text(frame.x + 32, frame.y + LABEL - 9, line, "label wrapper bold")
    yield "</g>"


def _arrows(layout: Layout) -> Iterator[str]:
    for column in (layout.items, layout.queries):
        for above, below in pairwise(column):
            for start in above if above[0].y == above[-1].y else above[-1:]:
                for end in below if below[0].y == below[-1].y else below[:1]:
                    if end.box.label != OTHERWISE and 1 in {len(above), len(below)}:
                        yield from _down(start if len(above) > 1 else end, start, end)
    if layout.items and layout.scene.index and layout.scene.searching:
        store, stage = layout.items[-1][0], layout.queries[layout.scene.searching][0]
        right, middle = store.x + store.width, store.y + store.height / 2
        goal, turn = stage.y + stage.height / 2, store.x + store.width + GUTTER / 3
        yield f'<path class="arrow" d="M{right:g} {middle:g}H{turn:g}V{goal:g}H{stage.x - 7:g}"/>'
        yield f'<path class="head" d="M{stage.x - 1:g} {goal:g}l-9 -5v10Z"/>'


def _down(where: Placed, start: Placed, end: Placed) -> Iterator[str]:
    x = where.middle
    yield f'<path class="arrow" d="M{x:g} {start.bottom:g}V{end.y - 7:g}"/>'
    yield f'<path class="head" d="M{x:g} {end.y - 1:g}l-5 -9h10Z"/>'


def _legend(layout: Layout) -> Iterator[str]:
    kinds = {placed.box.kind for row in layout.queries for placed in row} | {f.box.kind for f in layout.frames}
    x, y = float(MARGIN), layout.height - 24
    for kind, said in _LEGEND:
        if kind in kinds:
            yield _mark(kind, x, y - 12)
            yield _text(x + 20, y, said, "detail")
            x += 44 + width(said, SMALL)


def _mark(kind: str, x: float, y: float) -> str:
    return f'<path class="mark {kind}" d="{_MARKS[kind]}" transform="translate({x:g} {y:g})"/>'


def _rect(x: float, y: float, size: tuple[float, float], name: str, corner: float) -> str:
    at = f'x="{x:g}" y="{y:g}" width="{size[0]:g}" height="{size[1]:g}"'
    return f'<rect class="{name}" {at} rx="{corner:g}"/>'


def _text(x: float, y: float, said: str, name: str, *, anchor: str = "start") -> str:
    return f'<text class="{name}" x="{x:g}" y="{y:g}" text-anchor="{anchor}">{escape(said)}</text>'
