"""What every door has: a policy, an id, errors in the shape of its kind, and a health to be asked for."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from imagora.cli.main import app as commands
from imagora_gateway.policy import POLICY, routes_of, without_policy
from toy_recipes import recipe_of, write
from typer.testing import CliRunner

from .live import Live, ingested, served


def test_every_route_has_a_policy_and_every_policy_a_route(live: Live) -> None:
    assert without_policy(live.app) == []
    assert set(POLICY) - set(routes_of(live.app.routes)) == set()
    assert len(POLICY) >= 5


def test_a_route_without_a_policy_is_found_and_open_to_nobody(tmp_path: Path) -> None:
    with served(tmp_path, ingested(tmp_path)) as live:
        live.app.add_api_route("/forgotten", lambda: "in")
        assert without_policy(live.app) == [("GET", "/forgotten")]
        with live.client() as client:
            refused = client.get("/forgotten")
    assert refused.status_code == 403
    assert refused.json()["code"] == "no_policy"


def test_the_process_lives_and_its_recipes_can_answer(client: httpx.Client) -> None:
    assert client.get("/health").json() == {"status": "ok"}
    assert client.get("/ready").json() == {"status": "ok", "recipes": 1, "waiting": 0}


def test_a_recipe_without_an_index_waits_and_is_ready_once_it_has_one(tmp_path: Path) -> None:
    recipe = write(
        tmp_path,
        recipe_of(index={"use": "toy_memory", "path": "toys.json"}, ledger={"path": "toys.sqlite"}),
    )
    with served(tmp_path, recipe) as live, live.client() as client:
        waiting = client.get("/ready")
        ingested(tmp_path)
        ready = client.get("/ready")
    assert (waiting.status_code, waiting.json()["waiting"]) == (503, 1)
    assert (ready.status_code, ready.json()["waiting"]) == (200, 0)


def test_models_are_recipes_by_name_and_by_name_with_hash(client: httpx.Client) -> None:
    listed = client.get("/v1/models").json()
    names = [model["id"] for model in listed["data"]]
    assert listed["object"] == "list"
    assert names[0] == "toys"
    assert names[1].startswith("toys@")
    assert client.get(f"/v1/models/{names[1]}").json()["id"] == names[1]


@pytest.mark.parametrize(("model", "hint"), [("toy", "did you mean 'toys'"), ("toys@0000", "'toys' is now 'toys@")])
def test_an_unknown_model_is_told_in_openais_shape_with_what_there_is(
    client: httpx.Client, model: str, hint: str
) -> None:
    refused = client.get(f"/v1/models/{model}")
    assert refused.status_code == 404
    error = refused.json()["error"]
    assert error["code"] == "model_not_found"
    assert error["param"] == "model"
    assert hint in error["message"]


def test_what_is_not_there_is_told_as_a_problem_outside_of_v1(client: httpx.Client) -> None:
    missing = client.get("/nowhere", headers={"X-Request-Id": "abc"})
    assert missing.headers["content-type"] == "application/problem+json"
    assert missing.headers["x-request-id"] == "abc"
    assert missing.json() == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "detail": "there is nothing at '/nowhere'",
        "request": "abc",
    }


def test_an_id_that_could_break_a_log_is_replaced(client: httpx.Client) -> None:
    assert len(client.get("/health", headers={"X-Request-Id": 'a"b c'}).headers["x-request-id"]) == 32


def test_a_public_address_without_authentication_is_refused(tmp_path: Path) -> None:
    recipe = write(tmp_path, "recipe: 1\nextends: starter\n")
    done = CliRunner().invoke(commands, ["serve", str(recipe), "--host", "0.0.0.0"])
    assert done.exit_code == 2
    assert "'0.0.0.0' can be reached from other machines, and no authentication is configured" in done.output
    assert "[IMG-120]" in done.output


def test_several_processes_on_an_embedded_index_are_refused(tmp_path: Path) -> None:
    recipe = write(tmp_path, "recipe: 1\nextends: starter\n", "mine.yaml")
    done = CliRunner().invoke(commands, ["serve", str(recipe), "--workers", "2"])
    assert done.exit_code == 2
    assert "'mine' has an embedded index, which belongs to one process at a time" in done.output


def test_a_recipe_can_be_given_another_name(tmp_path: Path) -> None:
    file = ingested(tmp_path)
    with served(tmp_path, f"shop={file}", file) as live, live.client() as client:
        listed = [model["id"].partition("@")[0] for model in client.get("/v1/models").json()["data"]]
        found = client.post("/v1/search", json={"recipe": "shop", "words": "rose"})
    assert listed == ["shop", "shop", "toys", "toys"]
    assert (found.status_code, found.json()["recipe"]) == (200, "shop")


def test_two_recipes_of_one_name_are_refused(tmp_path: Path) -> None:
    recipes = [write(tmp_path / folder, "recipe: 1\nextends: starter\n", "mine.yaml") for folder in ("one", "two")]
    done = CliRunner().invoke(commands, ["serve", *map(str, recipes)])
    assert done.exit_code == 2
    assert "two recipes are called 'mine'" in done.output
    assert "NAME=" in done.output


def test_a_recipe_that_fails_again_and_again_is_not_ready(tmp_path: Path) -> None:
    with served(tmp_path, ingested(tmp_path)) as live, live.client() as client:
        route = live.app.state.gateway.recipes.router._route("toys")
        for _ in range(3):
            route.failed(RuntimeError("it is down"))
        failing = client.get("/ready")
        route.went_well()
        well = client.get("/ready")
    assert (failing.status_code, well.status_code) == (503, 200)
