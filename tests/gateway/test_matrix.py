"""Who may do what: every route with every kind of caller, and what is another's looks like what is not there."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from imagora_gateway.keys import Key, KeyFile
from imagora_gateway.policy import POLICY
from toy_recipes import ITEMS
from toy_stages import square

from .asks import NOWHERE, Route, ask, routes_to_ask, tool
from .issuer import AUDIENCE, Issuer, issuing
from .live import Live, ingested, served

ALL, EDIT, ADMIN = {"viewer", "editor", "evaluator", "admin"}, {"editor", "admin"}, {"admin"}
MAY: dict[Route, set[str] | None] = {
    ("GET", "/health"): None,
    ("GET", "/ready"): None,
    ("GET", "/"): ALL,
    ("GET", "/page/filters"): ALL,
    ("POST", "/page/ask"): ALL,
    ("POST", "/page/opinion"): ALL,
    ("GET", "/page/recipes/{recipe}"): ALL,
    ("GET", "/page/recipes/{recipe}/drawing.svg"): ALL,
    ("POST", "/page/sign-in"): None,
    ("POST", "/page/sign-out"): ALL,
    ("GET", "/page/assets/{name}"): None,
    ("GET", "/metrics"): ADMIN,
    ("POST", "/admin/reload"): ADMIN,
    ("ANY", "/mcp"): ALL,
    ("GET", "/openapi.json"): ALL,
    ("GET", "/v1/models"): ALL,
    ("GET", "/v1/models/{model}"): ALL,
    ("POST", "/v1/chat/completions"): ALL,
    ("POST", "/v1/search"): ALL,
    ("POST", "/v1/ask"): ALL,
    ("GET", "/v1/thumbnails/{token}"): ALL,
    ("POST", "/v1/feedback"): ALL,
    ("POST", "/v1/items"): EDIT,
    ("GET", "/v1/items/{recipe}/{id}"): ALL,
    ("PATCH", "/v1/items/{recipe}/{id}"): EDIT,
    ("DELETE", "/v1/items/{recipe}/{id}"): EDIT,
}
"""The roles that may use a route, None for whoever calls; written a second time, so that a change is meant."""
KNOWN = ("viewer", "editor", "evaluator", "admin", "viewer and editor", "token viewer", "token admin", "foreign tenant")
UNKNOWN = (
    "anonymous",
    "made-up key",
    "expired key",
    "revoked key",
    "rotated key",
    "expired token",
    "wrong audience",
    "wrong issuer",
    "unsigned token",
    "another's signature",
    "basic authentication",
)
POWERLESS = ("no role", "token without roles", "token with a role that there is not")
RED = "data:image/png;base64," + base64.b64encode(square("red")).decode()


@dataclass
class Gate:
    """A gateway, and what each kind of caller shows."""

    live: Live
    shows: dict[str, str]

    def client(self, caller: str) -> httpx.Client:
        said = self.shows[caller]
        return self.live.client(headers={"Authorization": said} if said else {})


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with issuing() as issuer:
        yield issuer


def shown(keys: KeyFile, issuer: Issuer, other: Issuer) -> dict[str, str]:
    def key(name: str, *roles: Any, tenant: str = "acme", **more: Any) -> str:
        return keys.create(Key(id="", name=name, tenant=tenant, groups=("all",), roles=roles, **more))

    def token(**claims: Any) -> str:
        return issuer.token(**{"tenant": "acme", "groups": ["all"], **claims})

    now = int(time.time())
    unsigned = base64.urlsafe_b64encode(b'{"alg":"none","kid":"one"}').rstrip(b"=").decode()
    made = {
        **{role: key(role, role) for role in sorted(ALL)},
        "viewer and editor": key("both", "editor", "viewer"),
        "foreign tenant": key("foreign", *sorted(ALL), tenant="other"),
        "no role": key("powerless"),
        "made-up key": f"imk_{'0' * 12}_{'A' * 43}",
        "expired key": key("expired", *ALL, expires=now - 1),
        "revoked key": key("revoked", *ALL),
        "rotated key": key("rotated", *ALL),
        "token viewer": token(),
        "token admin": token(roles=["admin"]),
        "token without roles": token(roles=None),
        "token with a role that there is not": token(roles=["root"]),
        "expired token": token(roles=["admin"], exp=now - 600),
        "wrong audience": token(roles=["admin"], aud="others"),
        "wrong issuer": other.token(roles=["admin"]),
        "another's signature": other.token(roles=["admin"], iss=issuer.url),
        "unsigned token": f"{unsigned}.{token(roles=['admin']).split('.')[1]}.",
    }
    keys.revoke("revoked")
    keys.rotate("rotated")
    basic = {"anonymous": "", "basic authentication": f"Basic {base64.b64encode(b'admin:admin').decode()}"}
    return {**{name: f"Bearer {said}" for name, said in made.items()}, **basic}


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory, issuer: Issuer) -> Iterator[Gate]:
    folder = tmp_path_factory.mktemp("matrix")
    items = [
        {
            **item,
            "metadata": {**item.get("metadata", {}), "tenant": tenant, "groups": ["all"]},
            "uri": f"{tenant}-{item['uri']}",
        }
        for tenant in ("acme", "other")
        for item in ITEMS
    ]
    recipe = ingested(
        folder, access={"tenant": "tenant", "groups": "groups"}, source={"use": "toy_list", "items": items}
    )
    keys = KeyFile(folder / "gateway" / "keys.sqlite")
    access = {"issuers": [{"issuer": issuer.url, "audience": [AUDIENCE]}], "rates": ["100000/minute"]}
    with issuing() as other, served(folder, recipe, access=access) as live:
        yield Gate(live, shown(keys, issuer, other))


def test_the_matrix_has_every_route_that_there_is(gate: Gate) -> None:
    assert set(routes_to_ask(gate.live.app)) == set(POLICY) == set(MAY)


def roles_of(caller: str) -> set[str]:
    if caller in POWERLESS or caller in UNKNOWN:
        return set()
    return ALL if caller == "foreign tenant" else {role for role in ALL if role in caller.split()}


@pytest.mark.parametrize("caller", [*KNOWN, *POWERLESS, *UNKNOWN])
def test_every_route_opens_for_whom_it_is_and_for_nobody_else(gate: Gate, caller: str) -> None:
    with gate.client(caller) as client:
        for route in routes_to_ask(gate.live.app):
            may, answer = MAY[route], ask(client, route)
            if may is None:
                expected = {401, 403} if route[1] == "/page/sign-in" else {200}  # with no key, or no form
            elif caller in UNKNOWN:
                expected = {401}
            elif not may & roles_of(caller):
                expected = {403}
            else:
                expected = {200, 201, 204, 404}
            assert answer.status_code in expected, (route, answer.text)
            if expected == {401}:
                assert answer.headers["www-authenticate"] == "Bearer"
            if expected == {403}:
                assert "insufficient_role" in answer.text
            if route[1].endswith(("}", "/feedback")) and route[1] != "/v1/models/{model}" and 200 in expected and may:
                assert answer.status_code == 404, route  # what is asked for is not there


@pytest.mark.parametrize("caller", UNKNOWN)
def test_who_is_nobody_hears_the_same_whatever_they_showed(gate: Gate, caller: str) -> None:
    with gate.client("anonymous") as nobody, gate.client(caller) as client:
        assert ask(client, ("POST", "/v1/ask")).text == ask(nobody, ("POST", "/v1/ask")).text


@pytest.fixture(scope="module")
def theirs(gate: Gate) -> dict[str, str]:
    """Hand an item in for the other tenant; give its id, its thumbnail's token, and the id of a request of theirs."""
    with gate.client("foreign tenant") as client:
        item = {"recipe": "toys", "uri": "theirs", "text": "a red kite", "picture": RED, "metadata": {"title": "kite"}}
        id_ = client.post("/v1/items", json=item).json()["id"]
        looked = client.get(f"/v1/items/toys/{id_}").json()
        client.post("/v1/ask", json={"recipe": "toys", "words": "kite"}, headers={"X-Request-Id": "theirs"})
        opinion = {"request": "theirs", "rating": "up"}
        assert client.post("/v1/feedback", json=opinion).status_code == 201
        assert client.get(looked["thumbnail"]).status_code == 200
    return {"id": id_, "token": looked["thumbnail"].rpartition("/")[2], "request": "theirs"}


FOREIGN: dict[Route, str] = {
    ("GET", "/v1/items/{recipe}/{id}"): "id",
    ("PATCH", "/v1/items/{recipe}/{id}"): "id",
    ("DELETE", "/v1/items/{recipe}/{id}"): "id",
    ("GET", "/v1/thumbnails/{token}"): "token",
    ("POST", "/v1/feedback"): "request",
}


@pytest.mark.parametrize("route", list(FOREIGN))
@pytest.mark.parametrize("caller", ["admin", "token admin"])
def test_what_is_another_tenants_looks_like_what_is_not_there(
    gate: Gate, theirs: dict[str, str], caller: str, route: Route
) -> None:
    which = FOREIGN[route]
    with gate.client(caller) as client:
        foreign = ask(client, route, **{which: theirs[which]})
        missing = ask(client, route, **{which: NOWHERE})
    assert foreign.status_code == missing.status_code == 404
    assert foreign.text == missing.text
    assert set(foreign.headers) == set(missing.headers)


def test_a_tool_shows_another_tenants_item_as_little(gate: Gate, theirs: dict[str, str]) -> None:
    with gate.client("admin") as client:
        foreign, missing = (tool(client, "look", id=id_) for id_ in (theirs["id"], NOWHERE))
    with gate.client("foreign tenant") as client:
        own = tool(client, "look", id=theirs["id"])
    assert (foreign.status_code, foreign.text) == (missing.status_code, missing.text)
    assert "there is no such item" in foreign.text
    assert "kite" in own.text


@pytest.mark.parametrize("route", [("POST", "/v1/search"), ("POST", "/v1/ask")])
@pytest.mark.parametrize("more", [{"tenant": "other"}, {"principal": {"tenant": "other"}}, {"groups": ["all"]}])
def test_a_body_cannot_say_who_asks(gate: Gate, route: Route, more: dict[str, Any]) -> None:
    with gate.client("viewer") as client:
        assert ask(client, route, **more).status_code == 400


@pytest.mark.parametrize("headers", [{"X-Tenant": "other"}, {"X-Forwarded-User": "other"}, {"X-Caller": "foreign"}])
def test_a_header_cannot_say_who_asks(gate: Gate, headers: dict[str, str]) -> None:
    with gate.client("viewer") as client:
        found = client.post("/v1/search", json={"recipe": "toys", "words": "rose"}, headers=headers).json()
    assert {one["metadata"]["tenant"] for one in found["passages"]} == {"acme"}


@pytest.mark.parametrize("condition", ["tenant=other", "tenant!=acme", "tenant=acme|other", "groups=secret"])
def test_a_filter_cannot_say_who_asks(gate: Gate, condition: str) -> None:
    with gate.client("viewer") as client:
        found = ask(client, ("POST", "/v1/search"), filters=[condition]).json()
    assert {one["metadata"]["tenant"] for one in found["passages"]} <= {"acme"}


def test_a_token_without_a_tenant_sees_nothing_where_tenants_are_kept_apart(gate: Gate, issuer: Issuer) -> None:
    gate.shows["homeless"] = f"Bearer {issuer.token(groups=['all'])}"
    gate.shows["in no group"] = f"Bearer {issuer.token(tenant='acme')}"
    for caller in ("homeless", "in no group"):
        with gate.client(caller) as client:
            for route in (("POST", "/v1/search"), ("POST", "/v1/ask"), ("POST", "/v1/chat/completions")):
                refused = ask(client, route)
                assert (refused.status_code, refused.json()["error"]["code"]) == (403, "IMG-507")


def test_an_item_cannot_be_handed_in_for_another_tenant_or_group(gate: Gate) -> None:
    for metadata in ({"tenant": "other"}, {"groups": ["all", "secret"]}, {"groups": []}):
        with gate.client("editor") as client:
            refused = ask(client, ("POST", "/v1/items"), metadata=metadata)
        assert refused.status_code == 403
    with gate.client("foreign tenant") as client:
        assert {one["tenant"] for one in _passages(client)} == {"other"}


def _passages(client: httpx.Client) -> list[dict[str, Any]]:
    found = client.post("/v1/search", json={"recipe": "toys", "words": "rose new sea lemon", "top_k": 50}).json()
    return [one["metadata"] for one in found["passages"]]


BEYOND = {
    "a long question": (("POST", "/v1/ask"), {"words": "x" * 16_001}),
    "a long chat": (("POST", "/v1/chat/completions"), {"words": "x" * 16_001}),
    "too many passages": (("POST", "/v1/search"), {"top_k": 101}),
    "too many pictures": (("POST", "/v1/search"), {"pictures": [RED] * 9}),
    "too many filters": (("POST", "/v1/search"), {"filters": ["a=b"] * 51}),
    "a body of 33 MB": (("POST", "/v1/search"), {"words": "x" * 33_000_000}),
}


@pytest.mark.parametrize("beyond", list(BEYOND))
def test_what_is_beyond_the_bounds_is_refused_in_the_shape_of_the_door(gate: Gate, beyond: str) -> None:
    route, asked = BEYOND[beyond]
    with gate.client("viewer") as client:
        refused = ask(client, route, **asked)
    assert refused.status_code in {400, 413, 422}
    assert refused.json()["error"]["type"] == "invalid_request_error"


def test_no_key_or_token_is_in_the_log_the_audit_or_any_file(
    gate: Gate, capsys: pytest.CaptureFixture[str], theirs: dict[str, str]
) -> None:
    secrets = [said.removeprefix("Bearer ").rpartition("_")[2] for said in gate.shows.values() if said]
    secrets += [said.rpartition(".")[2] for said in gate.shows.values() if said.count(".") > 1]
    with gate.client("admin") as client:
        client.get("/v1/models", headers={"X-Request-Id": gate.shows["admin"].removeprefix("Bearer ")[:60]})
        client.get(f"/{gate.shows['admin'][-43:]}")
    lines = "".join(capsys.readouterr())
    for path in Path(gate.live.folder).rglob("*"):
        if path.is_file():
            lines += path.read_bytes().decode("latin1")
    assert json.dumps("key:admin")[1:-1] in lines
    assert [secret for secret in secrets if len(secret) > 20 and secret in lines] == []
