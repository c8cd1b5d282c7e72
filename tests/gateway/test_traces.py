"""An answer's trace: its id is that of the request, and who may look at traces is told where."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import imagora_ingestion
import toys
from imagora import BuildContext, Component, Options, hookimpl
from imagora.catalog import Catalog
from imagora.tracing import NoSpan, NoTracer, Traced, request
from imagora_gateway.caller import Caller

from .live import ByHeader, editor, ingested, served

TRACE = "0af7651916cd43dd8448eb211c80319c"
HEADERS = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}


class NoOptions(Options):
    """None."""


class InTrace(NoSpan):
    def __init__(self, trace: str) -> None:
        self.trace = trace


class PagedTracer(NoTracer):
    """Goes on with the request's trace, as a tracer should, and has a page for each."""

    @contextmanager
    def query(self, traced: Traced) -> Iterator[InTrace]:  # type: ignore[override]  # a span that knows more
        belongs = request.get()
        yield InTrace(belongs.trace if belongs else "")

    def address(self, trace: str) -> str | None:
        return f"http://traces.inside/{trace}"


class Paged:
    @hookimpl
    def offer_tracers(self) -> list[Component[Any]]:
        def build(_: NoOptions, __: BuildContext) -> PagedTracer:
            return PagedTracer()

        return [Component("paged", "has pages", NoOptions, build)]


CATALOG = Catalog.of(toys, imagora_ingestion, Paged())


def test_an_answer_has_its_requests_trace_and_the_page_for_who_may_look(tmp_path: Path) -> None:
    recipe = ingested(tmp_path, catalog=CATALOG, traces={"use": "paged"})
    asked = {"recipe": "toys", "words": "rose"}
    with served(tmp_path, recipe, catalog=CATALOG) as live, live.client(headers=HEADERS) as client:
        for door in ("/v1/ask", "/v1/search"):
            assert client.post(door, json=asked).json()["trace"] == {
                "id": TRACE,
                "address": f"http://traces.inside/{TRACE}",
            }
        with live.client() as other:
            own = [other.post("/v1/ask", json=asked).json()["trace"]["id"] for _ in range(2)]
        assert len({TRACE, *own}) == 3 and all(len(one) == 32 for one in own)
        live.app.state.gateway.doorkeeper = ByHeader(editor("anybody"))
        told = client.post("/v1/ask", json=asked, headers={"x-caller": "anybody"}).json()["trace"]
    assert told == {"id": TRACE, "address": None}


def test_without_a_tracer_the_trace_is_what_the_log_has(client: httpx.Client) -> None:
    told = client.post("/v1/ask", json={"recipe": "toys", "words": "rose"}, headers=HEADERS).json()["trace"]
    assert told == {"id": TRACE, "address": None}


def test_the_page_links_to_the_trace_for_who_may_look(tmp_path: Path) -> None:
    recipe = ingested(tmp_path, catalog=CATALOG, traces={"use": "paged"})
    link = f'href="http://traces.inside/{TRACE}"'
    with served(tmp_path, recipe, catalog=CATALOG) as live, live.client(headers=HEADERS) as client:
        live.app.state.gateway.doorkeeper = ByHeader(editor("anybody"), Caller("boss", roles=frozenset({"admin"})))
        for who, linked in (("boss", True), ("anybody", False)):
            headers = {"x-caller": who, "authorization": "Bearer shown"}  # no form's token is asked of these
            page = client.post("/page/ask", data={"recipe": "toys", "words": "rose"}, headers=headers).text
            assert TRACE in page
            assert (link in page) is linked
