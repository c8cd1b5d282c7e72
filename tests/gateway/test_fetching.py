"""Addresses from callers: no spelling of a place inside is reached by any entry, and what is allowed is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from imagora_gateway import fetching
from imagora_gateway.access import Fetching
from imagora_gateway.errors import Refusal
from imagora_gateway.fetching import WebFetcher
from imagora_gateway.web_addresses import is_public
from pydantic import ValidationError

from .asks import tool
from .canary import RED, Canary, answer, perched
from .live import Live, ingested, served

pytestmark = pytest.mark.anyio

SHAPES = (
    "http://127.0.0.1:{port}/",
    "https://127.0.0.1:{port}/",
    "https://127.1:{port}/",
    "https://127.0.1:{port}/",
    "https://2130706433:{port}/",
    "https://0x7f000001:{port}/",
    "https://0x7f.0.0.1:{port}/",
    "https://0x7F.0x0.0x0.0x1:{port}/",
    "https://0177.0.0.1:{port}/",
    "https://017700000001:{port}/",
    "https://127.0.0.1.:{port}/",
    "https://127.0.0.01:{port}/",
    "https://0:{port}/",
    "https://0.0.0.0:{port}/",
    "https://[::1]:{port}/",
    "https://[::]:{port}/",
    "https://[0:0:0:0:0:0:0:1]:{port}/",
    "https://[::ffff:127.0.0.1]:{port}/",
    "https://[::ffff:7f00:1]:{port}/",
    "https://[::127.0.0.1]:{port}/",
    "https://[64:ff9b::7f00:1]:{port}/",
    "https://[2002:7f00:1::]:{port}/",
    "https://[::1%25lo]:{port}/",
    "https://localhost:{port}/",
    "https://LOCALHOST:{port}/",
    "https://localhost.:{port}/",
    "https://ⓛocalhost:{port}/",
    "https://\uff11\uff12\uff17.0.0.1:{port}/",
    "https://127。0。0。1:{port}/",
    "https://public.example@127.0.0.1:{port}/",
    "https://public.example:x@127.0.0.1:{port}/",
    "https://127.0.0.1:{port}\\@public.example/",
    "https://public.example#@127.0.0.1:{port}/",
    "https:127.0.0.1:{port}/",
    "https:///127.0.0.1:{port}/",
    "//127.0.0.1:{port}/",
    "https://127.0.0.1:{port}/\r\nHost: x",
    " https://127.0.0.1:{port}/",
    "https://127.0.0.1\t:{port}/",
    "hTTp://127.0.0.1:{port}/",
    "gopher://127.0.0.1:{port}/",
    "ftp://127.0.0.1:{port}/",
    "file:///etc/hostname",
    "https://127.0.0.1.nip.example:{port}/",
    "https://mapped.example:{port}/",
    "https://six.example:{port}/",
    "https://mixed.example:{port}/",
    "https://rebinding.example:{port}/",
    "https://zone.example:{port}/",
    "https://metadata.example:{port}/latest/meta-data/",
    "https://xn--/:{port}/",
    "https://%31%32%37.0.0.1:{port}/",
    "url:https://127.0.0.1:{port}/",
)
NAMES: dict[str, list[list[str]]] = {
    "127.0.0.1.nip.example": [["127.0.0.1"]],
    "mapped.example": [["::ffff:127.0.0.1"]],
    "six.example": [["::1"]],
    "mixed.example": [["127.0.0.1", "93.184.215.14"], ["93.184.215.14", "127.0.0.1"]],
    "rebinding.example": [["127.0.0.1"], ["127.0.0.1"]],
    "zone.example": [["fe80::1%lo"]],
    "metadata.example": [["169.254.169.254"]],
}
PUBLIC_FIRST = "198.51.100.7"  # of a documentation network: nothing answers there


class Names:
    """Answers for names as an attacker's name server would, in turn; all others as the system does."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        answers = NAMES.get(host)
        if answers is None:
            return await fetching.resolved(host, port)
        return answers[(self.asked.count(host) - 1) % len(answers)]


ALLOWED = {"web_pictures": True}
"""What a recipe says that lets its callers name pictures on the web."""


@pytest.fixture(scope="module")
def canary() -> Iterator[Canary]:
    with perched() as canary:
        yield canary


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory, canary: Canary) -> Iterator[Live]:
    folder = tmp_path_factory.mktemp("web")
    settings = {"recipes": ["*"], "ports": [443, canary.port], "seconds": 2}
    with served(folder, ingested(folder, gateway=ALLOWED), fetching=settings) as live:
        live.app.state.gateway.fetcher = WebFetcher(Fetching.model_validate(settings), Names())
        yield live


def chat(client: httpx.Client, url: str) -> httpx.Response:
    content = [{"type": "text", "text": "what is it"}, {"type": "image_url", "image_url": {"url": url}}]
    return client.post(
        "/v1/chat/completions", json={"model": "toys", "messages": [{"role": "user", "content": content}]}
    )


def own(door: str, field: str) -> Callable[[httpx.Client, str], httpx.Response]:
    return lambda client, url: client.post(door, json={"recipe": "toys", "words": "rose", field: [url]})


def over_mcp(client: httpx.Client, url: str) -> httpx.Response:
    """Call a tool, and give its answer as the other doors would."""
    said = tool(client, "search", words="rose", picture=url)
    is_error = '"isError":true' in said.text
    shown = {
        "error": {
            "code": "picture_address" if "cannot be used" in said.text or "data: addresses" in said.text else said.text
        }
    }
    return httpx.Response(400, json=shown) if is_error else said


def item(client: httpx.Client, url: str) -> httpx.Response:
    return client.post("/v1/items", json={"recipe": "toys", "uri": "new", "text": "new", "picture": url})


ENTRIES: dict[str, Callable[[httpx.Client, str], httpx.Response]] = {
    "chat": chat,
    "search": own("/v1/search", "pictures"),
    "search, unlike": own("/v1/search", "unlike_pictures"),
    "ask": own("/v1/ask", "pictures"),
    "item": item,
    "tool": over_mcp,
}


def test_there_are_forty_shapes_and_more() -> None:
    assert len(set(SHAPES)) >= 40


@pytest.mark.parametrize("entry", list(ENTRIES))
def test_no_shape_of_an_address_inside_is_reached_by_any_entry(web: Live, canary: Canary, entry: str) -> None:
    canary.hits.clear()
    with web.client() as client:
        for shape in SHAPES:
            refused = ENTRIES[entry](client, shape.format(port=canary.port))
            assert (refused.status_code, refused.json()["error"]["code"]) == (400, "picture_address"), shape
            assert "127.0.0.1" not in refused.text
    assert canary.hits == []


@pytest.mark.parametrize("entry", list(ENTRIES))
def test_every_entry_can_fetch_from_where_the_settings_allow(web: Live, canary: Canary, entry: str) -> None:
    canary.hits.clear()
    gateway = web.app.state.gateway
    before, origin = gateway.fetcher, f"http://127.0.0.1:{canary.port}"
    gateway.fetcher = WebFetcher(Fetching(recipes=("*",), internal=(origin,)))
    try:
        with web.client() as client:
            done = ENTRIES[entry](client, f"{origin}/red.png")
    finally:
        gateway.fetcher = before
    assert done.status_code in {200, 201}, done.text
    assert canary.hits[0].startswith(b"GET /red.png HTTP/1.1\r\nHost: 127.0.0.1:")


def test_without_the_look_at_addresses_the_canary_would_be_reached(
    web: Live, canary: Canary, monkeypatch: pytest.MonkeyPatch
) -> None:
    canary.hits.clear()
    monkeypatch.setattr(fetching, "is_public", lambda _address: True)
    with web.client() as client:
        for name in ("127.0.0.1.nip.example", "mapped.example", "rebinding.example"):
            assert chat(client, f"https://{name}:{canary.port}/").status_code == 400
    assert len(canary.hits) == 3


@pytest.mark.parametrize(
    ("said", "recipes"), [(ALLOWED, []), (ALLOWED, ["others"]), ({}, ["*"]), ({"web_pictures": False}, ["toys"])]
)
def test_a_recipe_takes_none_unless_it_allows_them_and_the_settings_do_not_forbid_it(
    tmp_path: Path, canary: Canary, said: dict[str, bool], recipes: list[str]
) -> None:
    canary.hits.clear()
    origin = f"http://127.0.0.1:{canary.port}"
    settings = {"recipes": recipes, "internal": [origin]}
    with served(tmp_path, ingested(tmp_path, gateway=said), fetching=settings) as live, live.client() as client:
        for entry in ENTRIES.values():
            assert entry(client, f"{origin}/red.png").json()["error"]["code"] == "picture_address"
    assert canary.hits == []


async def test_a_name_is_resolved_once_and_the_connection_goes_where_was_looked(canary: Canary) -> None:
    asked: list[str] = []

    async def turns(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return [PUBLIC_FIRST] if len(asked) == 1 else ["127.0.0.1"]

    canary.hits.clear()
    with pytest.raises(Refusal):
        await WebFetcher(Fetching(ports=(canary.port,), seconds=0.5), turns).fetch(
            f"https://turning.example:{canary.port}/"
        )
    assert asked == ["turning.example"]
    assert canary.hits == []


def fetcher(canary: Canary, **options: Any) -> WebFetcher:
    return WebFetcher(Fetching(internal=(f"http://127.0.0.1:{canary.port}",), **options))


async def test_a_redirect_is_looked_at_again_and_one_within_is_followed(canary: Canary) -> None:
    origin = f"http://127.0.0.1:{canary.port}"
    canary.answers["/near"] = answer(b"", "Location: /red.png", status="302 Found")
    assert await fetcher(canary).fetch(f"{origin}/near") == RED
    for to in (
        f"http://localhost:{canary.port}/",
        "http://169.254.169.254/",
        "//[::1]/",
        "file:///etc/passwd",
        "https://10.0.0.1/",
    ):
        canary.answers["/far"] = answer(b"", f"Location: {to}", status="307 Temporary Redirect")
        canary.hits.clear()
        with pytest.raises(Refusal, match="nothing that is a picture"):
            await fetcher(canary).fetch(f"{origin}/far")
        assert len(canary.hits) == 1


async def test_redirects_come_to_an_end(canary: Canary) -> None:
    canary.answers["/round"] = answer(b"", "Location: /round", status="301 Moved")
    canary.hits.clear()
    with pytest.raises(Refusal):
        await fetcher(canary, redirects=3).fetch(f"http://127.0.0.1:{canary.port}/round")
    assert len(canary.hits) == 4


WRONG = {
    "too large": answer(b"x" * 5_000),
    "larger than it says": b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nConnection: close\r\n\r\n" + b"x" * 5_000,
    "a page": answer(b"<html>", kind="text/html"),
    "a drawing with scripts": answer(b"<svg/>", kind="image/svg+xml"),
    "no kind": b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
    "compressed": answer(b"x", "Content-Encoding: gzip"),
    "an error": answer(b"secret", status="500 Internal Server Error"),
    "nothing of HTTP": b"220 smtp ready\r\n",
    "endless headers": b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 50_000,
}


@pytest.mark.parametrize("wrong", list(WRONG))
async def test_what_is_no_picture_of_a_size_is_not_taken_and_nothing_is_told_of_it(canary: Canary, wrong: str) -> None:
    canary.answers["/wrong"] = WRONG[wrong]
    with pytest.raises(Refusal) as caught:
        await fetcher(canary, most_bytes=4_000).fetch(f"http://127.0.0.1:{canary.port}/wrong")
    assert (
        caught.value.said == "the picture's address cannot be used: nothing that is a picture could be had from there"
    )


async def test_a_server_that_is_silent_takes_no_longer_than_the_settings_say() -> None:
    async def silent(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(60)

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    origin = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    with pytest.raises(Refusal):
        async with asyncio.timeout(20):
            await WebFetcher(Fetching(internal=(origin,), seconds=0.2)).fetch(f"{origin}/")
    server.close()


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0", "10.1.2.3", "100.64.0.1", "100.100.100.200", "127.9.9.9", "168.63.129.16", "169.254.169.254",
        "172.16.0.1", "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "203.0.113.9",
        "224.0.0.1", "240.0.0.1", "255.255.255.255", "::", "::1", "::7f00:1", "::ffff:8.8.8.8", "64:ff9b::808:808",
        "64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1", "2002:808:808::1", "3fff::1", "fc00::1",
        "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "2130706433", "0x7f.1", "", "localhost",
    ],
)  # fmt: skip
def test_an_address_that_is_not_of_the_public_internet_is_known(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "93.184.215.14", "2606:4700::6810:84e5", "2a00:1450:4001:800::200e"])
def test_a_public_address_is_known(address: str) -> None:
    assert is_public(address)


def test_an_origin_inside_is_written_whole() -> None:
    with pytest.raises(ValidationError, match="is no origin"):
        Fetching(internal=("archive.lan",))
