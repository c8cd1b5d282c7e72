"""An answer as it comes: events that a script of the page puts in their places."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence

from imagora import Answer, Found, Passage
from imagora.events import AnswerDone, Event, PassagesFound, TextPart

from imagora_gateway.completion import event
from imagora_gateway.errors import refusal_of

from .problems import problem_of
from .rendering import rendered
from .result import View


async def events_of(view: View, first: Sequence[Event], rest: AsyncGenerator[Event]) -> AsyncGenerator[str]:
    """Give the events: `passages`, `word` after word (plain text), and `done` or `failed` as the last."""
    try:
        for given in first:
            async for one in _told(view, given):
                yield one
        async for given in rest:
            async for one in _told(view, given):
                yield one
    except Exception as error:  # the status is sent: what is wrong now comes as an event
        said = problem_of(view.request, refusal_of(error))
        yield event({"failed": rendered("problem.html", view.request, **said)})


async def _told(view: View, given: Event) -> AsyncGenerator[str]:
    if isinstance(given, PassagesFound):
        yield await asyncio.to_thread(_passages, view, given.passages)
    elif isinstance(given, TextPart):
        yield event({"word": given.text})
    elif isinstance(given, AnswerDone):
        yield await asyncio.to_thread(_done, view, given.answer)


def _passages(view: View, passages: tuple[Passage, ...]) -> str:
    cards = view.cards(Found(passages, ()), under_way=True)
    return event({"passages": rendered("passages.html", view.request, **around(view, cards))})


def _done(view: View, answer: Answer) -> str:
    shown = {"answer": view.answer(answer), "record": view.record(answer), **around(view, view.cards(answer))}
    done = {name: rendered(f"{name}.html", view.request, **shown) for name in ("answer", "passages", "record")}
    return event({"done": done, "text": answer.text})


def around(view: View, cards: object) -> dict[str, object]:
    """Give what the templates of a result need besides the answer."""
    return {"cards": cards, "recipe": view.served.name, "token": view.token, "empty": not cards and view.empty()}
