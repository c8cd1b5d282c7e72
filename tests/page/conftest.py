"""A gateway that is served, and Chromium that looks at its page, and at every request that the page makes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import imagora_hybrid
import imagora_ingestion
import imagora_qdrant
import pytest
import toys
from chromium import ALONE, chromium
from imagora.catalog import Catalog
from playwright.sync_api import Browser, Page, sync_playwright

from ..gateway import breaks_off, slow_words
from ..gateway.live import Live, ingested, served
from . import crashes, says
from .corpus import ITEMS

WATCH = """
window.hits = [];
window.hit = (number) => window.hits.push(number);
window.alert = window.confirm = window.prompt = () => window.hits.push("dialog");
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) => window.violations.push(event.violatedDirective));
"""
"""What every page begins with: payloads call `hit`, and what a browser had to stop is written down."""
CATALOG = Catalog.of(toys, imagora_hybrid, imagora_ingestion, imagora_qdrant, slow_words, breaks_off, says, crashes)


@dataclass
class Looked:
    """A page, and what happened on it besides what its test looks at."""

    page: Page
    url: str
    outside: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def open(self, path: str = "/") -> Page:
        self.page.goto(f"{self.url}{path}")
        return self.page

    def ask(self, words: str = "rose", button: str = "ask") -> Page:
        """Ask, and wait until the whole result is there."""
        if words:
            self.page.fill("#words", words)
        self.page.click(f'button[value="{button}"] >> nth=0')
        self.page.wait_for_selector("#result:not([aria-busy]) > *")
        return self.page


Look = Callable[..., Looked]


def until(page: Page, holds: str) -> None:
    """Wait until an expression holds; Playwright's own way evaluates in the page, which the page's policy forbids."""
    end = time.monotonic() + 20
    while not page.evaluate(holds):
        assert time.monotonic() < end, holds
        page.wait_for_timeout(20)


@pytest.fixture(scope="session")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    folder = tmp_path_factory.mktemp("page")
    fields = {"price": "float", "tags": "keyword"}
    recipes = [
        ingested(folder, "plain", CATALOG, index={"use": "qdrant", "path": "plain", "fields": fields}),
        ingested(folder, "slow", CATALOG, generator={"use": "slow_words"}),
        ingested(folder, "breaks", CATALOG, generator={"use": "breaks_off"}),
        ingested(
            folder,
            "hostile",
            CATALOG,
            source={"use": "toy_list", "items": list(ITEMS)},
            retriever={"use": "toy_retriever", "top_k": 100},
            generator={"use": "says_all"},
        ),
        ingested(folder, "empty", CATALOG, source={"use": "toy_list", "items": []}),
        ingested(
            folder,
            "degraded",
            CATALOG,
            embedders={"text": {"use": "crashes"}, "sparse": {"use": "toy_words"}},
            index={"use": "qdrant", "path": "degraded"},
            retriever={"use": "hybrid"},
        ),
    ]
    with served(folder, *recipes, catalog=CATALOG) as live:
        yield live


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    program = chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(ALONE))
        yield browser
        browser.close()


@pytest.fixture
def look(browser: Browser, live: Live) -> Iterator[Look]:
    """Open contexts of a browser; in the end, none of them may have asked for anything outside."""
    made: list[Looked] = []

    def look(url: str = live.url, width: int = 1280, **options: Any) -> Looked:
        context = browser.new_context(viewport={"width": width, "height": 800}, **options)
        context.set_default_timeout(20_000)
        context.add_init_script(WATCH)
        looked = Looked(context.new_page(), url)
        context.on("request", lambda request: _note(looked, request.url))
        looked.page.on("pageerror", lambda error: looked.errors.append(str(error)))
        made.append(looked)
        return looked

    yield look
    for looked in made:
        looked.page.context.close()
        assert looked.outside == []
        assert looked.errors == []


def _note(looked: Looked, address: str) -> None:
    parts = urlsplit(address)
    if parts.scheme not in {"blob", "data"} and parts.netloc != urlsplit(looked.url).netloc:
        looked.outside.append(address)


@pytest.fixture(scope="session")
def axe() -> str:
    """Give axe-core, which finds what somebody who cannot see or point could not use."""
    import axe_playwright_python

    return (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text("utf-8")
