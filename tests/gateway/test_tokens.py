"""Tokens of OpenID Connect: taken where signature, audience, issuer and times all hold, and not otherwise."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from imagora_gateway import access
from imagora_gateway.auth.key_sets import KeySet
from imagora_gateway.auth.tokens import Tokens
from imagora_gateway.caller import Caller
from imagora_gateway.errors import Refusal
from pydantic import ValidationError

from .issuer import AUDIENCE, Issuer, issuing
from .live import ingested, served

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with issuing() as issuer:
        yield issuer


def believed(issuer: Issuer, /, **options: Any) -> access.Issuer:
    return access.Issuer.model_validate({"issuer": issuer.url, "audience": [AUDIENCE], **options})


async def caller(issuer: Issuer, token: str, /, **options: Any) -> Caller | None:
    return await Tokens([believed(issuer, **options)]).caller(token)


def by_hand(header: dict[str, Any], claims: dict[str, Any], signature: bytes | None = None, secret: bytes = b"") -> str:
    """Write a token as no library would."""

    def coded(part: bytes) -> bytes:
        return base64.urlsafe_b64encode(part).rstrip(b"=")

    head = b".".join(coded(json.dumps(part).encode()) for part in (header, claims))
    signed = hmac.new(secret, head, hashlib.sha256).digest() if signature is None else signature
    return (head + b"." + coded(signed)).decode()


def public_pem(issuer: Issuer) -> bytes:
    public = issuer.private["one"].public_key()
    return bytes(public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo))


@pytest.mark.parametrize(("kid", "algorithm"), [("one", "RS256"), ("two", "ES256")])
async def test_a_token_says_who_calls(issuer: Issuer, kid: str, algorithm: str) -> None:
    token = issuer.token(
        kid, algorithm, tenant="acme", groups=["press room", "shop"], roles=["editor", "boss"], scope="read write"
    )
    assert await caller(issuer, token) == Caller(
        f"{issuer.url}#ann",
        "acme",
        ("press room", "shop"),
        frozenset({"editor"}),
        scopes=frozenset({"read", "write"}),
    )


async def test_claims_are_where_the_settings_say(issuer: Issuer) -> None:
    token = issuer.token(
        realm_access={"roles": ["imagora-staff", "viewer"]},
        **{"https://acme.example/tenant": "acme", "email": "ann@acme.example", "teams": "press room", "may": ["toys"]},
    )
    found = await caller(
        issuer,
        token,
        subject="email",
        tenant="https://acme.example/tenant",
        groups="teams",
        roles="realm_access.roles",
        role_names={"imagora-staff": "evaluator"},
        recipes="may",
    )
    assert found == Caller(
        f"{issuer.url}#ann@acme.example",
        "acme",
        ("press room",),
        frozenset({"evaluator"}),
        recipes=frozenset({"toys"}),
    )


async def test_a_claim_of_recipes_that_is_missing_is_no_recipe_at_all(issuer: Issuer) -> None:
    found = await caller(issuer, issuer.token(), recipes="may")
    assert found is not None and found.recipes == frozenset()


def wrong_claims(issuer: Issuer) -> dict[str, dict[str, Any]]:
    now = int(time.time())
    return {
        "expired": {"exp": now - 31},
        "no expiry": {"exp": None},
        "expiry is a word": {"exp": "tomorrow"},
        "not yet": {"nbf": now + 60},
        "issued in the future": {"iat": now + 60},
        "another audience": {"aud": "others"},
        "no audience": {"aud": None},
        "audience is a part": {"aud": AUDIENCE[:-1]},
        "another issuer": {"iss": "https://evil.example"},
        "issuer with a slash": {"iss": issuer.url + "/"},
        "no issuer": {"iss": None},
        "nobody": {"sub": None},
        "a number calls": {"sub": 7},
        "an empty name": {"sub": ""},
        "tenant is a list": {"tenant": ["acme", "other"]},
    }


@pytest.mark.parametrize("wrong", list(wrong_claims(Issuer())))
async def test_a_claim_that_holds_not_is_refused(issuer: Issuer, wrong: str) -> None:
    assert await caller(issuer, issuer.token(**wrong_claims(issuer)[wrong])) is None


async def test_clocks_may_be_apart_by_the_leeway(issuer: Issuer) -> None:
    now = int(time.time())
    late = issuer.token(exp=now - 5, nbf=now + 5)
    assert await caller(issuer, late) is not None
    assert await caller(issuer, late, leeway=0) is None


@pytest.fixture(scope="module")
def forged(issuer: Issuer) -> dict[str, str]:
    claims, good = issuer.claims(roles=["admin"]), issuer.token()
    head, body, signature = good.split(".")
    own = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
    own_jwk = jwt.algorithms.RSAAlgorithm.to_jwk(own.public_key(), as_dict=True)
    admin = by_hand({"alg": "RS256", "kid": "one"}, claims, b"").split(".")[1]
    jwks = json.dumps(issuer.published[0]).encode()
    return {
        "none": by_hand({"alg": "none", "kid": "one"}, claims, b""),
        "None in capitals": by_hand({"alg": "nOnE", "kid": "one"}, claims, b""),
        "no signature": by_hand({"alg": "RS256", "kid": "one"}, claims, b""),
        "no algorithm": by_hand({"kid": "one"}, claims, b""),
        "HS256 with the public key": by_hand({"alg": "HS256", "kid": "one"}, claims, secret=public_pem(issuer)),
        "HS256 with the shown key": by_hand({"alg": "HS256", "kid": "one"}, claims, secret=jwks),
        "HS256 with nothing": by_hand({"alg": "HS256", "kid": "one"}, claims, secret=b""),
        "another body": f"{head}.{admin}.{signature}",
        "another key by that name": jwt.encode(claims, own, "RS256", headers={"kid": "one"}),
        "a key of its own": jwt.encode(claims, own, "RS256", headers={"kid": "one", "jwk": own_jwk}),
        "keys elsewhere": jwt.encode(claims, own, "RS256", headers={"kid": "one", "jku": f"{issuer.url}/evil"}),
        "an algorithm that is not taken": issuer.token(algorithm="PS256"),
        "a key of another kind": issuer.token("two", "ES256", {"kid": "one"}),
        "no name of a key where there are two": issuer.token(headers={"kid": None}),
        "a name of a key that is a path": issuer.token(headers={"kid": "../../../dev/null"}),
        "something critical": issuer.token(headers={"crit": ["b64"], "b64": True}),
        "another kind of token": issuer.token(headers={"typ": "logout+jwt"}),
        "two parts": f"{head}.{body}",
        "five parts": f"{good}.{body}.{body}",
        "no base64": "a.b.c",
        "deep": f"{base64.urlsafe_b64encode(b'[' * 9000).decode()}.{body}.{signature}",
        "long": good + "A" * 20_000,
    }


FORGED = (
    "none",
    "None in capitals",
    "no signature",
    "no algorithm",
    "HS256 with the public key",
    "HS256 with the shown key",
    "HS256 with nothing",
    "another body",
    "another key by that name",
    "a key of its own",
    "keys elsewhere",
    "an algorithm that is not taken",
    "a key of another kind",
    "no name of a key where there are two",
    "a name of a key that is a path",
    "something critical",
    "another kind of token",
    "two parts",
    "five parts",
    "no base64",
    "deep",
    "long",
)


@pytest.mark.parametrize("how", FORGED)
async def test_a_forged_token_is_refused(issuer: Issuer, forged: dict[str, str], how: str) -> None:
    assert tuple(forged) == FORGED
    assert await caller(issuer, forged[how]) is None
    assert "/evil" not in issuer.asked


@pytest.mark.parametrize("algorithm", ["none", "HS256", "HS512", "RS1", "ES256K"])
def test_settings_cannot_name_an_algorithm_that_is_not_safe(issuer: Issuer, algorithm: str) -> None:
    with pytest.raises(ValidationError):
        believed(issuer, algorithms=[algorithm])


@pytest.mark.parametrize("place", ["issuer", "jwks"])
@pytest.mark.parametrize(
    "address", ["http://keys.example/set", "http://localhost.example/", "http://127.0.0.1:80@a.example/"]
)
def test_settings_cannot_have_keys_come_without_encryption(issuer: Issuer, place: str, address: str) -> None:
    with pytest.raises(ValidationError, match="must begin with https"):
        believed(issuer, **{"jwks": "keys.json", place: address})


async def test_a_shared_secret_in_a_set_of_keys_is_left_out(issuer: Issuer, tmp_path: Path) -> None:
    secret = base64.urlsafe_b64encode(b"s" * 32).decode()
    (tmp_path / "keys.json").write_text(
        json.dumps({"keys": [{"kty": "oct", "k": secret, "kid": "s"}, {**issuer.published[0], "use": "enc"}]})
    )
    assert await KeySet(believed(issuer, jwks=str(tmp_path / "keys.json"))).keys("s") == []
    assert await KeySet(believed(issuer, jwks=str(tmp_path / "keys.json"))).keys("one") == []


async def test_keys_come_from_a_file_too(issuer: Issuer, tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_text(json.dumps({"keys": issuer.published[:1]}))
    assert await caller(issuer, issuer.token(headers={"kid": None}), jwks=str(tmp_path / "keys.json")) is not None


async def test_a_new_key_is_read_when_it_is_named_and_made_up_names_do_not_ask_the_issuer_each_time() -> None:
    with issuing() as issuer:
        now = 0.0
        tokens = Tokens([])
        settings = believed(issuer, pause=10, keep=600)
        tokens._issuers = [(settings, KeySet(settings, lambda: now))]
        assert await tokens.caller(issuer.token()) is not None
        issuer.add_key("three")
        rotated = issuer.token("three")
        assert await tokens.caller(rotated) is None  # within the pause
        for number in range(20):
            assert await tokens.caller(issuer.token(headers={"kid": f"made up {number}"})) is None
        assert issuer.asked.count("/keys") == 1
        now = 11
        assert await tokens.caller(rotated) is not None
        assert issuer.asked.count("/keys") == 2
        now = 700
        assert await tokens.caller(rotated) is not None
        assert issuer.asked.count("/keys") == 3


async def test_a_key_that_the_issuer_took_back_is_no_longer_taken() -> None:
    with issuing() as issuer:
        now = 0.0
        keys = KeySet(believed(issuer), lambda: now)
        assert len(await keys.keys("one")) == 1
        del issuer.published[0]
        now = 601
        assert await keys.keys("one") == []


async def test_an_issuer_that_is_down_ends_nothing_that_it_vouched_for_and_begins_nothing() -> None:
    with issuing() as issuer:
        tokens = Tokens([believed(issuer, keep=1, pause=0)])
        issuer.down = True
        with pytest.raises(Refusal) as caught:
            await tokens.caller(issuer.token())
        assert (caught.value.status, caught.value.headers["Retry-After"]) == (503, "10")
        issuer.down = False
        assert await tokens.caller(issuer.token()) is not None
        issuer.down = True
        assert await tokens.caller(issuer.token()) is not None


async def test_an_issuer_that_calls_itself_otherwise_is_not_believed() -> None:
    with issuing() as issuer:
        token = issuer.token()
        issuer.url += "/other"
        with pytest.raises(Refusal, match="could not be read"):
            await Tokens([believed(issuer, issuer=issuer.url.removesuffix("/other"))]).caller(token)


def test_a_served_gateway_takes_tokens(issuer: Issuer, tmp_path: Path) -> None:
    settings = {"issuers": [{"issuer": issuer.url, "audience": [AUDIENCE]}]}
    with served(tmp_path, ingested(tmp_path), access=settings) as live, live.client() as client:
        statuses = [
            client.get("/v1/models", headers={"Authorization": f"Bearer {token}"} if token else {}).status_code
            for token in (issuer.token(), issuer.token(exp=1), issuer.token(roles=[]), "")
        ]
    assert statuses == [200, 401, 403, 401]
