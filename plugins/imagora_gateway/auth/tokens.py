"""Bearer tokens of OpenID Connect: whose they are, whether they hold, and what they say of who calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jwt

from imagora_gateway.access import ROLES, Issuer
from imagora_gateway.caller import Caller
from imagora_gateway.errors import Refusal

from .key_sets import KeySet, KeySetMissing

MOST = 16_384
"""Characters of a token."""
_KINDS = {None, "jwt", "at+jwt", "application/at+jwt"}


class Tokens:
    """Believes the tokens of the issuers that the settings name."""

    def __init__(self, issuers: Sequence[Issuer]) -> None:
        self._issuers = [(issuer, KeySet(issuer)) for issuer in issuers]

    async def caller(self, token: str) -> Caller | None:
        """Give who calls, None where the token holds not; a Refusal (503) where an issuer's keys cannot be had."""
        if len(token) > MOST:
            return None
        try:
            header = jwt.get_unverified_header(token)
            said = jwt.decode(token, options={"verify_signature": False}).get("iss")
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
            return None
        for issuer, keys in self._issuers:
            if said == issuer.issuer:
                claims = await self._claims(token, header, issuer, keys)
                return None if claims is None else caller_of(claims, issuer)
        return None

    async def _claims(
        self, token: str, header: Mapping[str, Any], issuer: Issuer, keys: KeySet
    ) -> Mapping[str, Any] | None:
        algorithm, kind, kid = header.get("alg"), header.get("typ"), header.get("kid")
        if algorithm not in issuer.algorithms or "crit" in header or str(kind or "jwt").lower() not in _KINDS:
            return None
        try:
            candidates = await keys.keys(kid)
        except KeySetMissing as missing:
            said = f"{missing}; try again later"
            raise Refusal(503, said, code="issuer_unreachable", headers={"Retry-After": "10"}) from None
        for key in candidates:
            claims = _verified(token, algorithm, key, issuer)
            if claims is not None:
                return claims
        return None


def _verified(token: str, algorithm: str, key: dict[str, Any], issuer: Issuer) -> Mapping[str, Any] | None:
    if key.get("alg", algorithm) != algorithm:  # a key is for one kind of signature, where its set says so
        return None
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            jwt.PyJWK(key, algorithm),
            algorithms=[algorithm],
            audience=issuer.audience,
            issuer=issuer.issuer,
            leeway=issuer.leeway,
            options={
                "require": ["exp", "iss", "aud", issuer.subject.partition(".")[0]],
                "enforce_minimum_key_length": True,
            },
        )
    except (jwt.PyJWTError, ValueError, TypeError):
        return None
    return claims


def caller_of(claims: Mapping[str, Any], issuer: Issuer) -> Caller | None:
    """Read who calls out of claims that hold; None where nobody is named, or a claim is of no kind that fits."""
    subject, tenant = _at(claims, issuer.subject), _at(claims, issuer.tenant)
    if not isinstance(subject, str) or not subject or not isinstance(tenant, str | None):
        return None
    theirs, recipes = _words(_at(claims, issuer.roles)), None
    if issuer.recipes is not None:
        recipes = frozenset(_words(_at(claims, issuer.recipes)))
    named = issuer.role_names
    roles = {named[word] for word in theirs if word in named} if named else {role for role in ROLES if role in theirs}
    return Caller(
        id=f"{issuer.issuer}#{subject}",
        tenant=tenant or "",
        groups=_words(_at(claims, issuer.groups)),
        roles=frozenset(roles),
        scopes=frozenset(str(claims.get("scope") or "").split()),
        recipes=recipes,
    )


def _at(claims: Mapping[str, Any], path: str) -> Any:
    if path in claims:  # addresses as names have dots themselves
        return claims[path]
    held: Any = claims
    for step in path.split("."):
        held = held.get(step) if isinstance(held, Mapping) else None
    return held


def _words(value: Any) -> tuple[str, ...]:
    # A string is one word: a group's name may have blanks.
    parts = [value] if isinstance(value, str) else value if isinstance(value, list) else ()
    return tuple(part for part in parts if isinstance(part, str) and part)
