"""The page as somebody uses it: by mouse, by keyboard alone, on a phone, in the dark, and without scripts."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from imagora_gateway.feedback import Feedback
from imagora_gateway.keys import Key, KeyFile
from imagora_gateway.settings import Bounds
from playwright.sync_api import Page
from toy_recipes import ITEMS
from toy_stages import square

from ..gateway.live import Live, ingested, served
from .conftest import CATALOG, Look, until

DROP = """
([kind, files]) => {
  const carried = new DataTransfer();
  for (const [name, type, bytes] of files) {
    const data = Uint8Array.from(atob(bytes), (sign) => sign.charCodeAt(0));
    carried.items.add(new File([data], name, { type }));
  }
  const target = document.getElementById("words");
  if (kind === "paste") {
    target.dispatchEvent(new ClipboardEvent("paste", { clipboardData: carried, bubbles: true, cancelable: true }));
  } else {
    for (const name of ["dragenter", "dragover", "drop"]) {
      target.dispatchEvent(new DragEvent(name, { dataTransfer: carried, bubbles: true, cancelable: true }));
    }
  }
}
"""


def drop(page: Page, *colours: str, kind: str = "drop", type_: str = "image/png") -> None:
    files = [[f"{colour}.png", type_, base64.b64encode(square(colour)).decode()] for colour in colours]
    page.evaluate(DROP, [kind, files])


def first(page: Page) -> str:
    return page.locator("#passage-1 h3").inner_text()


def test_a_typed_question_is_answered_with_citations(look: Look) -> None:
    looked = look()
    page = looked.open("/?recipe=plain")
    looked.ask("rose")
    assert "A red rose in a vase." in page.locator("#answer .words").inner_text()
    assert page.locator(".marker").count() == 1
    assert page.locator(".card").count() == len(ITEMS)
    assert page.locator("#passage-1 .scores tbody tr").count() == 3
    assert page.locator("#status").inner_text().startswith("Answer: A red rose")


def test_words_come_while_the_generator_speaks(look: Look) -> None:
    page = look().open("/?recipe=slow")
    page.fill("#words", "rose")
    page.press("#words", "Enter")
    until(page, "document.getElementById('streamed')?.textContent.includes('word2')")
    assert page.locator("#result[aria-busy]").count() == 1
    assert page.locator(".card").count() == len(ITEMS)  # they are there before the words
    assert "word9" not in page.locator("#answer").inner_text()
    page.wait_for_selector("#result:not([aria-busy])")
    assert "word9" in page.locator("#answer .words").inner_text()


def test_a_stream_can_be_stopped(look: Look) -> None:
    page = look().open("/?recipe=slow")
    page.fill("#words", "rose")
    page.click("#go")
    until(page, "document.getElementById('streamed')?.textContent.includes('word1')")
    page.click(".stop")
    page.wait_for_selector("#result:not([aria-busy])")
    assert "Stopped." in page.locator("#answer").inner_text()
    assert "word1" in page.locator("#answer").inner_text()


def test_a_generator_that_breaks_off_leaves_its_words_and_a_sentence(look: Look) -> None:
    looked = look()
    looked.open("/?recipe=breaks")
    page = looked.ask("rose")
    assert "one two three" in page.locator("#answer").inner_text()
    assert page.locator("#answer .problem").inner_text().startswith("Something failed here.")


def test_an_index_without_items_says_so(look: Look) -> None:
    looked = look()
    looked.open("/?recipe=empty")
    page = looked.ask("rose")
    assert (
        page.locator("#passages .note").inner_text() == "The index of this recipe is empty: nothing was ingested yet."
    )
    assert page.locator(".card").count() == 0


def test_a_leg_that_failed_is_named_and_the_others_answer(look: Look) -> None:
    looked = look()
    looked.open("/?recipe=degraded")
    page = looked.ask("rose")
    assert page.locator("#record .note").all_inner_texts() == [
        "The leg “text” failed and was left out; the others were searched."
    ]
    assert page.locator("#passage-1 .scores tbody th").all_inner_texts() == ["sparse", "fused"]
    assert first(page).endswith("a rose")


def test_who_asks_while_all_turns_are_taken_is_told_to_come_again_and_then_answered(look: Look, tmp_path: Path) -> None:
    recipe = ingested(tmp_path, "slow", CATALOG, generator={"use": "slow_words"})
    with served(tmp_path, recipe, catalog=CATALOG, bounds=Bounds(concurrent=1, waiting=0)) as live:
        first_one, second = look(live.url), look(live.url)
        first_one.open().fill("#words", "rose")
        first_one.page.press("#words", "Enter")
        until(first_one.page, "document.getElementById('streamed')?.textContent.includes('word1')")
        second.open()
        page = second.ask("rose")
        assert page.locator("#result .problem").inner_text().startswith("Too many people are asking at the moment.")
        assert page.locator("#words").input_value() == "rose"  # so that asking again is one click
        first_one.page.wait_for_selector("#result:not([aria-busy])")
        assert "word9" in second.ask("").locator("#answer .words").inner_text()


@pytest.mark.parametrize("kind", ["drop", "paste"])
def test_a_picture_that_is_dropped_or_pasted_is_asked_with(look: Look, kind: str) -> None:
    looked = look()
    page = looked.open("/?recipe=plain")
    drop(page, "blue", kind=kind)
    assert page.locator("#chosen img").get_attribute("alt") == "blue.png"
    looked.ask("", "search")
    assert first(page).endswith("the sea")


def test_words_and_pictures_are_asked_together(look: Look) -> None:
    looked = look()
    page = looked.open("/?recipe=plain")
    drop(page, "red", "yellow")
    page.get_by_label("Remove yellow.png").click()
    assert page.locator("#chosen img").count() == 1
    looked.ask("rose")
    assert first(page).endswith("a rose")
    legs = page.locator("#passage-1 .scores tbody th").all_inner_texts()
    assert {"picture 1", "sparse"} <= set(legs)


def test_what_is_no_picture_or_too_many_is_told_at_once(look: Look) -> None:
    page = look().open("/?recipe=plain")
    drop(page, "red", type_="text/plain")
    assert page.locator("#wrong").inner_text() == "Only pictures can be asked with."
    drop(page, *["red"] * 9)
    assert page.locator("#wrong").inner_text() == "At most 8 pictures can be asked with."
    assert page.locator("#chosen img").count() == 8


def test_a_citation_lights_up_what_it_stands_for(look: Look) -> None:
    looked = look()
    looked.open("/?recipe=plain")
    page = looked.ask("rose")
    page.locator(".marker").first.click()
    assert page.locator("#passage-1.lit").count() == 1
    assert page.locator(".card.lit").count() == 1
    assert page.evaluate("document.activeElement.id") == "passage-1"


def test_more_like_this_searches_with_the_picture(look: Look) -> None:
    looked = look()
    looked.open("/?recipe=plain")
    page = looked.ask("waves")
    title = page.locator(".card", has=page.locator("img")).last
    name = title.locator("h3").inner_text().split(" ", 1)[1]
    title.locator(".like button").click()
    page.wait_for_selector("#result:not([aria-busy]) #passages")
    until(page, "!document.getElementById('answer')")
    assert first(page).endswith(name)
    assert page.locator("#chosen img").count() == 1
    page.locator("#chosen .remove").click()
    assert page.locator("#chosen img").count() == 0


def test_thumbs_and_a_comment_are_kept(look: Look, live: Live) -> None:
    looked = look()
    looked.open("/?recipe=plain")
    page = looked.ask("rose")
    page.get_by_label("Thumbs down").click()
    page.wait_for_selector(".thanks")
    page.fill("input[name=comment]", "no vase")
    page.click(".opinion button")
    until(page, "document.querySelector('.opinion input[name=comment]').value === ''")
    request = page.locator(".opinion input[name=request]").get_attribute("value")
    kept = [one for one in Feedback(live.folder / "gateway").all() if one.request == request]
    assert [(one.rating, one.comment, one.question) for one in kept] == [("down", "no vase", "rose")]


def test_filters_are_the_fields_of_the_index(look: Look) -> None:
    looked = look()
    page = looked.open("/?recipe=plain")
    page.click(".filters summary")
    page.fill('[name="from:price"]', "1")
    looked.ask("rose", "search")
    assert page.locator(".card").count() == 1
    page.fill('[name="from:price"]', "")
    page.fill('[name="is:tags"]', "w")
    looked.ask("rose", "search")
    assert page.locator(".card h3").all_inner_texts() == ["1 the sea"]
    page.fill('[name="from:price"]', "cheap")
    looked.ask("rose", "search")
    assert "needs a number" in page.locator(".problem").inner_text()


def test_another_recipe_brings_its_own_filters(look: Look) -> None:
    page = look().open("/?recipe=plain")
    assert page.locator('[name="from:price"]').count() == 1
    page.select_option("select[name=recipe]", "slow")
    until(page, "!document.querySelector('[name=\"from:price\"]')")
    assert str(page.locator("#about").get_attribute("href")).endswith("/page/recipes/slow")


def test_the_keyboard_alone_is_enough(look: Look) -> None:
    page = look().open("/?recipe=plain")

    def tab_to(wanted: str) -> None:
        for _ in range(40):
            page.keyboard.press("Tab")
            if page.evaluate(f"document.activeElement.matches({wanted!r})"):
                return
        raise AssertionError(f"{wanted} is not reached by Tab")

    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    tab_to("#words")
    page.keyboard.type("rose")
    page.keyboard.press("Enter")
    page.wait_for_selector(".marker")
    tab_to(".marker")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "passage-1"
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.className") == "marker"
    tab_to(".thumb")
    page.keyboard.press("Enter")
    page.wait_for_selector(".thanks")
    tab_to("#passage-1 .like button")
    page.keyboard.press("Space")
    until(page, "!document.getElementById('answer') && document.getElementById('passages')")
    tab_to("#record summary")


@pytest.mark.parametrize("width", [320, 360])
def test_a_phone_has_nothing_to_scroll_sideways(look: Look, width: int) -> None:
    looked = look(width=width)
    page = looked.open("/?recipe=plain")
    page.click(".filters summary")
    looked.ask("rose")
    page.click("#record summary")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    looked.open("/page/recipes/plain")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    looked.open("/page/recipes/none")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_dark_is_dark(look: Look) -> None:
    grounds = {}
    for scheme in ("light", "dark"):
        page = look(color_scheme=scheme).open("/")
        said = page.evaluate("getComputedStyle(document.body).backgroundColor")
        grounds[scheme] = sum(int(part) for part in said[4:-1].split(","))
    assert grounds["dark"] < 100
    assert grounds["light"] > 600


def test_it_works_without_scripts(look: Look) -> None:
    page = look(java_script_enabled=False).open("/?recipe=plain")
    page.fill("#words", "rose")
    page.set_input_files("#pictures", [{"name": "red.png", "mimeType": "image/png", "buffer": square("red")}])
    page.click("#go")
    page.wait_for_selector(".marker")
    page.locator(".marker").first.click()
    assert page.url.endswith("#passage-1")
    page.get_by_label("Thumbs up").click()
    page.wait_for_selector(".thanks")
    page.goto(page.url.partition("/page/")[0])
    page.select_option("select", "plain")
    page.fill("#words", "waves")
    page.click("text=Search")
    page.wait_for_selector("#passages")
    page.locator(".like button").first.click()
    page.wait_for_selector("#chosen img")
    assert page.locator("#answer").count() == 0


def test_nothing_is_asked_outside_and_nothing_is_stopped(look: Look) -> None:
    looked = look()
    for path in ("/", "/page/recipes/plain", "/page/recipes/none"):
        page = looked.open(path)
        assert page.evaluate("window.violations") == []
    looked.open("/?recipe=plain")
    drop(page, "red")
    looked.ask("rose")
    page.get_by_label("Thumbs up").click()
    page.wait_for_selector(".thanks")
    assert page.evaluate("window.violations") == []


@pytest.fixture
def locked(tmp_path: Path) -> Any:
    keys = KeyFile(tmp_path / "gateway" / "keys.sqlite")
    key = keys.create(Key(id="", name="ann", roles=("viewer",)))
    with served(tmp_path, ingested(tmp_path)) as live:
        yield live, key


def test_somebody_signs_in_asks_and_signs_out(look: Look, locked: tuple[Live, str]) -> None:
    live, key = locked
    looked = look(live.url)
    page = looked.open()
    page.fill("#key", "wrong")
    page.keyboard.press("Enter")
    page.wait_for_selector(".problem")
    page.fill("#key", key)
    page.keyboard.press("Enter")
    page.wait_for_selector("#words")
    assert key not in page.content()
    assert page.evaluate("document.cookie") == ""  # no script can read it
    looked.ask("rose")
    assert page.locator(".card img").first.evaluate("image => image.decode().then(() => image.naturalWidth > 0)")
    page.click("text=Sign out")
    page.wait_for_selector("#key")
    looked.open()
    assert page.locator("#key").count() == 1
