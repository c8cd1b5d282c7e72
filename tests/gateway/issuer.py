"""An issuer of tokens on this machine: keys, the address that shows them, and tokens of any kind, right or wrong."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa

AUDIENCE = "imagora"


@dataclass
class Issuer:
    """Keys by name, and what was asked of its server."""

    url: str = ""
    private: dict[str, Any] = field(default_factory=dict)
    published: list[dict[str, Any]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    down: bool = False

    def add_key(self, kid: str, kind: str = "RS256") -> None:
        if kind == "RS256":
            self.private[kid] = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
            shown = jwt.algorithms.RSAAlgorithm.to_jwk(self.private[kid].public_key(), as_dict=True)
        else:
            self.private[kid] = ec.generate_private_key(ec.SECP256R1())
            shown = jwt.algorithms.ECAlgorithm.to_jwk(self.private[kid].public_key(), as_dict=True)
        self.published.append({**shown, "kid": kid, "use": "sig", "alg": kind})

    def claims(self, **other: Any) -> dict[str, Any]:
        now = int(time.time())
        claims = {"iss": self.url, "aud": AUDIENCE, "sub": "ann", "iat": now, "exp": now + 300, "roles": ["viewer"]}
        return {name: value for name, value in {**claims, **other}.items() if value is not None}

    def token(
        self, kid: str = "one", algorithm: str = "RS256", headers: dict[str, Any] | None = None, **claims: Any
    ) -> str:
        shown = {name: value for name, value in {"kid": kid, **(headers or {})}.items() if value is not None}
        return jwt.encode(self.claims(**claims), self.private[kid], algorithm, headers=shown)

    def answer(self, path: str) -> Any:
        self.asked.append(path)
        if self.down:
            return None
        if path == "/.well-known/openid-configuration":
            return {"issuer": self.url, "jwks_uri": f"{self.url}/keys"}
        return {"keys": self.published} if path == "/keys" else None


@contextmanager
def issuing() -> Iterator[Issuer]:
    """Serve an issuer with two keys until the end of the block."""
    issuer = Issuer()

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = issuer.answer(self.path)
            self.send_response(404 if found is None else 200)
            self.end_headers()
            self.wfile.write(json.dumps(found).encode())

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    issuer.url = f"http://127.0.0.1:{server.server_address[1]}"
    issuer.add_key("one")
    issuer.add_key("two", "ES256")
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield issuer
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
