"""What axe-core finds on every page, in light and in dark, at a desk and on a phone: nothing serious."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from imagora_gateway.keys import Key, KeyFile
from playwright.sync_api import Page

from ..gateway.live import ingested, served
from .conftest import Look, until


def findings(page: Page, axe: str) -> list[str]:
    page.evaluate(axe)
    found: dict[str, Any] = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    assert found["passes"]
    bad = [one for one in found["violations"] if one["impact"] in {"serious", "critical"}]
    return [f"{one['id']}: {node['html'][:200]} {node['failureSummary']}" for one in bad for node in one["nodes"]]


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_can_be_used_by_everybody(look: Look, axe: str, scheme: str, width: int) -> None:
    looked = look(color_scheme=scheme, width=width)
    page = looked.open("/?recipe=plain")
    assert findings(page, axe) == []
    page.click(".filters summary")
    looked.ask("rose")
    page.click("#record summary")
    page.locator(".marker").first.click()
    assert findings(page, axe) == []
    page.get_by_label("Thumbs up").click()
    page.wait_for_selector(".thanks")
    page.locator(".like button").first.click()
    until(page, "!document.getElementById('answer')")
    assert findings(page, axe) == []
    page.fill('[name="from:price"]', "cheap")
    looked.ask("rose")
    assert findings(page, axe) == []


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_of_a_recipe_can_be_used_by_everybody(look: Look, axe: str, scheme: str, width: int) -> None:
    page = look(color_scheme=scheme, width=width).open("/page/recipes/plain")
    page.click("summary")
    assert findings(page, axe) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_signing_in_and_what_goes_wrong_can_be_used_by_everybody(
    look: Look, axe: str, tmp_path: Path, scheme: str
) -> None:
    KeyFile(tmp_path / "gateway" / "keys.sqlite").create(Key(id="", name="ann"))
    with served(tmp_path, ingested(tmp_path)) as live:
        page = look(live.url, color_scheme=scheme).open()
        assert findings(page, axe) == []
        page.fill("#key", "wrong")
        page.keyboard.press("Enter")
        page.wait_for_selector(".problem")
        assert findings(page, axe) == []
    assert findings(look(color_scheme=scheme).open("/page/recipes/none"), axe) == []
