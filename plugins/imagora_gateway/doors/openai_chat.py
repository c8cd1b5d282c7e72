"""OpenAI's door: each recipe is a model; what the shapes leave open is in docs/gateway.md."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from imagora import Answer, Query
from imagora.errors import QueryError
from imagora.events import AnswerDone, Event, PassagesFound, TextPart

from imagora_gateway.addresses import addresses_of
from imagora_gateway.asking import Asking
from imagora_gateway.caller import Calling
from imagora_gateway.completion import DONE, Completion, cited, cut, event, url_citations
from imagora_gateway.conversation import ChatRequest, question
from imagora_gateway.errors import Refusal, refusal_of
from imagora_gateway.gateway import gateway_of
from imagora_gateway.leaving import EventStream, begun, unless_gone
from imagora_gateway.logs import request_id
from imagora_gateway.pictures import bytes_of
from imagora_gateway.recipes import Served

router = APIRouter(prefix="/v1", tags=["openai"])


@router.get("/models")
async def models(request: Request, caller: Calling) -> dict[str, Any]:
    """List the recipes that the caller may use, each by its name and by its name with its hash."""
    served = gateway_of(request).recipes.visible(caller)
    return {"object": "list", "data": [_model(one, id_) for one in served for id_ in (one.name, one.id)]}


@router.get("/models/{model}")
async def model(model: str, request: Request, caller: Calling) -> dict[str, Any]:
    """Give one recipe."""
    return _model(gateway_of(request).recipes.find(model, caller), model)


def _model(served: Served, id_: str) -> dict[str, Any]:
    return {"id": id_, "object": "model", "created": served.since, "owned_by": "imagora"}


@router.post("/chat/completions", response_model=None)
async def chat_completions(asked: ChatRequest, request: Request, caller: Calling) -> Response:
    """Answer the last question of a conversation from a recipe's index, with citations; whole or as a stream."""
    gateway = gateway_of(request)
    served = gateway.recipes.find(asked.model, caller)
    if asked.n not in (None, 1):
        raise Refusal(400, "n must be 1: a recipe has one answer", code="unsupported_value", param="n")
    if len(asked.messages) > gateway.settings.bounds.messages:
        said = f"there are {len(asked.messages)} messages, and {gateway.settings.bounds.messages} are the limit"
        raise Refusal(400, said, code="too_many_messages", param="messages")
    asking = Asking(gateway, served, caller, "/v1/chat/completions", request_id(request))
    with gateway.metrics.errors(served.name):
        query = await unless_gone(request, _query(asked, asking))
    completion = Completion(asked.model, served.id, query.query_str, asked.most)
    if not asked.stream:
        answer = await unless_gone(request, asking.answer(query))
        return JSONResponse(completion.whole(answer, addresses_of(request, served, answer.passages)))
    events = asking.stream(query)
    first = await unless_gone(request, begun(events, (PassagesFound, TextPart, AnswerDone)))
    usage = bool(asked.stream_options and asked.stream_options.include_usage)
    chunks = _Chunks(completion, request, served, usage=usage)
    return EventStream(chunks.of(first, events), events)


async def _query(asked: ChatRequest, asking: Asking) -> Query:
    gateway = asking.gateway
    said = question(asked.messages, gateway.settings.bounds)
    plan = gateway.recipes.pipeline(asking.served).plan
    if plan.generator is None:
        what = f"the recipe '{asking.served.name}' has no generator; search with it at /v1/search"
        raise QueryError(what, code="IMG-506")
    pictures = await gateway.decoders.decoded(await bytes_of(said.pictures, gateway.fetcher_of(asking.served)), plan)
    return Query(said.words, pictures=pictures, principal=asking.caller.principal)


class _Chunks:
    """The chunks of one stream."""

    def __init__(self, completion: Completion, request: Request, served: Served, *, usage: bool) -> None:
        self._completion, self._request, self._served, self._usage = completion, request, served, usage
        self._shown = self._all = ""

    async def of(self, first: Sequence[Event], rest: AsyncGenerator[Event]) -> AsyncGenerator[str]:
        """Give the chunks: the role, the text as it grows, its end with the citations, the usage, and [DONE]."""
        yield self._completion.chunk({"role": "assistant", "content": "", "refusal": None}, usage=self._usage)
        try:
            for given in first:
                for chunk in self._chunks(given):
                    yield chunk
            async for given in rest:
                for chunk in self._chunks(given):
                    yield chunk
        except Exception as error:  # the status is sent: what is wrong now comes as an event
            yield event(refusal_of(error).openai())
        yield DONE

    def _chunks(self, given: Event) -> list[str]:
        if isinstance(given, TextPart):
            return self._grown(self._all + given.text)
        return self._end(given.answer) if isinstance(given, AnswerDone) else []

    def _grown(self, text: str) -> list[str]:
        self._all = text
        new = cut(text, self._completion.most)[len(self._shown) :]
        self._shown += new
        return [self._completion.chunk({"content": new}, usage=self._usage)] if new else []

    def _end(self, answer: Answer) -> list[str]:
        # What was shown stays; an answer that is another one, of a fallback or a guardrail, comes behind it.
        before = "" if answer.text.startswith(self._all) else f"{self._all}\n\n"
        chunks = self._grown(before + answer.text)
        addresses = addresses_of(self._request, self._served, answer.passages)
        there = [one for one in answer.citations if one.end + len(before) <= len(self._shown)]
        finish = self._completion.finish(answer, self._shown[len(before) :])
        last = {"annotations": url_citations(there, addresses, len(before))} if there else {}
        chunks.append(
            self._completion.chunk(last, finish, usage=self._usage, **cited(answer.passages, there, addresses))
        )
        return [*chunks, self._completion.used(self._shown)] if self._usage else chunks
