"""What a caller is told when something is refused or fails: OpenAI's shape under /v1, RFC 9457's or a page elsewhere.

What is wrong with the request is said in full. What is wrong here is said by its code alone; the log has the rest,
under the request's id.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, TypeAlias, cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from imagora.codes import codes
from imagora.errors import (
    GeneratorError,
    ImagoraError,
    PictureError,
    QueryError,
    SourceError,
    StageError,
    UnusableIndex,
)
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection

from .logs import log, request_id

_KINDS = {401: "authentication_error", 403: "permission_error", 404: "not_found_error", 429: "rate_limit_error"}
_INTERNAL = 500
Shown: TypeAlias = dict[str, Any]


class Refusal(Exception):
    """A request is not served, and why, in words for the caller.

    code: a stable word or an Imagora code. kind: OpenAI's type of error, by the status where it is left out. param: the
    field that is wrong. headers: of the response, such as Retry-After.
    """

    def __init__(  # noqa: PLR0913 - the parts of OpenAI's errors
        self,
        status: int,
        said: str,
        *,
        code: str | None = None,
        kind: str | None = None,
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(said)
        self.status, self.said, self.code, self.param = status, said, code, param
        self.kind = kind or _KINDS.get(status, "server_error" if status >= _INTERNAL else "invalid_request_error")
        self.headers = dict(headers or {})

    def openai(self) -> Shown:
        """Give it in OpenAI's shape."""
        return {"error": {"message": self.said, "type": self.kind, "param": self.param, "code": self.code}}

    def problem(self, connection: HTTPConnection) -> Shown:
        """Give it in the shape of RFC 9457."""
        shown: Shown = {"type": "about:blank", "title": HTTPStatus(self.status).phrase, "status": self.status}
        shown |= {"detail": self.said, "code": self.code, "param": self.param, "request": request_id(connection)}
        return {name: value for name, value in shown.items() if value is not None}

    def response(self, connection: HTTPConnection) -> Response:
        """Give the response in the shape of the route's kind."""
        show_problem = getattr(connection.app.state, "show_problem", None)  # of the page, where there is one
        if show_problem is not None and (page := show_problem(connection, self)) is not None:
            return cast("Response", page)
        if connection.url.path.startswith("/v1/"):
            return JSONResponse(self.openai(), self.status, self.headers)
        shown = self.problem(connection)
        return JSONResponse(shown, self.status, self.headers, media_type="application/problem+json")


_STATUSES: tuple[tuple[type[ImagoraError], int], ...] = (
    (QueryError, 400),
    (PictureError, 400),
    (SourceError, 400),
    (GeneratorError, 502),
    (UnusableIndex, 503),
)
_BY_CODE = {"IMG-507": 403, "IMG-511": 404, "IMG-803": 504}


def refusal_of(error: BaseException) -> Refusal:
    """Turn what was raised into what a caller may read; what is our own fault goes to the log in full."""
    if isinstance(error, Refusal):
        return error
    if not isinstance(error, ImagoraError):
        log().error("failed", error=type(error).__name__, exc_info=error)
        return Refusal(_INTERNAL, "the server failed; its log says why", code="internal")
    status = status_of(error)
    if status < _INTERNAL:
        return Refusal(status, str(error), code=error.code)
    # Of what a stage says no word is logged: it may be a stranger's, who quotes what was asked.
    said = type(error.__cause__).__name__ if isinstance(error, StageError) else str(error)
    log().error("failed", code=error.code, error=said)
    known = codes().get(error.code)
    return Refusal(status, f"{known.title if known else 'the server failed'}; its log says more", code=error.code)


def status_of(error: BaseException) -> int:
    """Give the status that an error has."""
    if isinstance(error, Refusal):
        return error.status
    by_kind = next((status for kind, status in _STATUSES if isinstance(error, kind)), _INTERNAL)
    return _BY_CODE.get(error.code, by_kind) if isinstance(error, ImagoraError) else _INTERNAL


def install(app: FastAPI) -> None:
    """Let every error of an app come out in the right shape."""

    async def refused(request: Request, error: Exception) -> Response:
        return refusal_of(error).response(request)

    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)  # noqa: S101 - it is registered for these
        return _of_validation(error).response(request)

    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - it is registered for these
        missing = error.status_code == HTTPStatus.NOT_FOUND
        said = f"there is nothing at '{request.url.path}'" if missing else error.detail
        return Refusal(error.status_code, said, headers=error.headers).response(request)

    app.add_exception_handler(Refusal, refused)
    app.add_exception_handler(ImagoraError, refused)
    app.add_exception_handler(Exception, refused)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http)


def _of_validation(error: RequestValidationError) -> Refusal:
    # Without what was sent: it may be a secret, or long.
    first = error.errors()[0]
    place = ".".join(str(step) for step in first["loc"] if step != "body")
    if first["type"] == "json_invalid":
        return Refusal(400, "the body is not JSON", code="invalid_json")
    return Refusal(400, f"{place or 'the body'}: {first['msg']}", code="invalid_request", param=place or None)
