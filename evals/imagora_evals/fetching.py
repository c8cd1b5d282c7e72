"""A suite at an fsspec address, fetched whole into the cache under its digest."""

from __future__ import annotations

import shutil
from hashlib import sha256
from pathlib import Path, PurePosixPath
from tempfile import mkdtemp
from typing import Any

from imagora.errors import ImagoraError, MissingExtra, QueryError
from imagora_recipe.tree import without_passwords

from .places import cache_folder
from .ranking import PIP_LINE
from .suite_reading import FILE

MOST_FILES, MOST_BYTES = 200_000, 20_000_000_000


class Unfetched(ImagoraError):
    """A suite cannot be fetched from its address."""

    code = "IMG-722"


def fetched(address: str) -> Path:
    """Fetch all files below an address and give their folder, which has the digest of their names and bytes.

    Credentials and endpoints come from the environment, as the address's own library reads them.
    """
    try:
        import fsspec  # type: ignore[import-untyped]  # it ships no types
    except ImportError as error:
        raise MissingExtra(f"an address needs the package 'fsspec'; type: {PIP_LINE}") from error
    shown = without_passwords(address)
    try:
        fs, root = fsspec.core.url_to_fs(address)
        listed = fs.find(root, detail=True)
    except ImportError as error:
        raise MissingExtra(f"'{shown}' needs a package that is not installed: {error}") from error
    except Exception as error:  # a stranger's library may raise anything
        raise Unfetched(f"the suite '{shown}' cannot be fetched: {type(error).__name__}: {error}") from error
    files = _files(shown, root, listed)
    if FILE not in files:
        raise QueryError(f"there is no {FILE} at '{shown}'", code="IMG-720")
    folder = cache_folder() / "fetched"
    folder.mkdir(parents=True, exist_ok=True)
    scratch = Path(mkdtemp(dir=folder, prefix="under-way-"))
    try:
        digest = _download(fs, files, scratch, shown)
        whole = folder / f"{PurePosixPath(root).name or 'suite'}-{digest[:16]}"
        if not whole.is_dir():
            scratch.rename(whole)
        return whole
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _files(shown: str, root: str, listed: dict[str, Any]) -> dict[str, str]:
    files = {}
    for path, info in listed.items():
        name = PurePosixPath(path.removeprefix(root).lstrip("/"))
        if info.get("type") == "file" and name.parts and ".." not in name.parts and "\\" not in str(name):
            files[str(name)] = path
    size = sum(info.get("size") or 0 for info in listed.values())
    if len(files) > MOST_FILES or size > MOST_BYTES:
        what = f"{len(files):,} files of {size / 1e9:.1f} GB"
        raise Unfetched(f"'{shown}' is larger than a suite may be: {what}; put what is no part of it elsewhere")
    return files


def _download(fs: Any, files: dict[str, str], scratch: Path, shown: str) -> str:
    whole = sha256()
    for name, path in sorted(files.items()):
        target = scratch / name
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            fs.get_file(path, str(target))
        except Exception as error:  # a stranger's library may raise anything
            raise Unfetched(f"'{name}' of '{shown}' cannot be fetched: {type(error).__name__}: {error}") from error
        with target.open("rb") as stream:
            content = sha256()
            while block := stream.read(1 << 20):
                content.update(block)
        whole.update(f"{name}\0{content.hexdigest()}\n".encode())
    return whole.hexdigest()
