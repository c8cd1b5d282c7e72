"""Feedback: by the id of an answer's request, for one's own answers alone, and written out as a suite."""

from __future__ import annotations

import base64
import json
import sqlite3
from pathlib import Path

import httpx
from imagora.cli.main import app as commands
from imagora_evals.suite_reading import read_suite
from imagora_gateway.feedback import Feedback
from imagora_gateway.recent import Recent
from toy_stages import square
from typer.testing import CliRunner

from .live import ByHeader, editor, ingested, served

BLUE = "data:image/png;base64," + base64.b64encode(square("blue")).decode()


def ask(client: httpx.Client, words: str, **more: object) -> str:
    return str(client.post("/v1/ask", json={"recipe": "toys", "words": words, **more}).json()["request"])


def test_feedback_becomes_a_suite_that_our_evals_read(tmp_path: Path) -> None:
    with served(tmp_path, ingested(tmp_path)) as live, live.client() as client:
        liked, disliked = ask(client, "a red rose in a vase"), ask(client, "these waves", pictures=[BLUE])
        for request, rating in ((liked, "up"), (disliked, "up"), (disliked, "down")):  # an opinion may change
            opinion = {"request": request, "rating": rating, "comment": "well…"}
            assert client.post("/v1/feedback", json=opinion).status_code == 201
    done = CliRunner().invoke(
        commands, ["feedback", "export", str(tmp_path / "suite"), "--folder", str(tmp_path / "gateway")]
    )
    assert done.exit_code == 0, done.output
    assert "2 queries from 2 opinions" in done.output
    suite = read_suite(tmp_path / "suite")
    first, second = suite.queries
    assert (first.text, first.answer, first.slices) == (
        "a red rose in a vase",
        "A red rose in a vase. [1]",
        {"rating": "up"},
    )
    assert (second.text, second.answer, len(second.pictures)) == ("these waves", "", 1)
    assert suite.qrels == {first.id: {"rose": 1}, second.id: {"sea": 0}}


def test_an_opinion_is_kept_with_its_answers_trace(tmp_path: Path) -> None:
    trace, belongs = "0af7651916cd43dd8448eb211c80319c", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    with served(tmp_path, ingested(tmp_path)) as live, live.client() as client:
        asked = client.post("/v1/ask", json={"recipe": "toys", "words": "rose"}, headers={"traceparent": belongs})
        request = asked.json()["request"]
        assert client.post("/v1/feedback", json={"request": request, "rating": "up"}).status_code == 201
    to = str(tmp_path / "suite")
    CliRunner().invoke(commands, ["feedback", "export", to, "--folder", str(tmp_path / "gateway")])
    (opinion,) = map(json.loads, (tmp_path / "suite" / "opinions.jsonl").read_text("utf-8").splitlines())
    assert (opinion["rating"], opinion["trace"], opinion["request"]) == ("up", trace, request)


def test_feedback_that_an_older_version_kept_is_still_there(tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / "feedback.sqlite", isolation_level=None)
    database.execute(
        "CREATE TABLE feedback (request TEXT, caller TEXT, at REAL, tenant TEXT, recipe TEXT, recipe_hash TEXT, "
        "rating TEXT, comment TEXT, question TEXT, answer TEXT, uris TEXT, PRIMARY KEY (request, caller)) WITHOUT ROWID"
    )
    database.execute("INSERT INTO feedback VALUES ('r', 'c', 1, '', 'toys', 'h', 'up', '', 'rose', 'A rose.', '[]')")
    database.close()
    feedback = Feedback(tmp_path)
    feedback.add("s", "c", "down", "no", Recent("", "toys", "h", "sea", (), "Waves.", ("sea",), "t"))
    assert [(one.question, one.trace) for one in feedback.all()] == [("rose", ""), ("sea", "t")]
    feedback.close()


def test_feedback_on_a_chat_goes_by_the_header_of_its_response(client: httpx.Client) -> None:
    chat = {"model": "toys", "messages": [{"role": "user", "content": "a red rose in a vase"}], "stream": True}
    request = client.post("/v1/chat/completions", json=chat).headers["x-request-id"]
    assert client.post("/v1/feedback", json={"request": request, "rating": "up"}).status_code == 201


def test_nobody_judges_anothers_answer(tmp_path: Path) -> None:
    with served(tmp_path, ingested(tmp_path)) as live, live.client() as client:
        live.app.state.gateway.doorkeeper = ByHeader(editor("ann"), editor("bob"))
        asked = {"recipe": "toys", "words": "a red rose in a vase"}
        request = client.post("/v1/ask", json=asked, headers={"X-Caller": "ann"}).json()["request"]
        opinion = {"request": request, "rating": "down"}
        foreign = client.post("/v1/feedback", json=opinion, headers={"X-Caller": "bob"})
        unknown = client.post("/v1/feedback", json={**opinion, "request": "x"}, headers={"X-Caller": "bob"})
    assert (foreign.status_code, foreign.json()) == (404, unknown.json())


def test_there_is_a_sentence_where_there_is_no_feedback(tmp_path: Path) -> None:
    done = CliRunner().invoke(commands, ["feedback", "export", str(tmp_path / "suite"), "--folder", str(tmp_path)])
    assert done.exit_code == 2
    assert "there is no feedback in" in done.output
    assert "[IMG-122]" in done.output
