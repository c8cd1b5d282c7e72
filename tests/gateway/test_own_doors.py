"""Our own doors: search and ask with scores and times, and thumbnails that are their caller's alone."""

from __future__ import annotations

import base64
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.fernet import Fernet
from imagora_gateway.errors import Refusal
from imagora_gateway.thumbnails import Signer, key_in
from PIL import Image
from toy_stages import square

from .live import ByHeader, Live, editor, ingested, served

BLUE = "data:image/png;base64," + base64.b64encode(square("blue")).decode()


def post(client: httpx.Client, door: str, **asked: Any) -> httpx.Response:
    return client.post(door, json={"recipe": "toys", **asked})


def test_a_search_gives_passages_with_the_score_on_every_leg_and_the_time_of_every_stage(client: httpx.Client) -> None:
    found = post(client, "/v1/search", words="a red rose in a vase", top_k=2).json()
    first = found["passages"][0]
    assert (first["number"], first["title"], len(found["passages"])) == (1, "a rose", 2)
    assert set(first["scores"]) == {"image", "sparse"}
    assert [stage["stage"] for stage in found["stages"]] == ["router", "retriever"]
    assert all(stage["seconds"] >= 0 for stage in found["stages"])
    assert first["url"].endswith(f"/v1/items/toys/{first['id']}")


def test_an_answer_has_its_citations_and_the_id_of_its_request(client: httpx.Client) -> None:
    done = post(client, "/v1/ask", words="a red rose in a vase")
    answer = done.json()
    (cited,) = answer["citations"]
    assert answer["text"][cited["start"] : cited["end"]] == "[1]"
    assert cited["id"] == answer["passages"][0]["id"]
    assert answer["request"] == done.headers["x-request-id"]
    assert (answer["refused"], answer["degraded"]) == (False, False)
    assert "generator" in [stage["stage"] for stage in answer["stages"]]


def test_pictures_and_conditions_are_part_of_a_query(client: httpx.Client) -> None:
    by_picture = post(client, "/v1/search", pictures=[BLUE], top_k=1).json()
    assert [one["title"] for one in by_picture["passages"]] == ["the sea"]
    cheap = post(client, "/v1/search", words="rose waves", filters=["price<1"]).json()
    assert [one["title"] for one in cheap["passages"]] == ["the sea"]


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({}, "IMG-502"),
        ({"words": "x", "filters": ["price ~ 3"]}, "IMG-503"),
        ({"words": "x", "top_k": 1_000}, "too_many"),
        ({"words": "x" * 20_000}, "too_long"),
        ({"words": "x", "pictures": [BLUE] * 9}, "too_many_pictures"),
        ({"words": "x", "weights": {"image": -1}}, "IMG-505"),
        ({"words": "x", "wrods": "y"}, "invalid_request"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_its_code(client: httpx.Client, asked: Any, code: str) -> None:
    refused = post(client, "/v1/search", **asked)
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, code)


# Thumbnails.


def with_picture_file(folder: Path) -> Path:
    (folder / "photos").mkdir()
    Image.new("RGB", (800, 400), "red").save(folder / "photos" / "red.png")
    return ingested(folder, source={"use": "folder", "path": "photos"}, catalog=folder_catalog())


def folder_catalog() -> Any:
    import imagora_folder
    import imagora_ingestion
    import toys
    from imagora.catalog import Catalog

    return Catalog.of(toys, imagora_ingestion, imagora_folder)


def test_a_thumbnail_is_small_and_for_the_caller_alone_whom_it_was_shown(tmp_path: Path) -> None:
    with served(tmp_path, with_picture_file(tmp_path), catalog=folder_catalog()) as live, live.client() as client:
        live.app.state.gateway.doorkeeper = ByHeader(editor("ann"), editor("bob"))
        ann, bob = {"X-Caller": "ann"}, {"X-Caller": "bob"}
        found = client.post("/v1/search", json={"recipe": "toys", "words": "red"}, headers=ann).json()
        address = found["passages"][0]["thumbnail"]
        own, others = client.get(address, headers=ann), client.get(address, headers=bob)
        sign = "A" if address[-20] != "A" else "B"  # one in 4,096 addresses ends with any two letters by itself
        nobodys, changed = client.get(address), client.get(address[:-20] + sign + address[-19:], headers=ann)
        garbled = client.get("/v1/thumbnails/%F0%AC%9E%98", headers=ann)
    assert str(tmp_path) not in address
    with Image.open(BytesIO(own.content)) as picture:
        assert (picture.format, picture.size) == ("JPEG", (320, 160))
    assert own.headers["cache-control"].startswith("private")
    assert garbled.status_code == 404
    assert [others.status_code, nobodys.status_code, changed.status_code] == [404, 401, 404]


def test_an_address_ends(tmp_path: Path) -> None:
    signer = Signer(Fernet.generate_key(), seconds=60)
    old = Fernet(signer.key).encrypt_at_time(b'["/x", "", [], "ann"]', 1_000_000)
    with pytest.raises(Refusal, match="has expired"):
        signer.picture(old.decode(), editor("ann"))
    assert signer.picture(signer.token(tmp_path, editor("ann")), editor("ann")) == tmp_path


def test_all_processes_of_a_gateway_have_the_same_key_which_nobody_else_can_read(tmp_path: Path) -> None:
    assert key_in(tmp_path) == key_in(tmp_path)
    assert (tmp_path / "thumbnails.key").stat().st_mode & 0o077 == 0


def test_no_thumbnail_is_shown_where_a_guardrail_acted_on_the_passages(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    Image.new("RGB", (8, 8), "red").save(folder / "red.png")
    (folder / "red.txt").write_text("write to ann@example.org")
    guardrails = {"passages": [{"use": "toy_emails"}]}
    recipe = ingested(
        tmp_path, source={"use": "folder", "path": "photos"}, guardrails=guardrails, catalog=folder_catalog()
    )
    with served(tmp_path, recipe, catalog=folder_catalog()) as live, live.client() as client:
        (passage,) = post(client, "/v1/search", words="red").json()["passages"]
        looked = client.get(f"/v1/items/toys/{passage['id']}").json()
    assert (passage["text"], passage["thumbnail"]) == ("write to <EMAIL_1>", None)
    assert (looked["text"], looked["thumbnail"]) == ("write to <EMAIL_1>", None)


# Whose items.


def access(folder: Path) -> Path:
    items = [
        {"uri": "a", "text": "red shoes of north", "metadata": {"tenant": "north", "team": ["shop"]}},
        {"uri": "b", "text": "red shoes of south", "metadata": {"tenant": "south", "team": ["shop"]}},
        {"uri": "c", "text": "red shoes in secret", "metadata": {"tenant": "north", "team": ["board"]}},
    ]
    source = {"use": "toy_list", "items": items}
    return ingested(folder, source=source, access={"tenant": "tenant", "groups": "team"})


@pytest.fixture(scope="module")
def apart(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("apart")
    with served(folder, access(folder)) as live:
        live.app.state.gateway.doorkeeper = ByHeader(
            editor("ann", "north", "shop"), editor("bob", "south", "shop"), editor("eve", "")
        )
        yield live


def found_by(live: Live, who: str) -> dict[str, str]:
    with live.client(headers={"X-Caller": who}) as client:
        found = client.post("/v1/search", json={"recipe": "toys", "words": "red shoes"}).json()
    return {one["text"]: one["id"] for one in found["passages"]}


def test_every_caller_finds_their_own_items_alone(apart: Live) -> None:
    assert list(found_by(apart, "ann")) == ["red shoes of north"]
    assert list(found_by(apart, "bob")) == ["red shoes of south"]


def test_anothers_item_looks_like_none(apart: Live) -> None:
    (id_,) = found_by(apart, "ann").values()
    with apart.client() as client:
        looks = [client.get(f"/v1/items/toys/{id_}", headers={"X-Caller": who}) for who in ("ann", "bob")]
        none = client.get("/v1/items/toys/00000000-0000-5000-8000-000000000000", headers={"X-Caller": "bob"})
    assert [look.status_code for look in looks] == [200, 404]
    assert looks[1].json() == none.json()


def test_who_has_no_tenant_is_refused_where_tenants_are_kept_apart(apart: Live) -> None:
    with apart.client(headers={"X-Caller": "eve"}) as client:
        answers = [client.post(door, json={"recipe": "toys", "words": "red"}) for door in ("/v1/search", "/v1/ask")]
    assert [(one.status_code, one.json()["error"]["code"]) for one in answers] == [(403, "IMG-507")] * 2
