"""Titles, texts, metadata, questions and answers that would be scripts: none runs, nothing is asked outside."""

from __future__ import annotations

import pytest

from .conftest import Look
from .corpus import CORPUS, ITEMS, SHAPES


def test_there_are_enough_shapes() -> None:
    assert len(set(SHAPES)) >= 60
    assert len(ITEMS) == len(SHAPES)


@pytest.mark.parametrize("policy", ["with its policy", "without its policy"])
@pytest.mark.parametrize("scripts", [True, False])
def test_nothing_in_titles_captions_and_answers_runs(look: Look, policy: str, scripts: bool) -> None:
    """Without the policy of the page's headers, escaping alone must hold; with it, there must be nothing to stop."""
    looked = look(bypass_csp=policy == "without its policy", java_script_enabled=scripts)
    page = looked.open("/?recipe=hostile")
    if scripts:
        looked.ask("hostile")
    else:
        page.fill("#words", "hostile")
        page.click("#go")
        page.wait_for_selector("#record")
    assert page.locator(".card").count() == len(ITEMS)
    shown = page.locator("#result").inner_text()
    for payload in CORPUS:
        assert " ".join(payload.split()) in " ".join(shown.split()), payload
    assert page.locator("#result script, #result iframe, #result [onerror], #result [style]").count() == 0
    assert page.locator('a[href^="javascript"]').count() == 0
    if scripts:
        page.mouse.wheel(0, 20_000)
        page.locator(".marker").first.click()
        page.wait_for_timeout(300)
        assert page.evaluate("[window.hits, window.violations]") == [[], []]


def test_nothing_that_is_asked_runs(look: Look) -> None:
    looked = look(bypass_csp=True)
    page = looked.open("/?recipe=hostile")
    for start in range(0, len(CORPUS), 12):
        page.fill("textarea[name=conditions]", "") if page.locator(".filters[open]").count() else None
        looked.ask(" ".join(CORPUS[start : start + 12]), "search")
    page.click(".filters summary")
    for payload in CORPUS[::6]:
        page.fill("textarea[name=conditions]", payload)
        looked.ask("rose", "search")
        assert page.locator(".problem, .card, .note").count()
    page.goto(f"{looked.url}/?words={CORPUS[8]}&recipe=hostile")
    assert page.input_value("#words") == CORPUS[8]
    for address in (f"/?recipe={CORPUS[0]}", f"/page/recipes/{CORPUS[14]}", f"/page/assets/{CORPUS[0]}"):
        looked.page.goto(looked.url + address.replace("#", "%23"))
    assert page.evaluate("[window.hits, window.violations]") == [[], []]


def test_a_name_of_a_picture_is_a_name(look: Look) -> None:
    looked = look(bypass_csp=True)
    page = looked.open("/?recipe=hostile")
    names = [payload.replace("/", "_") for payload in CORPUS]
    for start in range(0, len(names), 8):
        page.set_input_files(
            "#pictures",
            [{"name": name, "mimeType": "image/png", "buffer": b"none"} for name in names[start : start + 8]],
        )
        while page.locator(".chosen .remove").count():
            page.locator(".chosen .remove").first.click()
    assert page.evaluate("[window.hits, window.violations]") == [[], []]
