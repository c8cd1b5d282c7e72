"""Recipes as tools, through MCP's own client: over stdio and over HTTP, with the callers and limits of every door."""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from collections.abc import Awaitable, Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
from mcp import StdioServerParameters, stdio_client
from mcp.client.client import Client
from PIL import Image
from toy_distributions import environment_with, install_toys
from toy_stages import square

from .live import ByHeader, Live, editor, ingested, served

BLUE = "data:image/png;base64," + base64.b64encode(square("blue")).decode()


def through(target: Any, test: Callable[[Client], Awaitable[None]]) -> None:
    async def run() -> None:
        async with asyncio.timeout(60), Client(target) as client:
            await test(client)

    asyncio.run(run())


async def everything(client: Client) -> None:
    tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    assert set(tools) == {"recipes", "search", "ask", "look"}
    assert all(tool.annotations and tool.annotations.read_only_hint for tool in tools.values())
    assert "context" not in tools["search"].input_schema["properties"]
    listed = (await client.call_tool("recipes", {})).structured_content
    assert [one["name"] for one in listed["recipes"]] == ["toys"]
    answer = (await client.call_tool("ask", {"words": "a red rose in a vase"})).structured_content
    assert answer["text"] == "A red rose in a vase. [1]"
    assert [item["title"] for item in answer["items"]] == ["a rose"]
    found = (await client.call_tool("search", {"picture": BLUE, "top_k": 1})).structured_content
    assert [item["title"] for item in found["items"]] == ["the sea"]
    looked = await client.call_tool("look", {"id": found["items"][0]["id"]})
    assert "Blue waves." in looked.content[-1].text
    wrong = await client.call_tool("search", {"words": "x", "filters": ["price ~ 3"]})
    assert wrong.is_error
    assert "is not a condition" in wrong.content[0].text


def test_every_tool_works_over_http(live: Live) -> None:
    through(f"{live.url}/mcp", everything)


def test_every_tool_works_over_stdio_with_nothing_else_on_stdout(tmp_path: Path) -> None:
    recipe = ingested(tmp_path)
    install_toys(site := tmp_path / "site")
    arguments = ["-m", "imagora", "mcp", str(recipe), "--folder", str(tmp_path / "gateway")]
    through(
        stdio_client(StdioServerParameters(command=sys.executable, args=arguments, env=environment_with(site))),
        everything,
    )


def test_a_look_at_an_item_shows_its_picture(tmp_path: Path) -> None:
    with served(tmp_path, ingested(tmp_path)) as live, live.client() as client:
        item = {"recipe": "toys", "uri": "leaf", "picture": BLUE.replace("blue", "x"), "metadata": {"title": "leaf"}}
        id_ = client.post("/v1/items", json=item).json()["id"]

        async def test(tools: Client) -> None:
            picture, words = (await tools.call_tool("look", {"id": id_})).content
            assert picture.mime_type == "image/jpeg"
            with Image.open(BytesIO(base64.b64decode(picture.data))) as shown:
                assert shown.size == (32, 32)
            assert json.loads(words.text)["title"] == "leaf"
            missing = await tools.call_tool("look", {"id": "nothing"})
            assert missing.is_error
            assert missing.content[0].text.endswith("there is no such item")

        through(f"{live.url}/mcp", test)


def call(client: httpx.Client, **headers: str) -> httpx.Response:
    said = {"jsonrpc": "2.0", "id": 1, "method": "tools/call"}
    said["params"] = {"name": "search", "arguments": {"words": "red shoes"}}
    headers = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2025-06-18", **headers}
    return client.post("/mcp", json=said, headers=headers)


def test_callers_are_asked_who_they_are_and_find_their_own_items_alone(tmp_path: Path) -> None:
    items = [
        {"uri": "a", "text": "red shoes of north", "metadata": {"tenant": "north"}},
        {"uri": "b", "text": "red shoes of south", "metadata": {"tenant": "south"}},
    ]
    recipe = ingested(tmp_path, source={"use": "toy_list", "items": items}, access={"tenant": "tenant"})
    with served(tmp_path, recipe) as live, live.client() as client:
        live.app.state.gateway.doorkeeper = ByHeader(editor("ann", "north"), editor("bob", "south"))
        nobody = call(client)
        ann, bob = call(client, **{"X-Caller": "ann"}), call(client, **{"X-Caller": "bob"})
    assert nobody.status_code == 401
    found = [[item["text"] for item in one.json()["result"]["structuredContent"]["items"]] for one in (ann, bob)]
    assert found == [["red shoes of north"], ["red shoes of south"]]


def test_a_page_of_strangers_cannot_call_through_a_browser_on_this_machine(client: httpx.Client) -> None:
    assert call(client, Host="rebound.example.org").status_code in {403, 421}
    assert call(client, Origin="https://evil.example.org").status_code == 403
