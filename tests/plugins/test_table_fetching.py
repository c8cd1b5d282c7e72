"""Pictures behind URLs: fetched when needed, from named hosts and public addresses only, within limits."""

from __future__ import annotations

import socket
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from imagora import Item, Unreadable
from imagora.errors import PictureError
from imagora_table import addresses
from imagora_table.addresses import Target, is_public, public_addresses
from imagora_table.fetching import Fetcher
from imagora_table.options import TableOptions
from imagora_table.pictures import UrlPicture
from pydantic import ValidationError

from .table_places import Server, picture, read, says, serving

RED = picture("red")


def fetcher(server: Server, **more: Any) -> Fetcher:
    return Fetcher(("https", "http"), (server.host,), **{"allow_private": True, "seconds": 5.0, **more})


def test_a_url_is_fetched_when_its_picture_is_asked_for_and_not_before(tmp_path: Path) -> None:
    with serving(**{"a.png": says(RED, ETag='"v1"'), "b.png": says(RED)}) as server:
        on = {"urls": "http", "hosts": [server.host], "allow_private": True}
        table = f"id,picture\n1,{server.url}/a.png?token=secret\n2,{server.url}/b.png\n"
        one, two = read(tmp_path / "t.csv", table, **on)
        assert isinstance(one, Item) and isinstance(two, Item)
        assert one.version == f'{server.url}/a.png?token=secret "v1"' and two.version is None
        assert server.asked == ["HEAD /a.png?token=secret", "HEAD /b.png"]
        assert isinstance(one.picture, UrlPicture) and one.picture() == RED
        assert server.asked[2:] == ["GET /a.png?token=secret"]
        headers = {name.lower() for name in server.headers[-1]}
        assert headers == {"host", "accept", "accept-encoding", "user-agent", "connection"}


def test_a_version_column_saves_asking(tmp_path: Path) -> None:
    with serving() as server:
        on = {"urls": "http", "hosts": [server.host], "allow_private": True, "columns": {"version": "changed"}}
        (one,) = read(tmp_path / "t.csv", f"id,picture,changed\n1,{server.url}/a.png,May\n", **on)
        assert isinstance(one, Item) and one.version == f"{server.url}/a.png May" and server.asked == []


def test_a_row_whose_url_may_not_be_fetched_is_refused_without_asking(tmp_path: Path) -> None:
    urls = {
        "http://img.example.org/a.png": "fetched by https only",
        "https://example.org/a.png": "'hosts' has no 'example.org'",
        "https://img.example.org.evil.net/a.png": "'hosts' has no",
        "https://img.example.org@evil.net/a.png": "a name or a password",
        "https://me:pass@img.example.org/a.png": "a name or a password",
        "https://img.example.org:8443/a.png": "has no 'img.example.org:8443'",
        "https://cdn.net/a.png": "'hosts' has no 'cdn.net'",
        "file:///etc/passwd": "https only",
        "https://img.example.org/a\tb.png": "letters that no URL has",
        "https://img.example.org\\@evil.net/": "letters that no URL has",
        "https://\u0131mg.example.org/a.png": "plain ASCII",
        "https://[::1/a.png": "is not a URL",
        "https://img.example.org:99999/a.png": "is not a URL",
    }
    rows = "".join(f'{number},"{url}"\n' for number, url in enumerate(urls))
    items = read(tmp_path / "t.csv", f"id,picture\n{rows}", urls="https", hosts=["img.example.org", "*.cdn.net"])
    for item, (url, reason) in zip(items, urls.items(), strict=True):
        assert isinstance(item, Unreadable) and reason in item.reason and not item.hides_others, (url, item)
        assert "pass" not in item.reason.replace("password", "").replace("passwd", "")


def test_fetching_needs_hosts() -> None:
    with pytest.raises(ValidationError, match="'urls' needs 'hosts'"):
        TableOptions.model_validate({"urls": "https"})
    with pytest.raises(ValidationError, match="is not a host"):
        TableOptions.model_validate({"urls": "https", "hosts": ["https://example.org/"]})


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "0.0.0.0",
        "100.64.0.1",
        "224.0.0.1",
        # of this machine, of a network, of many; the older kind inside the newer
        ("255.255.255.255",),
        "::1",
        "::",
        "fe80::1%eth0",
        "fc00::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",
        "192.0.2.1",
        "198.18.0.1",
    ],
)
def test_no_address_but_a_public_one_is_asked(address: str) -> None:
    assert not is_public(address)


def test_public_addresses_are_public() -> None:
    assert all(map(is_public, ("93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946", "64:ff9b::5db8:d822")))


def test_a_host_with_one_private_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(socket.AF_INET, 1, 6, "", (address, 443)) for address in ("93.184.216.34", "10.0.0.1")]
    monkeypatch.setattr(addresses.socket, "getaddrinfo", lambda *_, **__: found)
    with pytest.raises(PictureError, match=r"its address 10\.0\.0\.1 is not public"):
        public_addresses(Target("https", "img.example.org", 443, "/"), allow_private=False)


def test_a_private_server_is_never_asked_unless_it_is_allowed() -> None:
    with serving(a=says(RED)) as server:
        with pytest.raises(PictureError, match="is not public"):
            fetcher(server, allow_private=False).get(f"{server.url}/a")
        assert server.asked == [] and fetcher(server, allow_private=False).version(f"{server.url}/a") is None
        assert server.asked == []


def test_the_connection_goes_to_the_address_that_was_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(a=says(RED)) as server:
        asked = []

        def once(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
            asked.append(host)
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

        monkeypatch.setattr(addresses.socket, "getaddrinfo", once)
        name = f"img.example.org:{server.server_port}"
        found = Fetcher(("http",), (name,), allow_private=True, seconds=5).get(f"http://{name}/a")
        assert found == RED and asked[0] == "img.example.org" and "img.example.org" not in asked[1:]
        assert server.headers[0]["Host"] == name


def test_proxies_of_the_environment_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with serving(a=says(RED)) as server:
        assert fetcher(server).get(f"{server.url}/a") == RED


def test_redirects_are_followed_to_allowed_hosts_and_at_most_three_times() -> None:
    with serving(other=says(b"other")) as other, serving(a=says(RED)) as server:
        for number in range(4):
            server.answers[f"/{number}"] = says(b"", 302, Location=f"/{number - 1}" if number else "/a")
        server.answers["/out"] = says(b"", 301, Location=f"{other.url}/other")
        server.answers["/file"] = says(b"", 307, Location="file:///etc/passwd")
        server.answers["/none"] = says(b"", 308)
        server.answers["/round"] = says(b"", 302, Location="/round")
        assert fetcher(server).get(f"{server.url}/2") == RED
        for path, reason in {
            "3": "more than 3 times",
            "round": "more than 3 times",
            "none": "more than 3 times",
            "out": "'hosts' has no",
            "file": "by https or http only",
        }.items():
            with pytest.raises(PictureError, match=reason):
                fetcher(server).get(f"{server.url}/{path}")
        assert other.asked == []


def test_a_redirect_from_https_to_http_is_refused() -> None:
    with pytest.raises(PictureError, match="by https only"):
        Fetcher(("https",), ("127.0.0.1",)).get("http://127.0.0.1/a")


def lying(asked: BaseHTTPRequestHandler) -> None:
    asked.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nshort")


def endless(asked: BaseHTTPRequestHandler) -> None:
    asked.wfile.write(b"HTTP/1.0 200 OK\r\n\r\n")
    for _ in range(200):
        asked.wfile.write(b"x" * 10_000)


def noise(asked: BaseHTTPRequestHandler) -> None:
    asked.wfile.write(b"\0\1\2\3" * 30)


def test_what_is_no_picture_within_the_limits_is_refused_with_the_reason() -> None:
    answers = {
        "gone": says(b"", 404),
        "large": says(b"x" * 2000),
        "endless": endless,
        "packed": says(b"x", Content_Encoding="gzip"),
        "lying": lying,
        "noise": noise,
    }
    reasons = (
        "status 404",
        "larger than 0.001 MB",
        "larger than 0.001 MB",
        "sent packed",
        "cut off",
        "cannot be fetched",
    )
    with serving(**answers) as server:
        for path, reason in zip(answers, reasons, strict=True):
            with pytest.raises(PictureError, match=reason):
                fetcher(server, most_bytes=1000).get(f"{server.url}/{path}")
    with pytest.raises(PictureError, match="cannot be fetched: Connection refused"):
        fetcher(server).get(f"{server.url}/a")


def dripping_body(asked: BaseHTTPRequestHandler) -> None:
    asked.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n")
    drip(asked)


def drip(asked: BaseHTTPRequestHandler) -> None:
    try:
        for _ in range(100):
            asked.wfile.write(b"x")
            asked.wfile.flush()
            time.sleep(0.1)
    except OSError:  # the other side hung up, as it should
        pass


@pytest.mark.parametrize("answer", [dripping_body, drip])
def test_a_server_that_drips_is_left_when_the_time_is_over(answer: Any) -> None:
    with serving(a=answer) as server, pytest.raises(PictureError, match="took too long"):
        fetcher(server, seconds=0.5).get(f"{server.url}/a")


def test_https_is_not_believed_without_a_certificate() -> None:
    with serving(a=says(RED)) as server, pytest.raises(PictureError, match="cannot be fetched"):
        fetcher(server).get(f"https://{server.host}/a")
