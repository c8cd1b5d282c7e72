"""Styles and scripts, all from here: what the page needs, it brings."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import Response

from imagora_gateway.errors import Refusal

router = APIRouter(prefix="/page")
_FOLDER = Path(__file__).parent / "static"
_KINDS = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


@router.get("/assets/{name}")
async def asset(name: str) -> Response:
    """Give a file of the page; its address has a hash of it, so that browsers may keep it."""
    found = _files().get(name)
    if found is None:
        raise Refusal(404, "there is no such file", code="no_asset")
    headers = {"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}
    headers["Content-Security-Policy"] = "default-src 'none'"
    return Response(found, media_type=f"{_KINDS[Path(name).suffix]}; charset=utf-8", headers=headers)


@cache
def _files() -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in _FOLDER.iterdir() if path.suffix in _KINDS}


@cache
def versioned(name: str) -> str:
    """Give the last part of an asset's address."""
    return f"{name}?{sha256(_files()[name]).hexdigest()[:12]}"
