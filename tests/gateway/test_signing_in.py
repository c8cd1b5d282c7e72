"""Signing in on the page: a key typed once, a cookie for the page alone, and forms that nobody else can send."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from imagora_gateway.keys import Key, KeyFile

from .issuer import AUDIENCE, Issuer, issuing
from .live import Live, ingested, served
from .test_page import TOKEN, token_of


@dataclass
class House:
    live: Live
    keys: KeyFile
    issuer: Issuer

    def key(self, name: str, *roles: Any, **more: Any) -> str:
        return self.keys.create(Key(id="", name=name, roles=roles, **more))


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("house")
    keys = KeyFile(folder / "gateway" / "keys.sqlite")
    recipe = ingested(folder)
    keys.create(Key(id="", name="first"))
    with issuing() as issuer:
        access = {"issuers": [{"issuer": issuer.url, "audience": [AUDIENCE]}], "rates": ["100000/minute"]}
        with served(folder, recipe, access=access) as live:
            yield House(live, keys, issuer)


@pytest.fixture
def browser(house: House) -> Iterator[httpx.Client]:
    with house.live.client() as client:
        yield client


def sign_in(browser: httpx.Client, key: str) -> httpx.Response:
    token = TOKEN.search(browser.get("/").text)
    assert token
    return browser.post("/page/sign-in", data={"token": token[1], "key": key})


def test_who_is_not_signed_in_sees_the_form_and_nothing_else(browser: httpx.Client) -> None:
    answer = browser.get("/")
    assert answer.status_code == 401
    assert 'type="password"' in answer.text
    assert "toys" not in answer.text
    assert browser.get("/page/filters?recipe=toys", headers={"HX-Request": "true"}).status_code == 401


def test_a_key_opens_the_page_and_its_pictures(house: House, browser: httpx.Client) -> None:
    signed = sign_in(browser, house.key("ann", "viewer"))
    assert (signed.status_code, signed.headers["location"]) == (303, "/")
    said = signed.headers["set-cookie"]
    assert {"HttpOnly", "SameSite=strict", "Path=/", "Max-Age=43200"} <= set(said.split("; "))
    assert "Secure" not in said  # over http, where a browser would not keep it
    answer = browser.post("/page/ask", data={"token": token_of(browser), "recipe": "toys", "words": "rose"})
    assert "ann" in answer.text
    thumbnail = re.search(r'src="(/v1/thumbnails/[^"]+)"', answer.text)
    assert thumbnail
    assert browser.get(thumbnail[1]).status_code == 200


def test_over_https_the_cookie_is_for_this_host_alone(house: House, browser: httpx.Client) -> None:
    browser.headers["x-forwarded-proto"] = "https"
    said = sign_in(browser, house.key("tls", "viewer")).headers["set-cookie"]
    assert said.startswith("__Host-imagora=")
    assert "Secure" in said.split("; ")


def test_a_token_of_an_issuer_opens_it_too(house: House, browser: httpx.Client) -> None:
    assert sign_in(browser, f"Bearer {house.issuer.token()}").status_code == 303
    assert browser.get("/").status_code == 200


@pytest.mark.parametrize("key", ["", "imk_none", f"imk_{'0' * 12}_{'A' * 43}", "x" * 50_000])
def test_what_is_no_key_is_told_so(browser: httpx.Client, key: str) -> None:
    answer = sign_in(browser, key)
    assert answer.status_code == 401
    assert "not valid, or not any more" in answer.text
    assert "set-cookie" not in answer.headers


def test_a_key_without_a_role_is_not_signed_in(house: House, browser: httpx.Client) -> None:
    answer = sign_in(browser, house.key("powerless"))
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


def test_a_revoked_key_ends_its_session_at_the_next_request(house: House, browser: httpx.Client) -> None:
    sign_in(browser, house.key("leaver", "viewer"))
    token = token_of(browser)
    house.keys.revoke("leaver")
    asked = browser.post("/page/ask", data={"token": token, "recipe": "toys", "words": "rose"})
    assert asked.status_code == browser.get("/").status_code == 401


def test_signing_out_ends_the_session_wherever_the_cookie_is(house: House, browser: httpx.Client) -> None:
    sign_in(browser, house.key("outgoing", "viewer"))
    stolen = dict(browser.cookies)
    answer = browser.post("/page/sign-out", data={"token": token_of(browser)})
    assert "You are signed out." in answer.text
    assert not browser.cookies
    with house.live.client(cookies=stolen) as thief:
        assert thief.get("/").status_code == 401


def test_a_session_ends_with_its_time(house: House, browser: httpx.Client) -> None:
    sign_in(browser, house.key("late", "viewer"))
    with sqlite3.connect(house.live.folder / "gateway" / "sessions.sqlite") as file:
        file.execute("UPDATE sessions SET ends = 0")
    assert browser.get("/").status_code == 401


def test_the_file_of_sessions_opens_nothing(house: House, browser: httpx.Client) -> None:
    key = house.key("kept", "viewer")
    sign_in(browser, key)
    path: Path = house.live.folder / "gateway" / "sessions.sqlite"
    assert path.stat().st_mode & 0o077 == 0
    (cookie,) = browser.cookies.values()
    for secret in (key, key[17:], cookie):
        assert secret.encode() not in path.read_bytes()


def test_the_cookie_opens_no_door_but_the_pages(house: House, browser: httpx.Client) -> None:
    sign_in(browser, house.key("everything", "viewer", "editor", "evaluator", "admin"))
    assert browser.get("/").status_code == 200
    token = token_of(browser)
    for method, path, body in (
        ("POST", "/v1/ask", {"recipe": "toys", "words": "rose"}),
        ("POST", "/v1/search", {"recipe": "toys", "words": "rose"}),
        ("POST", "/v1/items", {"recipe": "toys", "uri": "new", "text": "new"}),
        ("POST", "/v1/feedback", {"request": "none", "rating": "up"}),
        ("POST", "/v1/chat/completions", {"model": "toys", "messages": [{"role": "user", "content": "rose"}]}),
        ("POST", "/admin/reload", {}),
        ("POST", "/mcp", {}),
        ("GET", "/v1/models", None),
        ("GET", "/metrics", None),
    ):
        answer = browser.request(method, path, json=body, headers={"X-Imagora-Token": token})
        assert answer.status_code == 401, path


def test_a_token_of_a_form_is_good_for_its_session_alone(house: House, browser: httpx.Client) -> None:
    key = house.key("twice", "viewer")
    sign_in(browser, key)
    mine = token_of(browser)
    with house.live.client() as other:
        sign_in(other, key)
        said = {"recipe": "toys", "words": "rose"}
        assert other.post("/page/ask", data={"token": mine, **said}).status_code == 403
        assert browser.post("/page/ask", data={"token": mine, **said}).status_code == 200
        cross = {"Sec-Fetch-Site": "cross-site"}
        assert browser.post("/page/ask", data={"token": mine, **said}, headers=cross).status_code == 403
        assert browser.post("/page/sign-out", data={}).status_code == 403
        assert browser.get("/").status_code == 200


def test_signing_in_from_elsewhere_is_refused(house: House, browser: httpx.Client) -> None:
    key = house.key("lured", "viewer")
    assert browser.post("/page/sign-in", data={"key": key}).status_code == 403
    token = TOKEN.search(browser.get("/").text)
    assert token
    said = {"token": token[1], "key": key}
    assert browser.post("/page/sign-in", data=said, headers={"Origin": "https://evil.example"}).status_code == 403


def test_a_header_goes_before_the_cookie(house: House, browser: httpx.Client) -> None:
    sign_in(browser, house.key("cookie", "viewer"))
    assert browser.get("/", headers={"Authorization": "Bearer imk_none"}).status_code == 401


def test_thumbnails_do_not_use_up_the_rate_of_questions(tmp_path: Path) -> None:
    keys = KeyFile(tmp_path / "gateway" / "keys.sqlite")
    key = keys.create(Key(id="", name="few", roles=("viewer",), rates=("4/minute",)))
    with (
        served(tmp_path, ingested(tmp_path)) as live,
        live.client(headers={"Authorization": f"Bearer {key}"}) as client,
    ):
        found = client.post("/v1/search", json={"recipe": "toys", "words": "rose"}).json()
        thumbnail = found["passages"][0]["thumbnail"]
        assert [client.get(thumbnail).status_code for _ in range(8)] == [200] * 8
        assert client.get("/v1/models").status_code == 200


def test_without_keys_nobody_signs_in(tmp_path: Path) -> None:
    with served(tmp_path, ingested(tmp_path)) as live, live.client() as client:
        front = client.get("/")
        assert front.status_code == 200
        assert "Sign out" not in front.text
        token = TOKEN.search(front.text)
        assert token
