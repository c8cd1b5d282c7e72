"""An answer, or what was found, as the templates show it: the text in pieces, passages as cards, stages as bars."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from imagora import Answer, Found, Passage
from imagora_recipe.plan import Plan
from starlette.requests import Request

from imagora_gateway.addresses import OWN
from imagora_gateway.caller import Caller
from imagora_gateway.gateway import gateway_of
from imagora_gateway.logs import request_id
from imagora_gateway.recipes import Served
from imagora_gateway.shown import trace_of

from .rendering import root_of

Shown: TypeAlias = dict[str, Any]
_TOLD_ELSEWHERE = {"uri", "title", "url", "text", "caption", "ocr_text", "licence"}
_MOST_DETAILS, _LONGEST_DETAIL, _LONGEST_TEXT = 5, 80, 600
_PLACES = {"query": "the question", "passages": "the passages", "answer": "the answer"}
_ACTS = {"redact": "took something out of", "refuse": "stopped"}


@dataclass
class View:
    """What one request is shown. An item's picture keeps its address, so that browsers need not load it twice."""

    request: Request
    served: Served
    caller: Caller
    plan: Plan
    token: str
    _tokens: dict[str, str] = field(default_factory=dict)

    def cards(self, result: Answer | Found, *, under_way: bool = False) -> list[Shown]:
        """Give the passages, best first; under_way: before it is known what guardrails did to them."""
        guarded = self.plan.guardrails.get("passages") if under_way else _guarded(result)
        tokens = {} if guarded else self._pictures(result.passages)
        cited = {one.number for one in result.citations} if isinstance(result, Answer) else set()
        most = _largest(result.passages)
        return [
            self._card(number, one, tokens.get(one.node_id, ""), most) | {"cited": number in cited}
            for number, one in enumerate(result.passages, start=1)
        ]

    def answer(self, answer: Answer) -> Shown:
        """Give the answer's text in pieces, and what is to be said about it."""
        return {
            "pieces": pieces_of(answer),
            "refused": answer.refused,
            "degraded": answer.degraded,
            "found": bool(answer.passages),
            "text": answer.text,
            "cited": len({one.number for one in answer.citations}),
        }

    def record(self, result: Answer | Found) -> Shown:
        """Give what happened: stages with their times, verdicts, and the names to find it by."""
        longest = max((one.seconds for one in result.stages), default=0) or 1
        return {
            "request": request_id(self.request),
            "recipe": self.served.name,
            "hash": (result.recipe_hash if isinstance(result, Answer) else "") or self.served.hash,
            "trace": trace_of(self.request, self.served, self.caller, result),
            "stages": [
                {
                    "stage": one.stage,
                    "component": one.component,
                    "seconds": one.seconds,
                    "share": 100 * one.seconds / longest,
                }
                for one in result.stages
            ],
            "left_out": sorted({leg for one in result.stages for leg in _left_out(one.facts)}),
            "verdicts": [
                {
                    "guardrail": one.guardrail,
                    "did": f"{_ACTS.get(one.action, one.action)} {_PLACES.get(one.place, one.place)}",
                    "reasons": ", ".join(one.reasons),
                }
                for one in result.verdicts
            ],
            "judged": isinstance(result, Answer),
        }

    def empty(self) -> bool:
        """Say whether the index holds nothing at all."""
        index = gateway_of(self.request).recipes.pipeline(self.served).stages.index
        return index is not None and index.count() == 0

    def _pictures(self, passages: Sequence[Passage]) -> dict[str, str]:
        new = [one for one in passages if one.node_id not in self._tokens]
        self._tokens |= gateway_of(self.request).thumbnails.tokens(new, self.caller)
        return self._tokens

    def _card(self, number: int, passage: Passage, token: str, most: dict[str, float]) -> Shown:
        metadata = passage.node.metadata
        text = passage.get_content()
        own = metadata.get(OWN)
        return {
            "number": number,
            "title": passage.title,
            "text": text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]}…",
            "details": list(_details(metadata, {self.plan.access.tenant, self.plan.access.groups})),
            "address": own if isinstance(own, str) and own.startswith(("http://", "https://")) else None,
            "token": token,
            "thumbnail": f"{root_of(self.request)}/v1/thumbnails/{token}" if token else None,
            "score": passage.score,
            "legs": [
                {"name": leg, "score": score, "share": 100 * max(score, 0) / most[leg]}
                for leg, score in passage.scores.items()
            ],
        }


def pieces_of(answer: Answer) -> list[Shown]:
    """Give the text in pieces, each plain or the marker of a passage."""
    pieces, at = list[Shown](), 0
    for one in sorted(answer.citations, key=lambda citation: citation.start):
        if one.start >= at:
            pieces.append({"text": answer.text[at : one.start], "number": None})
            pieces.append({"text": str(one.number), "number": one.number, "title": one.title})
            at = one.end
    return [*pieces, {"text": answer.text[at:], "number": None}]


def _details(metadata: dict[str, Any], hidden: set[str]) -> Iterable[tuple[str, str]]:
    licence = metadata.get("licence")
    rest = [(key, value) for key, value in metadata.items() if key not in _TOLD_ELSEWHERE | hidden]
    told = [(key, _told(value)) for key, value in rest]
    shown = [(key, value) for key, value in told if value][:_MOST_DETAILS]
    return [*shown, ("licence", _told(licence))] if _told(licence) else shown


def _told(value: Any) -> str:
    if isinstance(value, list) and all(isinstance(part, str | int | float) for part in value):
        value = ", ".join(map(str, value))
    if isinstance(value, bool):
        value = "yes" if value else "no"
    said = f"{value:g}" if isinstance(value, float) else str(value) if isinstance(value, str | int) else ""
    return said if len(said) <= _LONGEST_DETAIL else f"{said[:_LONGEST_DETAIL]}…"


def _largest(passages: Sequence[Passage]) -> dict[str, float]:
    most: dict[str, float] = {}
    for passage in passages:
        for leg, score in passage.scores.items():
            most[leg] = max(most.get(leg, 0), score)
    return {leg: score or 1 for leg, score in most.items()}


def _guarded(result: Answer | Found) -> bool:
    # What a guardrail took out of a text may be seen in its picture; as in `shown.thumbnails_of`.
    return any(verdict.place == "passages" for verdict in result.verdicts)


def _left_out(facts: Any) -> Iterable[str]:
    return [str(leg) for leg in facts.get("legs_left_out", ())] if facts.get("crashed") else ()
