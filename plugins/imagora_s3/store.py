"""Looking and reading at an fsspec address: within bounds, and again where the network or the server stumbles."""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from threading import Lock
from typing import Any, TypeVar

from imagora.errors import PictureError, SourceError
from pydantic import SecretStr
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from .options import BucketOptions

ResultT = TypeVar("ResultT")
TEXT_BYTES = 1_000_000
_PASSING = (errno.EBUSY, errno.EAGAIN, errno.ETIMEDOUT, getattr(errno, "EREMOTEIO", errno.EBUSY))
_THROTTLED = 429
_SERVER_ERROR = 500


@dataclass(frozen=True)
class Object:
    """An object as a listing has it: its name below the address, its size in bytes, and what changes with its bytes."""

    name: str
    size: int | None
    version: str | None


class Store:
    """One fsspec address; connects when it is first used, and may be used by several threads."""

    def __init__(self, options: BucketOptions) -> None:
        self.options, self._lock = options, Lock()
        self.most = int(options.max_megabytes * 1_000_000)

    def objects(self, folder: str) -> tuple[list[Object], list[str]]:
        """Give the objects in a folder below the address, and its folders' names, both sorted; links are left out."""
        fs, root = self._opened
        path = f"{root}/{folder}".rstrip("/") if folder else root
        found = self.again(lambda: fs.ls(path, detail=True, refresh=True))
        objects, folders = [], []
        for info in found:
            name = _below(root, info)
            if info["type"] == "directory" and not info.get("islink"):
                folders.append(name)
            elif _is_object(info) and name not in ("", folder, f"{folder}/"):  # consoles put a mark for the folder
                objects.append(Object(name, info.get("size"), version_of(info)))
        return sorted(objects, key=lambda one: one.name), sorted(folders)

    def beginning(self, start: str) -> list[Object]:
        """Give the objects whose names begin so, sorted, without those in folders that do."""
        fs, root = self._opened
        folder, _, prefix = f"{root}/{start}".rpartition("/")
        try:
            found = self.again(lambda: fs.find(folder, prefix=prefix, detail=True)).values()
        except FileNotFoundError:
            return []
        objects = [Object(_below(root, info), info.get("size"), version_of(info)) for info in found if _is_object(info)]
        inside = [one for one in objects if one.name.startswith(start) and "/" not in one.name[len(start) :]]
        return sorted(inside, key=lambda one: one.name)

    def read(self, name: str, most: int) -> bytes:
        """Download an object, at most one byte more than `most`."""
        fs, root = self._opened
        data = self.again(lambda: fs.cat_file(f"{root}/{name}" if root else name, start=0, end=most + 1))
        return bytes(data)

    def picture(self, found: Object, on_passing: Callable[[], None] | None = None) -> bytes:
        """Download a picture, or raise PictureError with the reason; on_passing: called where it may work later."""
        limit = f"the object is larger than {self.most / 1e6:g} MB, which is the limit"
        if found.size is not None and found.size > self.most:
            raise PictureError(limit)
        if found.size == 0:
            raise PictureError("the object is empty")
        try:
            data = self.read(found.name, self.most)
        except Exception as error:  # every file system has errors of its own
            if on_passing and passes(error):
                on_passing()
            raise PictureError(f"it cannot be downloaded: {in_words(error)}") from error
        if len(data) > self.most:
            raise PictureError(limit)
        return data

    @property
    def root(self) -> str:
        """The address without its protocol, as the file system has it."""
        return self._opened[1]

    def again(self, ask: Callable[[], ResultT]) -> ResultT:
        """Ask, and ask again where the trouble may pass by itself."""
        return again(self.options.attempts, ask)

    @property
    def _opened(self) -> tuple[Any, str]:
        with self._lock:
            return self._connected

    @cached_property
    def _connected(self) -> tuple[Any, str]:
        from fsspec.core import url_to_fs  # type: ignore[import-untyped]  # it has no types

        options = self.options
        said: dict[str, Any] = {name: _plain(value) for name, value in options.storage.items()}
        said |= {"skip_instance_cache": True, "use_listings_cache": False}
        if options.is_s3:
            said |= {"anon": options.anon, "endpoint_url": options.endpoint_url}
            said |= {"key": _plain(options.key), "secret": _plain(options.secret)}
            said["client_kwargs"] = {"region_name": options.region} if options.region else {}
            # Tries are counted in one place, here; else s3fs and botocore multiply them by theirs.
            limits = {"connect_timeout": options.timeout, "read_timeout": options.timeout}
            said["config_kwargs"] = {**limits, "retries": {"total_max_attempts": 1}}
        try:
            fs, root = url_to_fs(options.url, **said)
        except (ImportError, ValueError, TypeError) as error:
            raise SourceError(f"the address '{options.url}' cannot be used: {in_words(error)}") from error
        if options.is_s3:
            fs.retries = 1
        return fs, str(root).rstrip("/")


@dataclass(frozen=True)
class Download:
    """Gets a picture's bytes when it is called; equal to another of the same object."""

    store: Store
    found: Object
    on_passing: Callable[[], None] | None = field(default=None, compare=False)

    def __call__(self) -> bytes:
        return self.store.picture(self.found, self.on_passing)


def version_of(info: Mapping[str, Any]) -> str | None:
    """Give what changes whenever the bytes do: the ETag, else the size and the last change's time, else None."""
    for key in ("ETag", "etag", "md5Hash", "content_md5"):
        if info.get(key):
            return str(info[key]).strip('"')
    for key in ("mtime", "LastModified", "last_modified", "updated", "created"):
        if info.get(key):
            return f"{info.get('size')} {info[key]}"
    return None


def again(attempts: int, ask: Callable[[], ResultT]) -> ResultT:
    """Ask, and ask again after a while where the trouble may pass by itself."""
    retrying = Retrying(
        retry=retry_if_exception(passes),
        stop=stop_after_attempt(attempts),
        wait=wait_random_exponential(multiplier=0.5, max=10),
        reraise=True,
    )
    return retrying(ask)


def passes(error: BaseException) -> bool:
    """Say whether trouble may pass by itself: the network, a server's own fault, too many requests."""
    from aiohttp import ClientError as HttpError
    from botocore.exceptions import ClientError, HTTPClientError  # type: ignore[import-untyped]  # it has no types
    from botocore.exceptions import ConnectionError as Unconnected

    cause = error if isinstance(error, ClientError) else error.__cause__
    if isinstance(cause, ClientError):
        status = cause.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        code = cause.response.get("Error", {}).get("Code", "")
        if status >= _SERVER_ERROR or status == _THROTTLED or "Throttl" in code or code == "RequestTimeout":
            return True
    if isinstance(error, OSError) and error.errno in _PASSING:
        return True
    return isinstance(error, (TimeoutError, ConnectionError, HTTPClientError, Unconnected, HttpError))


def in_words(error: BaseException) -> str:
    """Say what went wrong in one line, without a trailing full stop."""
    if isinstance(error, FileNotFoundError):
        return "it is not there"
    if isinstance(error, PermissionError):
        return "access is denied"
    said = " ".join(str(error).split()) or type(error).__name__
    return said.rstrip(".")


def _below(root: str, info: Mapping[str, Any]) -> str:
    return str(info["name"]).removeprefix(root).removeprefix("/")


def _is_object(info: Mapping[str, Any]) -> bool:
    return info["type"] == "file" and not info.get("islink")


def _plain(value: object) -> Any:
    return value.get_secret_value() if isinstance(value, SecretStr) else value
