"""What a picture of a recipe shows: boxes in rows, on the road of an item and on the road of a query."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

from imagora_recipe.plan import Plan, Planned
from imagora_recipe_tools.said import said_by, secrets_of, without_secrets

Kind: TypeAlias = Literal["stage", "end", "store", "guardrail", "filter", "wrapper"]
Timed: TypeAlias = tuple[str, str, int]
Times: TypeAlias = Mapping[Timed, Sequence[float]]
DETAILS = 3
OTHERWISE = "when it fails"
_LONGEST = 200


@dataclass(frozen=True)
class Box:
    """A stage: its place in the recipe and its component, what is to know of it, and how long it took.

    timed: under which name its times are kept. time: in words, such as "17 ms, p95 31 ms".
    """

    label: str
    name: str
    details: tuple[str, ...] = ()
    kind: Kind = "stage"
    timed: Timed | None = None
    time: str = ""


Row: TypeAlias = tuple[Box, ...]


@dataclass(frozen=True)
class Scene:
    """Two roads: `items` ends in the index, which is the last row but for the ledger; `queries[searching]` searches it.

    Wrappers stand around `queries`, all but the first and the last row; the first wrapper is outermost.
    """

    title: str
    subtitle: str
    items: tuple[Row, ...] = ()
    index: Box | None = None
    queries: tuple[Row, ...] = ()
    searching: int = 0
    wrappers: tuple[Box, ...] = field(default=())


def scene_of(plan: Plan, times: Times | None = None) -> Scene:
    """Give the scene of a recipe; times: milliseconds of recent runs by stage, where they are to be shown."""
    boxes = _Boxes(plan, times or {})
    queries = boxes.queries()
    searching = next((n for n, row in enumerate(queries) if row[0].label == "retriever"), 0)
    scene = Scene(
        title=plan.name,
        subtitle=f"recipe {plan.hash}" + (f", traces: {plan.traces.name}" if plan.traces else ""),
        items=tuple(boxes.items()) if plan.index else (),
        index=boxes.index(),
        queries=tuple(_timed(row, times or {}) for row in queries),
        searching=searching,
        wrappers=tuple(boxes.box("wrapper", one, "wrapper", f"wrappers[{n}]") for n, one in enumerate(plan.wrappers)),
    )
    return scene if times is None else replace(scene, subtitle=f"{scene.subtitle}, {_runs(times)}")


class _Boxes:
    """Makes the boxes of a plan."""

    def __init__(self, plan: Plan, times: Times) -> None:
        self.plan, self.times, self.secrets = plan, times, secrets_of(plan)
        here = Path.cwd()
        self.said = said_by(
            plan, lambda p: str(p.absolute().relative_to(here) if p.absolute().is_relative_to(here) else p)
        )

    def items(self) -> Iterator[Row]:
        plan, limits = self.plan, self.plan.pictures
        engine = (f"engine {plan.engine.name}",) if plan.engine else ()
        source = (
            self.box("source", plan.source, "end", "source") if plan.source else Box("source", "--source", (), "end")
        )
        yield (replace(source, details=(*source.details, *engine)[:DETAILS]),)
        bounds = f"{limits.max_side} px, up to {limits.max_megapixels:g} megapixels, {limits.seconds:g} s"
        yield (Box("pictures", "decode, upright, RGB", (bounds,)),)
        for number, planned in enumerate(plan.preparers):
            yield (self.box("preparer", planned, "stage", f"preparers[{number}]"),)
        if plan.embedders:
            yield tuple(self.box(leg, one, "stage", f"embedders.{leg}") for leg, one in plan.embedders.items())

    def index(self) -> Box | None:
        if self.plan.index is None:
            return None
        box = self.box("index", self.plan.index, "store", "index")
        ledger = self.plan.ledger.name if self.plan.ledger else "sqlite"
        return replace(box, details=(*box.details[: DETAILS - 1], f"ledger {ledger}"))

    def queries(self) -> list[Row]:
        return [row for row in self._queries() if row]

    def box(self, label: str, planned: Planned, kind: Kind, place: str, timed: Timed | None = None) -> Box:
        return Box(label, planned.name, tuple(self._options(planned, place)), kind, timed)

    def _queries(self) -> Iterator[Row]:
        plan = self.plan
        yield (Box("query", "words, pictures, filter", (), "end"),)
        for number, one in enumerate(plan.preparers):  # whether one reads a query's pictures, only its stage knows
            if (timed := ("preparer (query)", one.name, 0)) in self.times:
                yield (self.box("preparer (query)", one, "stage", f"preparers[{number}]", timed),)
        yield from self._guardrails("query")
        if plan.retriever:
            if fields := [f"{name} = {value}" for name, value in plan.access.model_dump().items() if value]:
                yield (Box("filter and access", "only what the asker may see", tuple(fields), "filter"),)
            retriever = self.box(
                "retriever", plan.retriever, "stage", "retriever", ("retriever", plan.retriever.name, 0)
            )
            if isinstance(fields := self.said.get("index", {}).get("fields"), dict) and fields:
                retriever = replace(
                    retriever, details=(*retriever.details[: DETAILS - 1], f"filters: {', '.join(fields)}")
                )
            yield (retriever,)
        yield from self._numbered("reranker", plan.rerankers, "stage", "rerankers", "reranker")
        if plan.retriever:
            yield from self._guardrails("passages")
        if plan.generator is None:
            yield (Box("passages", "best first", (), "end"),)
            return
        shown = f"{plan.prompt.passages} passages, {plan.prompt.pictures} pictures"
        yield (Box("prompt", "template", (shown,), "stage", ("prompt", "template", 0)),)
        yield tuple(self._generators())
        cited = "required" if plan.answer.require_citations else "numbers that mean nothing are taken out"
        yield (Box("citations", "checked against the passages", (cited,)),)
        yield from self._guardrails("answer")
        yield (Box("answer", "text with citations", (f"within {plan.answer.deadline:g} s",), "end"),)

    def _generators(self) -> Iterator[Box]:
        generator, other = self.plan.generator, self.plan.answer.fallback
        assert generator is not None  # noqa: S101 - looked at before
        yield self.box("generator", generator, "stage", "generator", ("generator", generator.name, 0))
        if isinstance(other, Planned):
            number = int(other.name == generator.name)
            yield self.box(OTHERWISE, other, "stage", "answer.fallback", ("generator", other.name, number))
        elif other:
            yield Box(OTHERWISE, "passages alone")

    def _guardrails(self, place: Any) -> Iterator[Row]:
        listed = self.plan.guardrails.get(place, ())
        return self._numbered(
            f"guardrail ({place})", listed, "guardrail", f"guardrails.{place}", f"guardrail ({place})"
        )

    def _numbered(self, label: str, listed: Sequence[Planned], kind: Kind, place: str, timed: str) -> Iterator[Row]:
        seen: dict[str, int] = {}
        for number, planned in enumerate(listed):
            nth = seen[planned.name] = seen.get(planned.name, -1) + 1
            yield (self.box(label, planned, kind, f"{place}[{number}]", (timed, planned.name, nth)),)

    def _options(self, planned: Planned, place: str) -> Iterator[str]:
        """Give what the recipe says of a component that is no default, without secrets."""
        usual = type(planned.options).model_fields
        said: Any = self.said
        for step in place.replace("[", ".").replace("]", "").split("."):
            said = said[int(step)] if isinstance(said, list) else said[step]
        told = {
            name: value
            for name, value in said.items()
            if name in planned.options.model_fields_set and getattr(planned.options, name) != usual[name].default
        }
        for name, value in list(without_secrets(told, self.secrets).items())[:DETAILS]:
            yield f"{name}: {_short(value)}"


def _short(value: Any) -> str:
    if isinstance(value, dict):
        return (
            str(value["use"]) if "use" in value else ", ".join(f"{key} {_short(part)}" for key, part in value.items())
        )
    said = ", ".join(map(_short, value)) if isinstance(value, list) else str(value)
    return " ".join(said.split())[:_LONGEST]


def _timed(row: Row, times: Times) -> Row:
    return tuple(replace(box, time=_time(times[box.timed])) if box.timed and box.timed in times else box for box in row)


def _time(milliseconds: Sequence[float]) -> str:
    ordered = sorted(milliseconds)
    median, late = (ordered[min(len(ordered) - 1, int(share * len(ordered)))] for share in (0.5, 0.95))
    return f"{_ms(median)} · p95 {_ms(late)}"


def _ms(milliseconds: float) -> str:
    if milliseconds >= 999.5:  # noqa: PLR2004 - rounds to a second
        return f"{milliseconds / 1000:.1f} s"
    return f"{milliseconds:.0f} ms" if milliseconds >= 10 else f"{milliseconds:.1f} ms"  # noqa: PLR2004 - two digits


def _runs(times: Times) -> str:
    most = max((len(one) for one in times.values()), default=0)
    return f"median and p95 of {most} runs" if most else "no runs are known"
