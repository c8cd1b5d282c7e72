"""Keys: shown once, kept as a hash, and good for exactly as long and as much as they were made for."""

from __future__ import annotations

import json
import re
import sqlite3
import stat
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from imagora.cli.main import app as commands
from imagora.errors import QueryError
from imagora_gateway.audit import audit_of
from imagora_gateway.auth import caller_of
from imagora_gateway.keys import Key, KeyFile
from imagora_gateway.settings import settings_of
from typer.testing import CliRunner

from .live import Live, ingested, served

ANN = Key(id="", name="ann", tenant="acme", groups=("press", "shop"), roles=("editor",), recipes=("toys",))


@pytest.fixture
def keys(tmp_path: Path) -> KeyFile:
    return KeyFile(tmp_path / "kept" / "keys.sqlite")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys")


@pytest.fixture(scope="module")
def guarded(folder: Path) -> Iterator[Live]:
    KeyFile(folder / "gateway" / "keys.sqlite").create(Key(id="", name="first"))
    with served(folder, ingested(folder)) as live:
        yield live


@pytest.fixture
def live_keys(guarded: Live, folder: Path) -> KeyFile:
    return KeyFile(folder / "gateway" / "keys.sqlite")


def status(live: Live, **headers: str) -> int:
    with live.client(headers=headers) as client:
        return client.get("/v1/models").status_code


def run(*arguments: object) -> str:
    done = CliRunner().invoke(commands, ["keys", *map(str, arguments)])
    assert done.exit_code == 0, done.output
    return done.stdout


def test_a_key_is_found_again_with_all_that_it_was_made_for(keys: KeyFile) -> None:
    written = keys.create(ANN)
    found = keys.find(written)
    assert found is not None
    assert replace(found, id="", created=0) == ANN
    assert found.state() == "valid"


def test_a_file_of_before_bounds_were_kept_is_read_and_completed(keys: KeyFile, tmp_path: Path) -> None:
    written = keys.create(ANN)
    with closing(sqlite3.connect(tmp_path / "kept" / "keys.sqlite")) as file, file:
        file.execute("ALTER TABLE keys DROP COLUMN concurrent")
    found = keys.find(written)
    assert found is not None and found.concurrent is None and len(keys.all()) == 1
    assert keys.find(keys.rotate("ann")) is not None
    found = keys.find(keys.create(replace(ANN, name="bob", concurrent=3)))
    assert found is not None and caller_of(found).concurrent == 3


def test_neither_the_key_nor_its_secret_is_in_the_files_and_only_the_owner_reads_them(
    keys: KeyFile, tmp_path: Path
) -> None:
    written = keys.create(ANN)
    secret = written.split("_", 2)[2]
    kept = list((tmp_path / "kept").iterdir())
    assert sorted(path.name for path in kept) == ["keys.sqlite", "keys.sqlite.pepper"]
    for path in kept:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert secret.encode() not in path.read_bytes()


def test_a_copy_of_the_file_without_the_hashes_key_is_of_no_use(keys: KeyFile, tmp_path: Path) -> None:
    written = keys.create(ANN)
    (tmp_path / "kept" / "keys.sqlite.pepper").write_bytes(b"another")
    assert keys.find(written) is None


@pytest.mark.parametrize("part", ["id", "secret", "end", "case", "more"])
def test_a_key_that_was_changed_anywhere_is_no_key(keys: KeyFile, part: str) -> None:
    written = keys.create(ANN)
    assert keys.find(written) is not None
    changed = {
        "id": written[:4] + "0" * 12 + written[16:],
        "secret": written[:17] + ("A" if written[17] != "A" else "B") + written[18:],
        "end": written[:-1],
        "case": written.upper(),
        "more": written + "A",
    }
    assert keys.find(changed[part]) is None


def test_no_two_valid_keys_have_one_name(keys: KeyFile) -> None:
    keys.create(ANN)
    with pytest.raises(QueryError, match="there is a key 'ann' already"):
        keys.create(ANN)
    keys.revoke("ann")
    keys.create(ANN)


@pytest.mark.parametrize("name", ["", "a b", "a\nb", "-x" * 40, "a/b", "ann;"])
def test_a_name_that_could_break_a_record_is_refused(keys: KeyFile, name: str) -> None:
    with pytest.raises(QueryError):
        keys.create(replace(ANN, name=name))


def test_after_a_rotation_both_keys_work_until_the_grace_is_over(keys: KeyFile) -> None:
    old = keys.create(ANN)
    new = keys.rotate("ann", grace=3600)
    now = time.time()
    before, after = keys.find(old), keys.find(new)
    assert before is not None and after is not None and old != new
    assert (before.state(now), before.state(now + 3601)) == ("valid", "revoked")
    assert after.state(now + 3601) == "valid"
    assert replace(after, id="", created=0) == ANN


def test_what_is_revoked_is_so_in_its_grace_too(keys: KeyFile) -> None:
    old = keys.create(ANN)
    keys.rotate("ann", grace=3600)
    assert keys.revoke("ann") == 2
    found = keys.find(old)
    assert found is not None and found.state() == "revoked"


def test_a_file_that_is_none_of_ours_is_told(tmp_path: Path) -> None:
    (tmp_path / "keys.sqlite").write_bytes(b"no database at all, but long enough to be one" * 10)
    done = CliRunner().invoke(commands, ["keys", "list", "--keys", str(tmp_path / "keys.sqlite")])
    assert done.exit_code == 2
    assert "cannot be used: file is not a database [IMG-125]" in " ".join(done.output.split())


def test_the_commands_make_list_rotate_and_revoke(tmp_path: Path) -> None:
    at = ("--keys", tmp_path / "keys.sqlite")
    made = json.loads(run("create", "ann", "--role", "admin", "--role", "viewer", "--expires", "30d", "--json", *at))
    listed = run("list", *at)
    assert "ann: valid" in listed and "admin, viewer" in listed
    assert made["key"].split("_", 2)[2] not in listed + run("list", "--json", *at)
    assert run("rotate", "ann", *at).startswith("imk_")
    assert run("revoke", "ann", *at) == "ann: 1 revoked\n"
    assert [key["state"] for key in json.loads(run("list", "--json", *at))] == ["revoked", "revoked"]


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["create", "ann", "--role", "boss"], "there is no role 'boss'; there is: admin, editor, evaluator, viewer"),
        (["create", "ann", "--rate", "many"], "'many' is no rate; write, for example, 60/minute"),
        (["create", "ann", "--expires", "soon"], "'soon' is no duration; write, for example, 12h"),
        (["revoke", "bob"], "there are no keys at"),
        (["rotate", "bob"], "type: imagora keys create NAME"),
    ],
)
def test_a_mistake_is_told_with_what_there_is(tmp_path: Path, arguments: list[str], hint: str) -> None:
    done = CliRunner().invoke(commands, ["keys", *arguments, "--keys", str(tmp_path / "k.sqlite")])
    assert done.exit_code == 2
    assert hint in " ".join(done.output.split())


def test_a_served_key_opens_and_ends_without_a_restart(guarded: Live, live_keys: KeyFile) -> None:
    written = live_keys.create(Key(id="", name="served"))
    assert status(guarded, Authorization=f"Bearer {written}") == 200
    assert status(guarded, Authorization=f"bearer {written}") == 200
    live_keys.revoke("served")
    assert status(guarded, Authorization=f"Bearer {written}") == 401


def test_every_refusal_of_a_key_looks_alike(guarded: Live, live_keys: KeyFile) -> None:
    expired = live_keys.create(Key(id="", name="expired", expires=time.time() - 1))
    revoked = live_keys.create(Key(id="", name="revoked"))
    live_keys.revoke("revoked")
    made_up = f"imk_{'0' * 12}_{'A' * 43}"
    shown = []
    for said in (expired, revoked, made_up, "imk_", "x" * 20_000, "imk_\u00e9", ""):
        with guarded.client(headers={"Authorization": f"Bearer {said}".strip().encode()}) as client:
            shown.append(client.get("/v1/models"))
    with guarded.client() as client:
        shown.append(client.get("/v1/models"))
    assert {(one.status_code, one.text) for one in shown} == {(401, shown[0].text)}
    assert {one.headers["www-authenticate"] for one in shown} == {"Bearer"}
    assert shown[0].json()["error"]["type"] == "authentication_error"


def test_two_authorizations_are_none(guarded: Live, live_keys: KeyFile) -> None:
    written = live_keys.create(Key(id="", name="twice"))
    with guarded.client() as client:
        twice = client.get("/v1/models", headers=[("Authorization", f"Bearer {written}")] * 2)
        in_address = client.get("/v1/models", params={"api_key": written})
    assert (twice.status_code, in_address.status_code) == (401, 401)


def test_keys_that_are_all_revoked_still_keep_everybody_out(tmp_path: Path) -> None:
    keys = KeyFile(tmp_path / "gateway" / "keys.sqlite")
    keys.create(ANN)
    keys.revoke("ann")
    with served(tmp_path, ingested(tmp_path)) as live:
        assert status(live) == 401


def test_a_key_that_is_in_no_recipe_sees_none_of_it(guarded: Live, live_keys: KeyFile) -> None:
    written = live_keys.create(Key(id="", name="elsewhere", recipes=("others",)))
    with guarded.client(headers={"Authorization": f"Bearer {written}"}) as client:
        assert client.get("/v1/models").json()["data"] == []
        foreign, missing = client.get("/v1/models/toys"), client.get("/v1/models/toyz")
    assert (foreign.status_code, missing.status_code) == (404, 404)
    assert foreign.text.replace("toys", "toyz") == missing.text


def test_a_broken_file_of_keys_lets_nobody_in_and_says_so_only_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "gateway" / "keys.sqlite"
    written = KeyFile(path).create(ANN)
    with served(tmp_path, ingested(tmp_path)) as live:
        path.write_bytes(b"no database at all, but long enough to be one" * 10)
        with live.client(headers={"Authorization": f"Bearer {written}"}) as client:
            refused = client.get("/v1/models")
    assert refused.status_code == 503
    assert refused.headers["retry-after"] == "5"
    assert "sqlite" not in refused.text


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, 200),
        ({"Host": "localhost:8017"}, 200),
        ({"Host": "[::1]:8017", "Origin": "http://[::1]:8017"}, 200),
        ({"Host": "evil.example"}, 403),
        ({"Host": "127.0.0.1.evil.example"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
def test_without_keys_a_page_from_elsewhere_cannot_use_the_gateway_of_this_machine(
    live: Live, headers: dict[str, str], expected: int
) -> None:
    with httpx.Client(base_url=live.url, headers=headers) as client:
        assert client.get("/v1/models").status_code == expected


def test_the_settings_in_the_docs_are_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (Path(__file__).parents[2] / "docs" / "gateway-access.md").read_text()
    (block,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    (file := tmp_path / "gateway.yaml").write_text(block)
    settings = settings_of(file, {"recipes": ("starter",), "port": 9})
    assert settings.access.issuers[0].role_names == {"imagora-users": "viewer", "imagora-staff": "editor"}
    assert (settings.bounds.top_k, settings.port) == (50, 9)
    with pytest.raises(QueryError, match="AUDIT_KEY, which is not set"):
        audit_of(settings)
    monkeypatch.setenv("AUDIT_KEY", "a secret")
    assert "a secret" not in settings.model_dump_json()
    audit_of(settings)
    (tmp_path / "wrong.yaml").write_text("acess: {rates: [1/day]}\naccess: {rates: [often]}")
    with pytest.raises(QueryError) as wrong:
        settings_of(tmp_path / "wrong.yaml", {"recipes": ("starter",)})
    assert "acess: Extra inputs are not permitted" in str(wrong.value)
    assert "access.rates.0: 'often' is no rate" in str(wrong.value)
