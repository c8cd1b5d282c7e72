"""A server of the app: it refuses to listen where strangers could come in, and lets answers end when it must stop."""

from __future__ import annotations

import os
import shutil
import signal

import uvicorn
from imagora.errors import QueryError

from . import logs
from .app import create_app
from .auth import doorkeeper_of
from .metrics import MULTIPLE
from .settings import VARIABLE, Settings

SERVER = "imagora_gateway.app:from_environment"


def refuse_strangers(settings: Settings) -> None:
    """Raise QueryError where others than this machine could call without saying who they are."""
    if settings.is_public and not doorkeeper_of(settings).knows_callers:
        what = f"'{settings.host}' can be reached from other machines, and no authentication is configured"
        raise QueryError(f"{what}; listen at 127.0.0.1, or make a key first: imagora keys create NAME", code="IMG-120")


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or Ctrl-C."""
    refuse_strangers(settings)
    logs.configure()
    # Uvicorn raises the signal again once the last answer has gone; that is then a good end.
    signal.signal(signal.SIGTERM, lambda *_: None)
    drain = int(settings.bounds.drain)
    options = {
        "host": settings.host,
        "port": settings.port,
        "log_config": None,
        "access_log": False,  # which would log addresses whole; logs.RequestLog has a line for each request
        "server_header": False,
        "timeout_graceful_shutdown": drain,
        "h11_max_incomplete_event_size": 32_768,
    }
    if settings.workers == 1:
        uvicorn.run(create_app(settings, alone=True), **options)  # type: ignore[arg-type]  # a dictionary of uvicorn's own options
        return
    together = settings.folder / "metrics"
    shutil.rmtree(together, ignore_errors=True)  # of processes that have ended
    together.mkdir(parents=True)
    os.environ[MULTIPLE] = str(together)
    os.environ[VARIABLE] = settings.model_dump_json()
    uvicorn.run(SERVER, factory=True, workers=settings.workers, **options)  # type: ignore[arg-type]  # as above
