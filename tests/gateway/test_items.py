"""Items that callers hand in: found at once, kept for good, changed without embedding, and gone when deleted."""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path
from typing import Any

import httpx
import pytest
from imagora_gateway.held import HeldItem, HeldItems
from imagora_ingestion.verify import compare
from toy_recipes import CATALOG, built, recipe_of
from toy_stages import square

from .live import ByHeader, Live, editor, ingested, served

GREEN = base64.b64encode(square("green")).decode()


@pytest.fixture
def shop(tmp_path: Path) -> Any:
    with served(tmp_path, ingested(tmp_path)) as live, live.client() as client:
        yield live, client


def add(client: httpx.Client, **item: Any) -> httpx.Response:
    return client.post("/v1/items", json={"recipe": "toys", **item})


def titles(client: httpx.Client, words: str, **more: Any) -> list[str]:
    found = client.post("/v1/search", json={"recipe": "toys", "words": words, "top_k": 4, **more}).json()
    return [one["title"] for one in found["passages"]]


def agrees(folder: Path) -> bool:
    kept = {"index": {"use": "toy_memory", "path": "toys.json"}, "ledger": {"path": "toys.sqlite"}}
    with built(folder, recipe_of(**kept)) as pipeline:
        return compare(pipeline.plan, pipeline.stages).agree


def test_an_item_as_json_is_found_at_once_and_index_and_ledger_agree(shop: tuple[Live, httpx.Client]) -> None:
    live, client = shop
    added = add(client, uri="kite", text="a kite over the dunes", metadata={"title": "kite", "price": 9})
    assert (added.status_code, added.json()["state"]) == (201, "committed")
    assert "kite" in titles(client, "kite over the dunes")
    assert titles(client, "a red rose in a vase")[0] == "a rose"  # what was there stays
    assert add(client, uri="kite", text="a kite", metadata={"title": "kite"}).status_code == 200
    assert agrees(live.folder)


def test_a_form_brings_the_picture_as_bytes(shop: tuple[Live, httpx.Client]) -> None:
    live, client = shop
    fields = {"recipe": "toys", "uri": "leaf.png", "metadata": '{"title": "leaf"}'}
    added = client.post("/v1/items", data=fields, files={"picture": ("leaf.png", square("green"), "image/png")})
    assert added.status_code == 201
    assert titles(client, "", pictures=[f"data:image/png;base64,{GREEN}"])[0] == "leaf"
    looked = client.get(f"/v1/items/toys/{added.json()['id']}").json()
    assert (looked["title"], looked["state"]) == ("leaf", "committed")
    assert client.get(looked["thumbnail"]).headers["content-type"] == "image/jpeg"
    assert agrees(live.folder)


def test_metadata_changes_without_embedding(shop: tuple[Live, httpx.Client]) -> None:
    live, client = shop
    id_ = add(client, uri="kite", text="a kite", metadata={"title": "kite", "price": 9, "old": 1}).json()["id"]
    index = live.app.state.gateway.recipes.router.pipeline("toys").stages.index
    before = index.vectors([id_], "sparse")
    changed = client.patch(f"/v1/items/toys/{id_}", json={"metadata": {"price": 4, "old": None}})
    assert changed.status_code == 200
    assert index.vectors([id_], "sparse") == before
    metadata = client.get(f"/v1/items/toys/{id_}").json()["metadata"]
    assert metadata == {"title": "kite", "price": 4, "uri": "kite"}
    assert titles(client, "a kite", filters=["price=4"]) == ["kite"]


def test_a_deleted_item_is_gone_with_its_picture(shop: tuple[Live, httpx.Client]) -> None:
    live, client = shop
    id_ = add(client, uri="leaf", picture=f"data:image/png;base64,{GREEN}", metadata={"title": "leaf"}).json()["id"]
    assert client.delete(f"/v1/items/toys/{id_}").status_code == 204
    assert [client.get(f"/v1/items/toys/{id_}").status_code, client.delete(f"/v1/items/toys/{id_}").status_code] == [
        404,
        404,
    ]
    assert "leaf" not in titles(client, "leaf")
    assert [path for path in (live.folder / "gateway" / "pictures").rglob("*") if path.is_file()] == []
    assert agrees(live.folder)


def test_items_of_the_recipes_own_source_are_looked_at_and_not_changed(shop: tuple[Live, httpx.Client]) -> None:
    _, client = shop
    found = client.post("/v1/search", json={"recipe": "toys", "words": "a red rose in a vase"}).json()
    address = f"/v1/items/toys/{found['passages'][0]['id']}"
    assert client.get(address).json()["title"] == "a rose"
    assert client.patch(address, json={"metadata": {"price": 1}}).status_code == 404
    assert client.delete(address).status_code == 404


@pytest.mark.parametrize(
    ("item", "status", "code"),
    [
        ({"uri": "x"}, 400, "empty_item"),
        ({"uri": "", "text": "x"}, 400, "invalid_request"),
        ({"text": "x"}, 400, "invalid_request"),
        ({"uri": "x", "text": "x", "metadata": {"_uri": "y"}}, 400, "reserved_key"),
        ({"uri": "x", "text": "x", "metadata": {"deep": {"a": 1}}}, 400, "invalid_request"),
        ({"uri": "x", "picture": "data:image/png;base64,AAAA"}, 400, "IMG-601"),
        ({"uri": "x", "picture": "https://example.org/x.png"}, 400, "picture_address"),
    ],
)
def test_an_item_that_cannot_be_used_is_refused_and_leaves_nothing(
    client: httpx.Client, live: Live, item: Any, status: int, code: str
) -> None:
    refused = add(client, **item)
    assert (refused.status_code, refused.json()["error"]["code"]) == (status, code)
    assert live.app.state.gateway.items.held.unfinished() == []


def test_an_item_is_its_callers_tenants_and_no_other(tmp_path: Path) -> None:
    recipe = ingested(tmp_path, access={"tenant": "tenant", "groups": "team"})
    with served(tmp_path, recipe) as live, live.client() as client:
        live.app.state.gateway.doorkeeper = ByHeader(editor("ann", "north", "shop"), editor("bob", "south", "shop"))
        ann, bob = {"X-Caller": "ann"}, {"X-Caller": "bob"}
        item = {"recipe": "toys", "uri": "kite", "text": "a kite"}
        added = client.post("/v1/items", json=item, headers=ann).json()
        twin = client.post("/v1/items", json=item, headers=bob).json()
        address = f"/v1/items/toys/{added['id']}"
        foreign = [
            client.get(address, headers=bob),
            client.patch(address, json={"metadata": {}}, headers=bob),
            client.delete(address, headers=bob),
        ]
        forged = [
            client.post("/v1/items", json={**item, "metadata": metadata}, headers=bob)
            for metadata in ({"tenant": "north"}, {"team": ["board"]}, {"team": []})
        ]
        own = client.get(address, headers=ann)
    assert added["id"] != twin["id"]
    assert [one.status_code for one in foreign] == [404] * 3
    assert [one.status_code for one in forged] == [403] * 3
    assert own.json()["metadata"] == {"tenant": "north", "team": ["shop"], "uri": "kite"}


def test_what_was_accepted_before_the_gateway_ended_is_done_when_it_starts_again(tmp_path: Path) -> None:
    recipe = ingested(tmp_path)
    held = HeldItems(tmp_path / "gateway")
    held.put(HeldItem("toys", "gateway:", "kite", "a kite over the dunes", {"title": "kite"}))
    held.close()
    with served(tmp_path, recipe) as live, live.client() as client:
        asyncio.run(wait_until_empty(live))
        assert "kite" in titles(client, "kite over the dunes")
    assert agrees(tmp_path)


async def wait_until_empty(live: Live) -> None:
    async with asyncio.timeout(10):
        while live.app.state.gateway.items.held.unfinished():
            await asyncio.sleep(0.02)


def test_an_item_makes_the_index_where_there_is_none(tmp_path: Path) -> None:
    from toy_recipes import write

    recipe = write(tmp_path, recipe_of(index={"use": "toy_memory", "path": "new.json"}, ledger={"path": "n.sqlite"}))
    with served(tmp_path, recipe, catalog=CATALOG) as live, live.client() as client:
        assert client.get("/ready").status_code == 503
        assert add(client, uri="kite", text="a kite", metadata={"title": "kite"}).status_code == 201
        assert titles(client, "a kite") == ["kite"]
        assert client.get("/ready").status_code == 200
