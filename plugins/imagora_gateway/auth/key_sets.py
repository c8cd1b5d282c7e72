"""The public keys of an issuer: read from a file or an address, kept, and read again when a new one is named."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from imagora_gateway.access import Issuer
from imagora_gateway.logs import log

MOST = 1_000_000
"""Bytes of a set of keys."""
_SECONDS = 5


class KeySetMissing(Exception):
    """There are no keys of an issuer to check with, and why."""


class KeySet:
    """Keeps an issuer's keys.

    They are read again when they are old, or when a token names one that is not among them, but never more often than
    `pause` allows: whoever sends tokens with names of their own cannot make us ask the issuer each time. Where a
    reading fails, what was read before holds on.
    """

    def __init__(self, issuer: Issuer, clock: Callable[[], float] = time.monotonic) -> None:
        self._issuer, self._clock = issuer, clock
        self._keys: list[dict[str, Any]] = []
        self._read: float | None = None
        self._tried: float | None = None
        self._lock = asyncio.Lock()

    async def keys(self, kid: str | None) -> list[dict[str, Any]]:
        """Give the keys that a token with this name of a key may be signed with; KeySetMissing where none was read."""
        async with self._lock:
            now = self._clock()
            old = self._read is None or now - self._read >= self._issuer.keep
            if (old or not self._named(kid)) and (self._tried is None or now - self._tried >= self._issuer.pause):
                self._tried = now
                await self._again()
            if self._read is None:
                raise KeySetMissing("the issuer's keys could not be read")
            return self._named(kid)

    def _named(self, kid: str | None) -> list[dict[str, Any]]:
        if kid is None:  # which only means something where there is one key
            return self._keys if len(self._keys) == 1 else []
        return [key for key in self._keys if key.get("kid") == kid]

    async def _again(self) -> None:
        try:
            self._keys = usable(await self._document())
            self._read = self._clock()
        except Exception as error:  # an issuer that is down must not end what it vouched for before
            log().warning("the issuer's keys could not be read", issuer=self._issuer.issuer, error=repr(error)[:300])

    async def _document(self) -> Any:
        jwks = self._issuer.jwks
        if jwks is not None and not jwks.startswith(("https://", "http://")):
            return json.loads(await asyncio.to_thread(Path(jwks).read_bytes))
        if jwks is None:
            about = await _get(f"{self._issuer.issuer.rstrip('/')}/.well-known/openid-configuration")
            if about.get("issuer") != self._issuer.issuer:
                raise ValueError(f"it calls itself {str(about.get('issuer'))[:200]!r}")
            jwks = str(about["jwks_uri"])
            Issuer.model_validate({**self._issuer.model_dump(), "jwks": jwks})  # https, as if somebody had written it
        return await _get(jwks)


def usable(document: Any) -> list[dict[str, Any]]:
    """Give the public keys for signatures in a set; what is a shared secret, or for something else, is left out."""
    return [
        key
        for key in document["keys"]
        if key.get("kty") in {"RSA", "EC", "OKP"} and key.get("use", "sig") == "sig" and "d" not in key
    ]


async def _get(address: str) -> Any:
    import httpx

    # Without what the environment says of proxies, and without redirects: keys come from where the settings say.
    async with (
        asyncio.timeout(_SECONDS),
        httpx.AsyncClient(trust_env=False, follow_redirects=False, timeout=_SECONDS) as client,
        client.stream("GET", address, headers={"Accept": "application/json"}) as response,
    ):
        response.raise_for_status()
        read = bytearray()
        async for part in response.aiter_bytes(65_536):
            read += part
            if len(read) > MOST:
                raise ValueError("the answer is too large")
    return json.loads(read)
