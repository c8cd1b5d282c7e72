"""The second page: the recipe as drawn, and what its index says of itself."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import httpx
from imagora_gateway.caller import Caller
from toy_recipes import ITEMS

from .live import ByHeader, ingested, served


def test_it_shows_the_index_its_identity_and_the_hash(client: httpx.Client) -> None:
    shown = client.get("/page/recipes/toys")
    assert shown.status_code == 200
    hash_ = client.get("/v1/models").json()["data"][1]["id"].partition("@")[2]
    assert f"<code>{hash_}</code>" in shown.text
    assert f'<dt>entries</dt><dd class="large">{len(ITEMS)}</dd>' in shown.text
    assert f'<dt>items in the ledger</dt><dd class="large">{len(ITEMS)}</dd>' in shown.text
    for leg in ("image", "sparse"):
        assert f'<th scope="row">{leg}</th>' in shown.text
    assert "<li>retriever: toy_retriever</li>" in shown.text


def test_the_drawing_is_a_picture_that_can_do_nothing(client: httpx.Client) -> None:
    drawing = client.get("/page/recipes/toys/drawing.svg")
    assert drawing.headers["content-type"] == "image/svg+xml"
    assert drawing.headers["content-security-policy"] == "default-src 'none'; style-src 'unsafe-inline'; sandbox"
    assert ElementTree.fromstring(drawing.text).tag.endswith("svg")
    assert "toy_retriever" in drawing.text


def test_what_is_not_there_has_no_page(client: httpx.Client) -> None:
    for path in ("/page/recipes/none", "/page/recipes/none/drawing.svg"):
        answer = client.get(path)
        assert answer.status_code == 404
        assert "There is nothing here." in answer.text


def test_where_things_are_and_how_many_others_have_is_for_who_runs_it(tmp_path: Path) -> None:
    items = [{**item, "metadata": {"tenant": "acme"}} for item in ITEMS]
    recipe = ingested(tmp_path, access={"tenant": "tenant"}, source={"use": "toy_list", "items": items})
    roles = {"viewer": frozenset({"viewer"}), "admin": frozenset({"admin"})}
    with served(tmp_path, recipe) as live:
        live.app.state.gateway.doorkeeper = ByHeader(*(Caller(name, "acme", roles=has) for name, has in roles.items()))
        pages = {}
        for name in roles:
            with live.client(headers={"X-Caller": name}) as client:
                paths = ("/page/recipes/toys", "/page/recipes/toys/drawing.svg")
                pages[name] = "".join(client.get(path).text for path in paths)
    for told in (str(recipe), "toys.json", "items in the ledger"):
        assert told in pages["admin"]
        assert told not in pages["viewer"]
