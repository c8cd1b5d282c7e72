"""`imagora doctor` over real parts: an embedded index, servers on loopback, closed ports; and no secret gets out."""

from __future__ import annotations

import base64
import hashlib
import json
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from imagora.catalog import installed_catalog
from imagora.cli.main import app
from imagora_doctor.ports import TABLES, listening
from toy_distributions import TOYS, install, install_toys
from toy_recipes import recipe_of, write
from typer.testing import CliRunner, Result

from .otlp_receiver import receiver

CANARY = "canary-0b7e4f1d"
STRANGER = """
from pathlib import Path
from imagora import Component, Model, Options, hookimpl
from imagora.health import Check, Unhealthy
class Said(Options):
    file: str = ""
def fails(): raise Unhealthy("its lamp is out", "change the bulb")
def breaks(): raise ZeroDivisionError("oh")
def never(): raise AssertionError("a check that needs a failed one is not run")
def checks(options):
    yield Check("cable", lambda: "plugged in")
    yield Check("lamp", fails, needs=("cable",))
    yield Check("light", never, needs=("lamp",))
    yield Check("maths", breaks)
    raise LookupError("no more")
def models(options): return [Model("weights", lambda: [Path(options.file)], "stranger")] if options.file else []
@hookimpl
def offer_generators():
    return [Component("strange", "a toy", Said, lambda o, c: None, checks=checks, models=models)]
"""


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    site = tmp_path / "site"
    install_toys(site)
    install(site, "stranger", {"stranger": "stranger"}, {"stranger": STRANGER})
    for folder in (TOYS, site):
        monkeypatch.syspath_prepend(str(folder))
    monkeypatch.chdir(tmp_path)
    installed_catalog.cache_clear()
    yield tmp_path
    installed_catalog.cache_clear()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def doctor(folder: Path, recipe: Mapping[str, Any], code: int) -> dict[str, dict[str, Any]]:
    """Give the findings by group and name, and see that none has a secret, and every failure a fix and a code."""
    write(folder, recipe, "r.yaml")
    done = run("doctor", "r.yaml", "--json")
    assert done.exit_code == code, done.output
    assert CANARY not in done.output and "Traceback" not in done.output
    found = {f"{each['group']}/{each['name']}": each for each in json.loads(done.stdout)["checks"]}
    for each in found.values():
        assert bool(each["fix"]) == bool(each["code"]) == (each["state"] == "failed"), each
    return found


def states(found: Mapping[str, Mapping[str, Any]], group: str) -> dict[str, str]:
    return {key.partition("/")[2]: each["state"] for key, each in found.items() if each["group"] == group}


@contextmanager
def server(replies: Mapping[str, tuple[int, Any]], key: tuple[str, str] | None = None) -> Iterator[str]:
    """A server on loopback that gives these replies, and 401, which quotes the key, to whoever has another one."""

    class Replies(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            given = self.headers.get(key[0], "") if key else ""
            status, body = replies.get(self.path, (404, {}))
            if key and given != key[1]:
                status, body = 401, {"error": f"the key {given} is wrong"}
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: Any) -> None:
            pass

    made = ThreadingHTTPServer(("127.0.0.1", 0), Replies)
    threading.Thread(target=made.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{made.server_port}"
    finally:
        made.shutdown()
        made.server_close()


@pytest.fixture
def closed() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


QDRANT = {
    "/": (200, {"title": "qdrant - vector search engine", "version": "1.16.2"}),
    "/collections": (200, {"result": {"collections": [{"name": "imagora"}]}}),
}
VLLM = {"/v1/models": (200, {"data": [{"id": "tiny-vlm"}]}), "/version": (200, {"version": "0.12.0"})}


def on_server(url: str, **more: Any) -> dict[str, Any]:
    return recipe_of(index={"use": "qdrant", "url": url, **more}, retriever={"use": "hybrid"}, ledger=None)


def test_a_machine_that_is_fine_ends_with_0(shop: Path) -> None:
    done = run("doctor", "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["fine"] is True
    assert [each["name"] for each in found["checks"]] == [
        "python", "packages", "plugins", "extras", "disk", "temporary folder", "decoder",
    ]  # fmt: skip


def test_a_plugin_that_fails_is_named_and_ends_with_1(shop: Path) -> None:
    install(shop / "site", "broken", {"broken": "broken"}, {"broken": "import nowhere_at_all"})
    installed_catalog.cache_clear()
    done = run("doctor")
    assert done.exit_code == 1
    assert "✗ plugins: 'broken' of broken 1.0: ModuleNotFoundError" in done.stdout
    assert "[IMG-403]" in done.stdout


def test_a_wrong_recipe_is_told_with_its_place_and_its_parts_are_skipped(shop: Path) -> None:
    found = doctor(shop, {"recipe": 1, "retreiver": {"use": "hybrid"}}, 1)
    assert "r.yaml:1:" in found["recipe/recipe"]["said"] and "[IMG-301]" in found["recipe/recipe"]["said"]
    assert {found[f"{group}/{group}"]["state"] for group in ("models", "parts", "index", "ports")} == {"skipped"}
    assert states(found, "machine")["python"] == "fine"


def test_an_embedded_index_is_fine_after_an_ingest_and_refuses_another_embedder(shop: Path) -> None:
    recipe = recipe_of(index={"use": "qdrant", "path": "index"}, retriever={"use": "hybrid"}, ledger=None)
    before = doctor(shop, recipe, 1)
    assert states(before, "index") == {"folder": "fine", "identity": "failed"}
    assert before["index/identity"]["code"] == "IMG-902"
    assert run("ingest", "r.yaml").exit_code == 0
    after = doctor(shop, recipe, 0)
    assert after["index/identity"]["said"].startswith("4 entries at ")
    legs = {**recipe["embedders"], "image": {"use": "toy_colour", "weights": "2"}}
    other = doctor(shop, {**recipe, "embedders": legs}, 1)
    assert other["index/identity"]["code"] in {"IMG-904", "IMG-905", "IMG-902"}
    assert "ingest" in other["index/identity"]["said"] + other["index/identity"]["fix"]


def test_a_place_that_is_a_file_is_no_folder_for_an_index(shop: Path) -> None:
    recipe = recipe_of(index={"use": "qdrant", "path": "r.yaml/index"}, retriever={"use": "hybrid"}, ledger=None)
    found = doctor(shop, recipe, 1)
    assert states(found, "index") == {"folder": "failed", "identity": "skipped"}


def test_a_qdrant_server_is_asked_for_its_version_its_collection_and_the_key(shop: Path) -> None:
    with server(QDRANT) as url:
        found = doctor(shop, on_server(url), 1)  # what is there is not an index of ours
        assert found["index/server"]["said"] == "Qdrant 1.16.2"
        assert states(found, "index") == {
            "server": "fine", "collection": "fine", "access": "fine", "identity": "failed",
        }  # fmt: skip
        assert states(found, "ports") == {"port of index": "fine"}
        lacking = doctor(shop, on_server(url, collection="imagorra"), 1)
        assert "did you mean 'imagora'?" in lacking["index/collection"]["said"]
        assert lacking["index/identity"]["state"] == "skipped"
    old = {**QDRANT, "/": (200, {"title": "qdrant", "version": "1.9.0"})}
    with server(old) as url:
        assert "1.16 or newer is needed" in doctor(shop, on_server(url), 1)["index/server"]["said"]
    with server({"/": (200, {"hello": "there"})}) as url:
        assert "is no Qdrant server" in doctor(shop, on_server(url), 1)["index/server"]["said"]


def test_a_closed_port_is_told_once_and_what_needs_it_is_skipped(shop: Path, closed: str) -> None:
    found = doctor(shop, on_server(closed), 1)
    assert f"nobody answers at '{closed}'" in found["index/server"]["said"]
    assert states(found, "index") == {
        "server": "failed", "collection": "skipped", "access": "skipped", "identity": "skipped",
    }  # fmt: skip


def test_a_vllm_server_is_asked_for_its_models(shop: Path, closed: str) -> None:
    def generating(url: str, model: str) -> dict[str, Any]:
        return {"recipe": 1, "generator": {"use": "vllm", "url": url, "model": model}}

    with server(VLLM) as url:
        fine = doctor(shop, generating(url, "tiny-vlm"), 0)
        assert fine["generator/server"]["said"] == "vLLM 0.12.0"
        assert fine["models/tiny-vlm"]["said"] == "runs elsewhere"
        wrong = doctor(shop, generating(url, "tiny-vllm"), 1)
        assert "did you mean 'tiny-vlm'? (there is: tiny-vlm)" in wrong["generator/model"]["said"]
    assert states(doctor(shop, generating(closed, "tiny-vlm"), 1), "generator") == {
        "server": "failed", "model": "skipped", "access": "skipped",
    }  # fmt: skip


def test_a_collector_takes_an_empty_trace_and_shown_content_needs_no_guardrails(shop: Path, closed: str) -> None:
    tracing = {**recipe_of(), "traces": {"use": "phoenix", "url": closed}}
    assert states(doctor(shop, tracing, 1), "traces") == {"collector": "failed", "access": "skipped", "content": "fine"}
    with receiver() as collector:
        shown = {"use": "phoenix", "url": collector.url, "content": "shown"}
        assert states(doctor(shop, {**tracing, "index": None, "retriever": None, "traces": shown}, 0), "traces") == {
            "collector": "fine", "access": "fine", "content": "fine",
        }  # fmt: skip
        assert collector.spans() == []
        guarded = {"query": [{"use": "toy_emails"}]}
        found = doctor(shop, {**tracing, "traces": shown, "guardrails": guarded}, 1)
        assert found["settings/traces"]["state"] == "failed"


def test_postgres_that_is_not_there_is_told_without_its_password(shop: Path, closed: str) -> None:
    dsn = f"postgresql://reader:{CANARY}@{closed.removeprefix('http://')}/shop"
    source = {"use": "postgres", "name": "goods", "query": "SELECT id FROM goods", "dsn": dsn}
    found = doctor(shop, {**recipe_of(), "source": source}, 1)
    assert found["source/server"]["said"].startswith("cannot connect to PostgreSQL at '127.0.0.1:")


def test_no_key_is_printed_whoever_quotes_it(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_KEY", CANARY)
    monkeypatch.setenv("PHOENIX_API_KEY", CANARY)
    with server(QDRANT, ("api-key", CANARY)) as url:
        assert states(doctor(shop, on_server(url, api_key="${SHOP_KEY}"), 1), "index")["server"] == "fine"
    with server(QDRANT, ("api-key", "another")) as url:
        found = doctor(shop, on_server(url, api_key="${SHOP_KEY}"), 1)
        assert found["index/server"]["said"] == "the server refuses the API key"
        assert CANARY not in run("doctor", "r.yaml").output
    generator = {"use": "vllm", "model": CANARY, "url": f"http://127.0.0.1:1/{CANARY}", "api_key": CANARY}
    doctor(shop, {"recipe": 1, "generator": generator}, 1)
    assert CANARY not in run("doctor", "r.yaml").output


def test_a_strangers_checks_join_and_a_broken_one_is_no_traceback(shop: Path) -> None:
    found = doctor(shop, {"recipe": 1, "generator": {"use": "strange"}}, 1)
    assert states(found, "generator") == {
        "cable": "fine", "lamp": "failed", "light": "skipped", "maths": "failed", "checks": "failed",
    }  # fmt: skip
    assert (found["generator/lamp"]["fix"], found["generator/lamp"]["code"]) == ("change the bulb", "IMG-806")
    assert found["generator/light"]["said"] == "needs 'lamp'"
    assert "ZeroDivisionError: oh" in found["generator/maths"]["said"]
    told = run("doctor", "r.yaml").stdout
    assert "\n  ✗ lamp: its lamp is out [IMG-806]\n      change the bulb\n  - light: needs 'lamp'\n" in told


def test_a_models_file_is_held_against_what_was_installed(shop: Path) -> None:
    file = shop / "site" / "weights.bin"
    file.write_bytes(b"true weights")
    digest = base64.urlsafe_b64encode(hashlib.sha256(b"true weights").digest()).rstrip(b"=").decode()
    record = shop / "site" / "stranger-1.0.dist-info" / "RECORD"
    record.write_text(f"weights.bin,sha256={digest},12\n")
    recipe = {"recipe": 1, "generator": {"use": "strange", "file": str(file)}}
    assert doctor(shop, recipe, 1)["models/weights"]["said"].endswith(", as installed")
    file.write_bytes(b"other weights")
    found = doctor(shop, recipe, 1)["models/weights"]
    assert "is not what 'stranger' was installed with" in found["said"]
    assert found["fix"] == "type: pip install --force-reinstall stranger"
    file.unlink()
    assert "is not there" in doctor(shop, recipe, 1)["models/weights"]["said"]


def test_the_starters_models_are_as_installed(shop: Path) -> None:
    for component in ("starter", "extractive"):
        from imagora_starter import packages

        assert [file.is_file() for model in packages.models() for file in model.files()] == [True] * 3, component
    found = doctor(shop, {"recipe": 1, "generator": {"use": "extractive"}}, 0)
    assert found["models/all-MiniLM-L6-v2"]["said"].endswith(", as installed")


@pytest.mark.parametrize(
    ("generator", "said"),
    [
        ({"use": "clip", "model": "ViT-B-32", "weights": "./none.safetensors"}, "is not there"),
        ({"use": "sentence_transformers", "model": "sentence-transformers/none"}, "is not in the model hub's cache"),
        ({"use": "sentence_transformers", "model": "./nowhere/model"}, "there are no weights in"),
    ],
)
def test_models_that_are_not_on_the_disk_are_told(generator: dict[str, Any], said: str, shop: Path) -> None:
    leg = "image" if generator["use"] == "clip" else "text"
    from imagora_doctor.models import checks
    from imagora_recipe.check import check

    plan = check(write(shop, {**recipe_of(), "embedders": {leg: generator}}, "m.yaml"))
    (model,) = checks(plan)
    with pytest.raises(Exception, match=said):
        model.run()


def test_ports_that_are_listened_on_are_read_from_what_linux_says() -> None:
    head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
    lines = [
        "   0: 00000000:18BD 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1",
        "   1: 0100007F:1776 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 2",
        "   2: 0100007F:1777 0100007F:1776 01 00000000:00000000 00:00000000 00000000     0        0 3",
        "   3: 00000000000000000000000001000000:1F40 00000000000000000000000000000000:0000 0A 0:0 00:0 0 0 0 4",
    ]
    found = [(str(address), port) for address, port in listening(head + "\n".join(lines))]
    assert found == [("0.0.0.0", 6333), ("127.0.0.1", 6006), ("::1", 8000)]
    if not TABLES[0].exists():
        pytest.skip("this system has no table of its sockets")
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        made.listen()
        assert ("127.0.0.1", made.getsockname()[1]) in [(str(a), p) for a, p in listening(TABLES[0].read_text())]


def test_a_port_that_others_reach_without_a_key_is_told(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Nothing in a test may listen to others: the table says that something does.
    from imagora_doctor import ports

    with server(VLLM) as url:
        port = int(url.rpartition(":")[2])
        table = shop / "tcp"
        table.write_text(f"   0: 00000000:{port:04X} 00000000:0000 0A 0:0 00:0 0 0 0 1\n")
        monkeypatch.setattr(ports, "TABLES", (table,))
        generator = {"use": "vllm", "url": url, "model": "tiny-vlm"}
        found = doctor(shop, {"recipe": 1, "generator": generator}, 1)
        assert f"port {port} listens on 0.0.0.0" in found["ports/port of generator"]["said"]
        doctor(shop, {"recipe": 1, "generator": {**generator, "api_key": "long-enough"}}, 0)
