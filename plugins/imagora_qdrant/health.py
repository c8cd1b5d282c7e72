"""What `imagora doctor` looks at: the folder of an embedded index, or a Qdrant server, its version, and who gets in."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from imagora.errors import did_you_mean
from imagora.health import Check, Unhealthy, ask, check_key_is_safe, is_local

from .options import QdrantOptions

OLDEST = (1, 16)
REFUSED = (401, 403)
OK = 200


def checks(options: QdrantOptions) -> Iterator[Check]:
    """Give the checks of a folder or of a server."""
    if options.path is not None:
        yield Check("folder", lambda: _folder(Path(str(options.path))))
        return
    url = (options.url or "").rstrip("/")
    key = options.api_key.get_secret_value() if options.api_key else ""
    headers = {"api-key": key} if key else {}
    yield Check("server", lambda: _server(url, headers))
    yield Check("collection", lambda: _collection(url, headers, options.collection), needs=("server",))
    yield Check("access", lambda: _access(url, has_key=bool(key)), needs=("server",))


def _folder(path: Path) -> str:
    there = next(folder for folder in (path.absolute(), *path.absolute().parents) if folder.exists())
    if not there.is_dir():
        raise Unhealthy(f"'{there}' is a file, and the index needs a folder", "give another 'path' under 'index'")
    if not os.access(there, os.W_OK | os.X_OK):
        raise Unhealthy(f"'{there}' may not be written", f"type: chmod u+rwx {there}")
    return str(path) if path.exists() else f"{path}, which the first ingest makes"


def _server(url: str, headers: dict[str, str]) -> str:
    if ask(f"{url}/collections", headers).status in REFUSED:
        raise Unhealthy("the server refuses the API key", 'give the one of the server: api_key: "${NAME}"')
    about = ask(f"{url}/", headers).json()
    version = str(about.get("version", "")) if isinstance(about, dict) else ""
    parts = version.split(".")
    if len(parts) < len(OLDEST) or not (parts[0].isdecimal() and parts[1].isdecimal()):
        raise Unhealthy(f"what answers at '{url}' is no Qdrant server", "correct the 'url' (its HTTP port, often 6333)")
    if (int(parts[0]), int(parts[1])) < OLDEST:
        raise Unhealthy(f"it is Qdrant {version}, and 1.16 or newer is needed", "update the server")
    return f"Qdrant {version}"


def _collection(url: str, headers: dict[str, str], name: str) -> str:
    said = ask(f"{url}/collections", headers).json()
    result = said.get("result") if isinstance(said, dict) else None
    listed = result.get("collections") if isinstance(result, dict) else None
    there = [str(one.get("name")) for one in listed or () if isinstance(one, dict)]
    if not any(one == name or one.startswith(f"{name}-") for one in there):
        what = f"there is no collection '{name}'{did_you_mean(name, there)}"
        raise Unhealthy(what, "type: imagora ingest RECIPE")
    return name


def _access(url: str, *, has_key: bool) -> str:
    said = check_key_is_safe(url, has_key=has_key)
    if not is_local(url) and ask(f"{url}/collections").status == OK:
        fix = 'set QDRANT__SERVICE__API_KEY on the server, and api_key: "${NAME}" in the recipe'
        raise Unhealthy("it answers whoever reaches it, without a key", fix)
    return said
