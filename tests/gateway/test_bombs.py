"""Hostile pictures at every door, in small; `python -m imagora_benchmarks.gateway_bombs` throws a hundred."""

from __future__ import annotations

import socket
from pathlib import Path

import httpx
from imagora_benchmarks.gateway_bombs import Bomb, bombs, doors, is_right, measured
from imagora_benchmarks.hostile_addresses import ADDRESSES
from imagora_benchmarks.hostile_pictures import pictures
from imagora_gateway.settings import Bounds

from .live import ingested, served
from .process import serving

FEW = ("exploding profile.png", "four gigapixels.gif", "half.webp", "101 megapixels of grey.png", "a web page.jpg")
SAID = ("no base64", "blanks", "an svg with a script", "this machine", "nothing")


def test_every_door_answers_them_with_a_sentence_beside_good_queries(tmp_path: Path) -> None:
    thrown = [Bomb(one.name, one.make()) for one in pictures() if one.name in FEW]
    thrown += [Bomb(name, None, ADDRESSES[name]) for name in SAID]
    with serving(tmp_path, str(ingested(tmp_path))) as running:
        outcome = measured(running.url, running.process.pid, "toys", thrown, 4)
        assert not running.events("failed")
    assert (outcome.bombs, outcome.requests) == (10, 10 * len(doors("toys")))
    assert (outcome.wrong, outcome.good_failed, outcome.failed) == ([], 0, [])
    assert set(outcome.statuses) <= {"200", "400"} and outcome.good > 0


def test_a_hundred_are_a_hundred_and_of_every_kind() -> None:
    made = [one.name for one in bombs(100)]
    assert len(set(made)) == 100
    assert len({name.partition(":")[0] for name in made}) == 10


def test_an_answer_is_right_only_where_somebody_can_do_something_with_it() -> None:
    assert is_right((200, "", False)) and is_right((400, "the picture is torn", False))
    assert is_right((503, "too many pictures wait", True))
    assert not any(
        map(is_right, [(500, "the server failed; its log", False), (503, "come again later", False), (400, "", True)])
    )
    assert not is_right((0, "ReadTimeout", False))


def test_bodies_are_bounded_together_too(tmp_path: Path) -> None:
    bounds = Bounds(body_bytes=100_000, bodies_bytes=150_000)
    kind = {"Content-Type": "application/json"}
    head = b"POST /v1/search HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    with served(tmp_path, ingested(tmp_path), bounds=bounds) as live, live.client() as client:

        def until(status: int, body: bytes) -> httpx.Response:
            for _ in range(200):  # the other's bytes arrive, and leave, a moment later
                if (done := client.post("/v1/search", content=body, headers=kind)).status_code == status:
                    return done
            raise AssertionError(done.text)

        with socket.create_connection(("127.0.0.1", int(live.url.rpartition(":")[2]))) as slow:
            slow.sendall(head + b"Content-Length: 99999\r\n\r\n" + b" " * 90_000)
            full = until(503, b" " * 90_000)
        assert full.headers["retry-after"] == "1" and "together" in full.json()["error"]["message"]
        until(200, b'{"recipe": "toys", "words": "rose"}' + b" " * 90_000)
