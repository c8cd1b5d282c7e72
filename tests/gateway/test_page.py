"""The page over HTTP, as a browser without scripts and the page's own script ask it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import imagora_ingestion
import pytest
import toys
from imagora.catalog import Catalog
from imagora_gateway.feedback import Feedback
from imagora_gateway.settings import Bounds
from toy_stages import square

from . import breaks_off
from .live import Live, ingested, served

SCRIPTED = {"HX-Request": "true", "Accept": "text/event-stream"}
TOKEN = re.compile(r'name="token" value="([^"]+)"')


@pytest.fixture
def token(client: httpx.Client) -> str:
    return token_of(client)


def token_of(client: httpx.Client) -> str:
    found = TOKEN.search(client.get("/").text)
    assert found
    return found[1]


def asked(client: httpx.Client, token: str, scripted: bool = False, **said: Any) -> httpx.Response:
    data = {"token": token, "recipe": "toys", **said}
    files = data.pop("pictures", None)
    return client.post("/page/ask", data=data, files=files, headers=SCRIPTED if scripted else {})


def events(answer: httpx.Response) -> list[dict[str, Any]]:
    return [json.loads(line[len("data: ") :]) for line in answer.text.split("\n\n") if line]


def test_a_browser_without_scripts_is_given_the_whole_answer(client: httpx.Client, token: str) -> None:
    answer = asked(client, token, words="rose")
    assert answer.status_code == 200
    assert 'class="marker" href="#passage-1"' in answer.text
    assert 'id="passage-1"' in answer.text
    assert ">rose</textarea>" in answer.text


def test_a_script_hears_passages_then_words_then_the_whole(client: httpx.Client, token: str) -> None:
    answer = asked(client, token, scripted=True, words="rose")
    assert answer.headers["content-type"].startswith("text/event-stream")
    heard = events(answer)
    kinds = [next(iter(event)) for event in heard]
    assert kinds[0] == "passages"
    assert kinds[-1] == "done"
    assert set(kinds[1:-1]) == {"word"}
    assert "".join(event["word"] for event in heard[1:-1]) == heard[-1]["text"]
    assert {"answer", "passages", "record"} == set(heard[-1]["done"])
    pictures = [re.findall(r'src="([^"]+)"', html) for html in (heard[0]["passages"], heard[-1]["done"]["passages"])]
    assert pictures[0] == pictures[1]  # so that they are loaded once


def test_a_picture_alone_is_a_question(client: httpx.Client, token: str) -> None:
    answer = asked(client, token, do="search", pictures={"pictures": ("red.png", square("red"), "image/png")})
    assert answer.status_code == 200
    assert 'alt="a rose"' in answer.text.partition('id="passage-2"')[0]


def test_more_like_this_searches_with_the_picture_of_a_passage(client: httpx.Client, token: str) -> None:
    first = asked(client, token, words="waves", do="search").text
    like = re.search(r'name="like" value="([^"]+)"', first[first.index('id="passage-1"') :])
    assert like
    answer = asked(client, token, like=like[1], do="search")
    assert answer.status_code == 200
    assert 'alt="the sea"' in answer.text.partition('id="passage-2"')[0]
    assert asked(client, token, like="made-up", do="search").status_code == 404


def test_conditions_filter(client: httpx.Client, token: str) -> None:
    answer = asked(client, token, words="rose", do="search", conditions="price>=1\n")
    assert 'id="passage-1"' in answer.text
    assert 'id="passage-2"' not in answer.text
    wrong = asked(client, token, words="rose", conditions="nonsense")
    assert wrong.status_code == 400
    assert "is not a condition" in wrong.text


def test_thumbs_are_kept_as_feedback_is(live: Live, client: httpx.Client, token: str) -> None:
    answer = asked(client, token, words="rose")
    request = answer.headers["x-request-id"]
    for said in ({"rating": "up"}, {"rating": "down", "comment": "no rose"}):
        kept = client.post("/page/opinion", data={"token": token, "request": request, **said})
        assert kept.status_code == 200
        assert "thank you" in kept.text
    with_comment = [one for one in Feedback(live.folder / "gateway").all() if one.request == request]
    assert [(one.rating, one.comment, one.question) for one in with_comment] == [("down", "no rose", "rose")]
    assert client.post("/page/opinion", data={"token": token, "request": "none", "rating": "up"}).status_code == 404
    assert client.post("/page/opinion", data={"token": token, "request": request, "rating": "x"}).status_code == 400


@pytest.mark.parametrize("path", ["/page/ask", "/page/opinion"])
def test_a_form_of_elsewhere_is_refused(client: httpx.Client, token: str, path: str) -> None:
    good = {"token": token, "recipe": "toys", "words": "rose", "request": "none", "rating": "up"}
    for said, headers in (
        ({**good, "token": ""}, {}),
        ({**good, "token": f"{int(token.partition('.')[0]) + 1}.{token.partition('.')[2]}"}, {}),
        ({**good, "token": f"1.{token.partition('.')[2]}"}, {}),
        (good, {"Sec-Fetch-Site": "cross-site"}),
        (good, {"Sec-Fetch-Site": "same-site"}),
        (good, {"Origin": "http://127.0.0.1:1"}),
        (good, {"Origin": "null"}),
    ):
        answer = client.post(path, data=said, headers=headers)
        assert answer.status_code == 403, (said, headers)
    assert client.post(path, data=good, headers={"Sec-Fetch-Site": "same-origin"}).status_code in {200, 404}


def test_everything_of_the_page_forbids_what_is_not_its_own(client: httpx.Client, token: str) -> None:
    for answer in (client.get("/"), asked(client, token, words="rose"), asked(client, token, words="")):
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert not re.search(r"<script(?! src=)|<style|\sstyle=|\son\w+=|javascript:", answer.text)
        assert set(re.findall(r'(?:src|href|action)="(https?:)?//', answer.text)) == set()


@pytest.mark.parametrize(
    "said, status, sentence",
    [
        ({"words": ""}, 400, "Type some words, or choose a picture."),
        ({"words": "rose", "recipe": "none"}, 404, "There is nothing here."),
        ({"words": "x" * 20_000}, 400, "more than 16000 characters"),
        ({"words": "rose", "pictures": [("pictures", ("a.png", b"no picture", "image/png"))]}, 400, "picture"),
        ({"words": "rose", "conditions": "\n".join(["price<1"] * 60)}, 400, "too many filters"),
    ],
)
@pytest.mark.parametrize("scripted", [False, True])
def test_what_is_wrong_is_a_plain_sentence(
    client: httpx.Client, token: str, said: dict[str, Any], status: int, sentence: str, scripted: bool
) -> None:
    answer = asked(client, token, scripted=scripted, **said)
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/html")
    assert sentence in answer.text
    assert answer.text.lstrip().startswith("<!doctype" if not scripted else "<div")


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """Serve recipes that fail or hold nothing, with bounds that are soon reached."""
    folder = tmp_path_factory.mktemp("bare")
    catalog = Catalog.of(toys, imagora_ingestion, breaks_off)
    recipes = [
        ingested(folder, "breaks", catalog, generator={"use": "breaks_off"}),
        ingested(folder, "empty", catalog, source={"use": "toy_list", "items": []}),
        ingested(folder, "guarded", catalog, guardrails={"query": [{"use": "toy_emails", "action": "refuse"}]}),
        ingested(
            folder, "stands_in", catalog, generator={"use": "breaks_off"}, answer={"fallback": {"use": "toy_quote"}}
        ),
        ingested(folder, "alone", catalog, generator={"use": "breaks_off"}, answer={"fallback": "passages"}),
        ingested(folder, "searches", catalog, generator=None),
    ]
    with served(folder, *recipes, catalog=catalog, bounds=Bounds(body_bytes=100_000)) as live:
        yield live


def test_a_generator_that_fails_in_the_middle_is_told_in_a_sentence(bare: Live) -> None:
    with bare.client() as client:
        heard = events(asked(client, token_of(client), scripted=True, words="rose", recipe="breaks"))
        assert [next(iter(event)) for event in heard][-1] == "failed"
        assert any("word" in event for event in heard)
        assert "Something failed here" in heard[-1]["failed"]
        assert "boom" not in json.dumps(heard)


@pytest.mark.parametrize(
    "recipe, words, sentence",
    [
        ("empty", "rose", "The index of this recipe is empty"),
        ("guarded", "ann@example.org", "A guardrail stopped this."),
        ("stands_in", "rose", "another one stepped in"),
        ("alone", "rose", "What was found is below."),
    ],
)
def test_what_is_no_usual_answer_says_so(bare: Live, recipe: str, words: str, sentence: str) -> None:
    with bare.client() as client:
        token = token_of(client)
        assert sentence in asked(client, token, words=words, recipe=recipe).text
        *_, last = events(asked(client, token, scripted=True, words=words, recipe=recipe))
        assert sentence in "".join(last["done"].values())


def test_a_recipe_without_a_generator_searches(bare: Live) -> None:
    with bare.client() as client:
        assert "writes no answers" in client.get("/page/filters?recipe=searches").text
        answer = asked(client, token_of(client), scripted=True, words="rose", recipe="searches")
        assert answer.status_code == 200
        assert 'id="passage-1"' in answer.text
        assert 'id="answer"' not in answer.text


def test_a_body_that_is_too_large_is_told_on_the_page(bare: Live) -> None:
    with bare.client() as client:
        large = {"pictures": ("a.png", b"x" * 200_000, "image/png")}
        answer = asked(client, token_of(client), words="rose", pictures=large)
        assert answer.status_code == 413
        assert "Take smaller pictures" in answer.text


def test_who_asks_beyond_the_capacity_is_told_to_wait(tmp_path: Path) -> None:
    recipe = ingested(tmp_path)
    with served(tmp_path, recipe, bounds=Bounds(waiting=0, concurrent=1)) as live, live.client() as client:
        token = token_of(client)
        turns = live.app.state.gateway.capacity._turns
        turns._value = 0  # as if another query had the only turn
        try:
            answer = asked(client, token, scripted=True, words="rose")
        finally:
            turns._value = 1
        assert answer.status_code == 503
        assert answer.headers["retry-after"]
        assert "Too many people are asking" in answer.text


def test_a_gateway_without_a_page_has_none(tmp_path: Path) -> None:
    with served(tmp_path, ingested(tmp_path), page=False) as live, live.client() as client:
        assert client.get("/").status_code == 404
        assert client.get("/").headers["content-type"] == "application/problem+json"


def test_assets_may_be_kept_and_nothing_else_is_given(client: httpx.Client) -> None:
    for name in re.findall(r"/page/assets/[\w.]+\?\w+", client.get("/").text):
        answer = client.get(name)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
    for name in ("htmx.LICENSE", "../front.py", "%2e%2e%2ffront.py", "__init__.py"):
        assert client.get(f"/page/assets/{name}").status_code == 404
