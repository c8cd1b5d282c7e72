"""What is found and answered, as JSON: our own doors and the page show the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from imagora import Answer, Citation, Found, Passage, StageRecord
from imagora.answer import GuardrailRecord
from starlette.requests import HTTPConnection

from .addresses import addresses_of
from .caller import Caller
from .gateway import gateway_of
from .logs import request_id, trace_id
from .recipes import Served

Shown: TypeAlias = dict[str, Any]
LOOK_AT_TRACES = frozenset({"evaluator", "admin"})
"""The roles that are told where an answer's trace can be looked at."""


def show(connection: HTTPConnection, served: Served, caller: Caller, result: Answer | Found) -> Shown:
    """Give an answer, or what was found, with addresses that are good for this caller."""
    thumbnails = thumbnails_of(connection, caller, result)
    addresses = addresses_of(connection, served, result.passages)
    shown: Shown = {"request": request_id(connection), "recipe": served.name, "recipe_hash": served.hash}
    if isinstance(result, Answer):
        shown |= {"recipe_hash": result.recipe_hash or served.hash, "text": result.text}
        shown |= {"refused": result.refused, "degraded": result.degraded}
        shown["citations"] = [_citation(one, addresses, thumbnails) for one in result.citations]
    shown["trace"] = trace_of(connection, served, caller, result)
    return shown | {
        "passages": [
            _passage(number, one, addresses, thumbnails) for number, one in enumerate(result.passages, start=1)
        ],
        "stages": [_stage(one) for one in result.stages],
        "verdicts": [_verdict(one) for one in result.verdicts],
    }


def thumbnails_of(connection: HTTPConnection, caller: Caller, result: Answer | Found) -> dict[str, str]:
    """Give the addresses of thumbnails by passage's id.

    None of them where a guardrail acted on the passages: what it took out of a text may be seen in its picture.
    """
    if any(verdict.place == "passages" for verdict in result.verdicts):
        return {}
    tokens = gateway_of(connection).thumbnails.tokens(result.passages, caller)
    return {id_: f"{connection.base_url}v1/thumbnails/{token}" for id_, token in tokens.items()}


def trace_of(connection: HTTPConnection, served: Served, caller: Caller, result: Answer | Found) -> Shown:
    """Give the id under which logs and the tracer know an answer, and its address for those who may look there."""
    # The address is of a server inside, which is nobody's business who only asks.
    may_look = bool(caller.roles & LOOK_AT_TRACES)
    pipeline = gateway_of(connection).recipes.pipeline(served)
    address = pipeline.trace_address(result.trace) if may_look else None
    return {"id": result.trace or trace_id(connection), "address": address}


def _passage(number: int, passage: Passage, addresses: dict[str, str], thumbnails: dict[str, str]) -> Shown:
    return {
        "number": number,
        "id": passage.node_id,
        "title": passage.title,
        "score": passage.score,
        "scores": passage.scores,
        "text": passage.get_content(),
        "metadata": passage.node.metadata,
        "url": addresses[passage.node_id],
        "thumbnail": thumbnails.get(passage.node_id),
    }


def _citation(citation: Citation, addresses: dict[str, str], thumbnails: dict[str, str]) -> Shown:
    return {
        "number": citation.number,
        "start": citation.start,
        "end": citation.end,
        "id": citation.item_id,
        "title": citation.title,
        "licence": citation.licence,
        "url": addresses[citation.item_id],
        "thumbnail": thumbnails.get(citation.item_id),
    }


def _stage(stage: StageRecord) -> Shown:
    # Numbers alone: words in facts may be errors with paths in them, or a piece of what was asked.
    facts = {name: value for name, value in stage.facts.items() if isinstance(value, int | float)}
    return {"stage": stage.stage, "component": stage.component, "seconds": stage.seconds, "facts": facts}


def _verdict(verdict: GuardrailRecord) -> Shown:
    reasons: Sequence[str] = verdict.reasons
    return {
        "place": verdict.place,
        "guardrail": verdict.guardrail,
        "action": verdict.action,
        "reasons": list(reasons),
    }
