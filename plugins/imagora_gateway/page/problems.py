"""What went wrong, in a plain sentence on the page instead of JSON."""

from __future__ import annotations

from typing import Any

from fastapi.responses import HTMLResponse
from starlette.requests import HTTPConnection

from imagora_gateway.errors import Refusal
from imagora_gateway.logs import request_id

from .rendering import fragment, is_scripted, page

_UNAUTHENTICATED, _MISSING, _TOO_LARGE, _TOO_OFTEN, _INTERNAL = 401, 404, 413, 429, 500
_BY_CODE = {
    "overloaded": "Too many people are asking at the moment. Wait a few seconds and ask again.",
    "deadline": "The answer took too long, so it was given up. Ask again, or ask for less.",
    "not_ready": "The gateway is still starting. Wait a few seconds and ask again.",
    "no_thumbnail": "That picture's address has ended. Ask again, and choose it then.",
    "no_answer": "That answer was too long ago to be judged.",
    "forged": "This page is too old, or the request came from elsewhere. Load the page again and repeat it.",
    "insufficient_role": "You may not do this with the key that you signed in with.",
    "too_large": "That is too much at once. Take smaller pictures, or fewer of them.",
    "audit": "The answer cannot be written down at present, so it is not given. Try again later.",
    "IMG-507": "A guardrail stopped this query, so it was not asked.",
    "IMG-803": "The answer took too long, so it was given up. Ask again, or ask for less.",
}
_BY_STATUS = {
    _UNAUTHENTICATED: "You are not signed in any more. Load the page again, and sign in.",
    _MISSING: "There is nothing here.",
    _TOO_LARGE: _BY_CODE["too_large"],
    _TOO_OFTEN: "You are asking faster than you may. Wait a little and ask again.",
}


def shows_problems_of(path: str) -> bool:
    """Say whether a path is the page's."""
    return path == "/" or path.startswith("/page/")


def sentence_of(refusal: Refusal) -> str:
    """Say what went wrong to somebody who does not know what a status is."""
    if refusal.code in _BY_CODE:
        return _BY_CODE[refusal.code]
    if refusal.status in _BY_STATUS:
        return _BY_STATUS[refusal.status]
    if refusal.status >= _INTERNAL:
        return "Something failed here. Ask again, or tell who runs this gateway."
    said = refusal.said[:1].upper() + refusal.said[1:]
    return said if said.endswith((".", "?", "!")) else f"{said}."


def problem_of(connection: HTTPConnection, refusal: Refusal) -> dict[str, Any]:
    """Give what the template of a problem shows."""
    return {"sentence": sentence_of(refusal), "code": refusal.code or "", "request": request_id(connection)}


def show_problem(connection: HTTPConnection, refusal: Refusal) -> HTMLResponse | None:
    """Give what is shown instead of JSON, None where the path is not the page's."""
    if not shows_problems_of(str(connection.scope.get("path", ""))):
        return None
    said = problem_of(connection, refusal)
    if refusal.status == _UNAUTHENTICATED and not is_scripted(connection):
        answer = page("sign_in.html", connection, _UNAUTHENTICATED, wrong="")
    elif is_scripted(connection):
        answer = fragment("problem.html", connection, refusal.status, **said)
    else:
        answer = page("failed.html", connection, refusal.status, **said)
    answer.headers.update(refusal.headers)
    return answer
