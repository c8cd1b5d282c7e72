"""The cluster that works: one started on this machine for the run, one that is joined, or one this process has."""

from __future__ import annotations

import logging
import math
import os
import secrets
import shutil
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from imagora.errors import StageError

from .options import RayOptions

_SECONDS_TO_ANSWER = 10.0
_LONGEST_SOCKET = 40  # of the folder's name: Ray adds 60 to it, and a socket's name may have 107


@contextmanager
def running_cluster(options: RayOptions) -> Iterator[bool]:
    """Connect this process to a cluster while the block runs, and say whether it is on this machine only.

    One that this process was connected to before is used as it is and left alone.
    """
    with _environment(started=options.address is None):
        ray: Any = import_module("ray")  # reads its environment
        import_module("ray.data")  # sets how much it logs
    if ray.is_initialized():
        _check_room(ray, options)
        yield len(ray.nodes()) == 1
        return
    started = options.address is None
    folder = Path(_short_folder()) if started else None
    try:
        _connect(ray, options, folder)
        _check_room(ray, options)
        yield started
    finally:
        ray.shutdown()
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)


def _connect(ray: Any, options: RayOptions, folder: Path | None) -> None:
    ours: dict[str, Any] = {
        "address": "local",
        "num_cpus": math.ceil(options.workers * options.cpus),
        "num_gpus": None if options.gpus else 0,
        "object_store_memory": options.object_store * 1_000_000,
        "include_dashboard": False,
        "_temp_dir": str(folder),
    }
    if options.address is not None:
        _knock(options.address)
        ours = {"address": options.address}
    # Ray Data writes what it plans and how it gets on to the terminal, where our own progress is.
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)
    logging.getLogger("ray").setLevel(logging.ERROR)
    terminate = signal.getsignal(signal.SIGTERM)
    try:
        with _environment(started=folder is not None), _on_loopback(started=folder is not None), _without_stderr():
            ray.init(**ours, log_to_driver=False, configure_logging=False)
    except (Exception, SystemExit) as error:  # Ray ends the process where a head does not answer
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        what = "ray does not start" if folder else f"the cluster at '{options.address}' cannot be joined"
        raise StageError(f"{what}: {first}") from None
    finally:
        if threading.current_thread() is threading.main_thread() and terminate is not None:
            signal.signal(signal.SIGTERM, terminate)  # Ray puts its own there, and leaves it


def _knock(address: str) -> None:
    """Ask whether somebody listens at the address: Ray itself takes two minutes, and then ends the process."""
    if address == "auto":
        return
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), _SECONDS_TO_ANSWER).close()
    except (OSError, OverflowError) as error:
        why = getattr(error, "strerror", None) or error
        raise StageError(f"no cluster answers at '{address}' ({why}); is 'ray start --head' running there?") from None


def _check_room(ray: Any, options: RayOptions) -> None:
    for node in ray.nodes():
        has = node["Resources"] if node["Alive"] else {}
        if has.get("CPU", 0) >= options.cpus and has.get("GPU", 0) >= options.gpus:
            return
    wants = f"{options.cpus:g} cores and {options.gpus:g} graphics cards"
    raise StageError(f"no machine of the ray cluster has {wants} for a worker; change 'cpus' or 'gpus' under 'engine'")


@cache
def _token() -> str:
    # One for all clusters that this process starts: Ray's own part in this process reads it only once.
    return secrets.token_hex(32)


@contextmanager
def _environment(*, started: bool) -> Iterator[None]:
    """Say to Ray what it takes from the environment only; what the user said there stays."""
    wanted = {
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_BACKEND_LOG_LEVEL": "fatal",
        "RAY_DEDUP_LOGS_SKIP_REGEX": ".",  # what the cluster says of a worker that died is printed among our output
    }
    if started:
        # It listens on the loopback address only then; the name is of those systems where Ray always does so.
        wanted["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
        if "RAY_AUTH_MODE" not in os.environ:
            # Without it, Ray makes a token of its own and keeps it in the user's home.
            wanted["RAY_AUTH_TOKEN"] = _token()
    new = {name: value for name, value in wanted.items() if name not in os.environ}
    ours = {*new, "RAY_AUTH_MODE"} - set(os.environ)  # Ray sets the mode, and leaves it
    os.environ.update(new)
    try:
        yield
    finally:
        for name in ours:
            os.environ.pop(name, None)


@contextmanager
def _on_loopback(*, started: bool) -> Iterator[None]:
    """Do what the environment says of the address, also where Ray was imported before it said so."""
    constants: Any = import_module("ray._private.ray_constants")
    before = constants.ENABLE_RAY_CLUSTER
    constants.ENABLE_RAY_CLUSTER = before and not started
    try:
        yield
    finally:
        constants.ENABLE_RAY_CLUSTER = before


@contextmanager
def _without_stderr() -> Iterator[None]:
    """Let Ray's compiled part, which writes there before it reads how much it may say, start in silence."""
    with suppress(OSError, ValueError):
        sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _short_folder() -> str:
    within = tempfile.gettempdir()
    return tempfile.mkdtemp(prefix="imagora-", dir=within if len(within) <= _LONGEST_SOCKET else "/tmp")  # noqa: S108 - a new folder, ours only
