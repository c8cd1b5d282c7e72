"""The audit: a line for every answer, and no line can be changed, taken out or moved without being named."""

from __future__ import annotations

import asyncio
import hashlib
import json
import multiprocessing
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import imagora_ingestion
import pytest
import toys
from imagora.catalog import Catalog
from imagora.cli.main import app as commands
from imagora_gateway.audit_chain import files_of, sealed, verify, written
from imagora_gateway.audit_file import AuditFile
from imagora_gateway.keys import Key, KeyFile
from typer.testing import CliRunner

from . import slow_words
from .live import Live, ingested, served

pytestmark = pytest.mark.anyio
KEY = b"a secret of the auditor"


def chain(folder: Path, lines: int = 9, key: bytes | None = None, most: int = 1_000_000) -> Path:
    file = AuditFile(folder / "audit.jsonl", key, most)
    for number in range(lines):
        file.append([{"who": f"caller {number}", "items": ["a", "b"]}])
    return folder / "audit.jsonl"


def changed(path: Path, change: Callable[[list[bytes]], list[bytes]]) -> None:
    path.write_bytes(b"".join(change(path.read_bytes().splitlines(keepends=True))))


def resealed(line: bytes, key: bytes | None = None, **other: Any) -> bytes:
    """Write another line in the place of one, with a hash that fits it."""
    entry = {**json.loads(line), **other}
    entry.pop("hash")
    return sealed(entry, entry["n"], entry["before"], key)[0]


def forged(path: Path, at: int, key: bytes | None = None) -> None:
    """Change a line and write every later one anew, as one who needs no key can."""

    def all_later(lines: list[bytes]) -> list[bytes]:
        before = ""
        for number in range(at, len(lines)):
            other = {"who": "nobody"} if number == at else {"before": before}
            lines[number] = resealed(lines[number], key, **other)
            before = json.loads(lines[number])["hash"]
        return lines

    changed(path, all_later)


@pytest.mark.parametrize("key", [None, KEY])
def test_an_audit_that_nobody_touched_is_fine(tmp_path: Path, key: bytes | None) -> None:
    found = verify(chain(tmp_path, key=key), key)
    assert (found.lines, found.wrong, found.last[0]) == (9, [], 9)
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}


CHANGES: dict[str, tuple[Callable[[list[bytes]], list[bytes]], list[str]]] = {
    "a letter": (lambda all_: [line.replace(b"caller 4", b"caller 5") for line in all_], ["line 5 was changed"]),
    "a blank": (lambda all_: [*all_[:3], all_[3].replace(b":", b": ", 1), *all_[4:]], ["line 4 was changed"]),
    "a key more": (lambda all_: [*all_[:3], all_[3].replace(b"{", b'{"a":1,', 1), *all_[4:]], ["line 4 was changed"]),
    "a line and its hash": (lambda all_: [*all_[:4], resealed(all_[4], who="x"), *all_[5:]], ["line 5 was exchanged"]),
    "the first and its hash": (lambda all_: [resealed(all_[0], who="x"), *all_[1:]], ["line 1 was exchanged"]),
    "the last and its hash": (lambda all_: [*all_[:-1], resealed(all_[-1], who="x")], ["line 9 was exchanged"]),
    "one taken out": (lambda all_: [*all_[:2], *all_[3:]], ["line 3 is missing before it"]),
    "some taken out": (lambda all_: [*all_[:2], *all_[6:]], ["lines 3 to 6 are missing before it"]),
    "the first taken out": (lambda all_: all_[1:], ["line 1 is missing before it"]),
    "the last taken out": (lambda all_: all_[:-1], ["line 9 is missing at the end"]),
    "the end taken out": (lambda all_: all_[:5], ["lines 6 to 9 are missing at the end"]),
    "all taken out": (lambda _: [], ["lines 1 to 9 are missing at the end"]),
    "two exchanged": (lambda all_: [*all_[:3], all_[4], all_[3], *all_[5:]], ["line 4 is out of order"]),
    "one moved to the end": (lambda all_: [*all_[:3], *all_[4:], all_[3]], ["line 4 is out of order"]),
    "one twice": (lambda all_: [*all_[:4], all_[3], *all_[4:]], ["line 4 is there twice"]),
    "no line": (lambda all_: [*all_[:3], b"hello\n", *all_[3:]], ["jsonl:4: changed: it is no line"]),
    "a blank line": (lambda all_: [*all_[:3], b"\n", *all_[3:]], ["jsonl:4: changed: it is no line"]),
    "cut in the middle": (lambda all_: [*all_[:8], all_[8][:40]], ["jsonl:9: changed", "line 9 is missing at the end"]),
}


@pytest.mark.parametrize("change", list(CHANGES))
@pytest.mark.parametrize("key", [None, KEY])
def test_what_was_done_to_an_audit_is_said_and_to_which_line(tmp_path: Path, change: str, key: bytes | None) -> None:
    path = chain(tmp_path, key=key)
    do, said = CHANGES[change]
    changed(path, do)
    wrong = verify(path, key).wrong
    if key and "and its hash" in change:  # without the key, no hash fits
        said = [one.replace("exchanged", "changed") for one in said]
    assert len(wrong) == len(said)
    for what, one in zip(said, wrong, strict=True):
        assert what in one


@pytest.mark.parametrize("at", range(9))
def test_with_a_key_nobody_writes_another_chain_without_it(tmp_path: Path, at: int) -> None:
    path = chain(tmp_path, key=KEY)
    forged(path, at)
    assert f"line {at + 1} was changed" in verify(path, KEY).wrong[0]


def test_without_a_key_a_chain_that_was_written_anew_is_found_by_its_head_and_by_a_noted_hash(tmp_path: Path) -> None:
    path = chain(tmp_path)
    noted = json.loads(path.read_bytes().splitlines()[6])["hash"]
    assert verify(path, None, reaches=noted).wrong == []
    forged(path, 2)
    wrong = verify(path, None, reaches=noted).wrong
    assert "line 9 was exchanged: the head knows another" in wrong[0]
    assert wrong[1] == f"the chain does not reach {noted}"


def test_a_head_that_is_gone_or_changed_is_told(tmp_path: Path) -> None:
    path = chain(tmp_path)
    head = tmp_path / "audit.jsonl.head"
    whole = head.read_bytes()
    head.write_bytes(whole.replace(b"9 ", b"8 ", 1))
    assert "audit.jsonl.head: it was changed" in verify(path, None).wrong[0]
    head.unlink()
    assert "is not there" in verify(path, None).wrong[0]


def test_the_chain_goes_on_from_one_file_to_the_next(tmp_path: Path) -> None:
    path = chain(tmp_path, 30, most=1_500)
    files = files_of(path)
    assert len(files) >= 3
    assert verify(path, None).wrong == []
    assert verify(path, None).lines == 30
    begins = json.loads(files[1].read_bytes().splitlines()[0])["n"]
    files[0].unlink()
    assert f"lines 1 to {begins - 1} are missing" in verify(path, None).wrong[0]
    assert verify(path, None, first=begins).wrong == []
    files[1].unlink()
    assert verify(path, None, first=begins).wrong != []


def test_after_a_crash_in_the_middle_of_a_line_the_chain_goes_on(tmp_path: Path) -> None:
    path = chain(tmp_path, 3)
    with path.open("ab") as file:
        file.write(b'{"at":"2026-')
    chain(tmp_path, 2)
    assert (verify(path, None).lines, verify(path, None).wrong) == (5, [])


def test_after_a_crash_between_the_line_and_the_head_the_chain_goes_on(tmp_path: Path) -> None:
    head = tmp_path / "audit.jsonl.head"
    path = chain(tmp_path, 3)
    before = head.read_bytes()
    chain(tmp_path, 1)
    head.write_bytes(before)
    assert verify(path, None).wrong == []
    chain(tmp_path, 1)
    assert (verify(path, None).lines, verify(path, None).wrong) == (5, [])


def test_what_was_cut_off_stays_missed_when_the_chain_goes_on(tmp_path: Path) -> None:
    path = chain(tmp_path, 5)
    changed(path, lambda lines: lines[:3])
    chain(tmp_path, 2)
    assert "lines 4 to 5 are missing before it" in verify(path, None).wrong[0]


def test_several_processes_write_one_chain(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=chain, args=(tmp_path, 20, None, 2_000)) for _ in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(30)
        assert writer.exitcode == 0
    found = verify(tmp_path / "audit.jsonl", None)
    assert (found.lines, found.wrong) == (60, [])


async def test_what_comes_at_once_is_written_whole_and_in_one_chain(tmp_path: Path) -> None:
    file = AuditFile(tmp_path / "audit.jsonl", None, 1_000_000)
    await asyncio.gather(*(file.add({"who": str(number)}) for number in range(200)))
    found = verify(tmp_path / "audit.jsonl", None)
    assert (found.lines, found.wrong) == (200, [])


async def test_a_line_is_written_even_where_its_caller_is_gone(tmp_path: Path) -> None:
    file = AuditFile(tmp_path / "audit.jsonl", None, 1_000_000)
    leaving = asyncio.create_task(file.add({"who": "gone"}))
    await asyncio.sleep(0)
    leaving.cancel()
    await file.add({"who": "there"})
    assert verify(tmp_path / "audit.jsonl", None).lines == 2


def test_the_command_says_which_line_and_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = chain(tmp_path, key=KEY)
    monkeypatch.setenv("AUDIT_KEY", KEY.decode())
    with_key = ["audit", "verify", str(path), "--key-from", "AUDIT_KEY"]
    fine = CliRunner().invoke(commands, with_key)
    assert (fine.exit_code, fine.stdout.startswith("9 lines, 0 wrong; the last is 9, ")) == (0, True)
    changed(path, lambda lines: [*lines[:4], lines[4].replace(b"caller 4", b"caller 0"), *lines[5:]])
    wrong = CliRunner().invoke(commands, [*with_key, "--json"])
    assert wrong.exit_code == 1
    assert json.loads(wrong.stdout)["wrong"] == ["audit.jsonl:5: line 5 was changed: its hash is another"]
    missing = CliRunner().invoke(commands, ["audit", "verify", str(tmp_path / "none.jsonl")])
    assert (missing.exit_code, "[IMG-126]" in missing.output) == (2, True)


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Live, httpx.Client]]:
    folder = tmp_path_factory.mktemp("audited")
    key = Key(id="", name="ann", tenant="acme", groups=("press",))
    written_key = KeyFile(folder / "gateway" / "keys.sqlite").create(key)
    with (
        served(folder, ingested(folder)) as live,
        live.client(headers={"Authorization": f"Bearer {written_key}"}) as client,
    ):
        yield live, client


def last(live: Live) -> dict[str, Any]:
    line: dict[str, Any] = json.loads((live.folder / "gateway" / "audit.jsonl").read_bytes().splitlines()[-1])
    return line


@pytest.mark.parametrize("door", ["/v1/search", "/v1/ask"])
def test_every_answer_has_its_line_and_the_line_no_words(audited: tuple[Live, httpx.Client], door: str) -> None:
    live, client = audited
    given = client.post(door, json={"recipe": "toys", "words": "a red rose in a vase"}, headers={"X-Request-Id": "q1"})
    line = last(live)
    shown = given.json()
    assert (line["who"], line["tenant"], line["groups"], line["door"]) == ("key:ann", "acme", ["press"], door)
    assert (line["request"], line["recipe"], line["recipe_hash"]) == ("q1", "toys", shown["recipe_hash"])
    assert line["items"] == [passage["id"] for passage in shown["passages"]]
    assert line["query"] == hashlib.sha256(b"a red rose in a vase\0\0None").hexdigest()
    assert b"rose" not in written(line)


def chat(stream: bool) -> dict[str, Any]:
    return {"model": "toys", "stream": stream, "messages": [{"role": "user", "content": "a red rose in a vase"}]}


@pytest.mark.parametrize("stream", [False, True])
def test_a_chat_has_one_line_streamed_or_not(audited: tuple[Live, httpx.Client], stream: bool) -> None:
    live, client = audited
    path = live.folder / "gateway" / "audit.jsonl"
    before = len(path.read_bytes().splitlines()) if path.exists() else 0
    assert client.post("/v1/chat/completions", json=chat(stream)).status_code == 200
    assert len(path.read_bytes().splitlines()) == before + 1
    assert (last(live)["door"], last(live)["whole"]) == ("/v1/chat/completions", True)


def test_an_answer_that_cannot_be_written_down_is_not_given(tmp_path: Path) -> None:
    (tmp_path / "gateway" / "audit.jsonl").mkdir(parents=True)
    with served(tmp_path, ingested(tmp_path)) as live, live.client() as client:
        refused = client.post("/v1/ask", json={"recipe": "toys", "words": "a red rose in a vase"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "audit")
    assert "rose" not in refused.text


def test_a_stream_that_its_client_left_has_its_line_too(tmp_path: Path) -> None:
    catalog = Catalog.of(toys, imagora_ingestion, slow_words)
    recipe = ingested(tmp_path, catalog=catalog, generator={"use": "slow_words"})
    path = tmp_path / "gateway" / "audit.jsonl"
    with served(tmp_path, recipe, catalog=catalog) as live, live.client() as client:
        with client.stream("POST", "/v1/chat/completions", json=chat(stream=True)) as answer:
            assert any('"content":"word' in line for line in answer.iter_lines())
        until = time.monotonic() + 20
        while not path.exists():
            assert time.monotonic() < until, "no line was written"
            time.sleep(0.02)
    line = last(live)
    assert (line["whole"], line["answer"]) == (False, None)
    assert len(line["items"]) >= 1
