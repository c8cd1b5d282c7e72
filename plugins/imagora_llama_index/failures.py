"""What a stranger's client raises, in words that help: by its HTTP status, or by what kind of failure it is."""

from __future__ import annotations

from http import HTTPStatus

import httpx
from imagora.calls import Passing, quoted, retry_after
from imagora.errors import GeneratorError

_UNREACHED = ("APIConnectionError", "APITimeoutError", "ConnectError", "EndpointConnectionError", "ConnectTimeout")
_MISREAD = (ValueError, LookupError, AttributeError, TypeError, RecursionError)


def failure(error: Exception, prompt: str, model: str, secrets: tuple[str, ...]) -> GeneratorError:
    """Say what went wrong, without a word of the prompt or of a secret."""
    chain = [error, *_causes(error)]
    if ours := next((one for one in chain if isinstance(one, GeneratorError)), None):
        return ours  # raised by our own bounds, and wrapped by the client
    status = next((code for one in chain if (code := _status(one)) is not None), None)
    if status is not None:
        return _refused(error, status, prompt, model, secrets)
    kind = type(error).__name__
    reached = isinstance(error, OSError | httpx.TransportError)
    if reached or any(base.__name__ in _UNREACHED for base in type(error).__mro__):
        return Passing(
            f"it could not be reached, or the connection broke ({type(chain[-1]).__name__}); is 'url' right?"
        )
    if isinstance(error, _MISREAD):
        return GeneratorError(f"its answer is not what was expected ({kind}){_said(error, prompt, secrets)}")
    return GeneratorError(f"it fails ({kind}){_said(error, prompt, secrets)}")


def _refused(error: Exception, status: int, prompt: str, model: str, secrets: tuple[str, ...]) -> GeneratorError:
    said = _said(error, prompt, secrets)
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return GeneratorError(f"it does not take the key in 'api_key', or not for this model (status {status})")
    if status == HTTPStatus.NOT_FOUND:
        return GeneratorError(f"it has no model '{model}', or 'url' is not the address of its API (status 404){said}")
    if status == HTTPStatus.TOO_MANY_REQUESTS and "insufficient_quota" in str(getattr(error, "code", "")):
        return GeneratorError("the account's quota is used up (status 429); look at its plan and billing")
    if status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        what = "it has too much to do" if status == HTTPStatus.TOO_MANY_REQUESTS else "it fails"
        headers = getattr(getattr(error, "response", None), "headers", None) or {}
        return Passing(f"{what} (status {status}){said}", retry_after(str(headers.get("retry-after", ""))))
    return GeneratorError(f"it refuses the prompt with status {status}{said}")


def _status(error: BaseException) -> int | None:
    found = getattr(error, "status_code", None) or getattr(getattr(error, "response", None), "status_code", None)
    return found if isinstance(found, int) else None


def _said(error: Exception, prompt: str, secrets: tuple[str, ...]) -> str:
    body = getattr(error, "body", None)
    said = body.get("message") if isinstance(body, dict) else None
    words = said if isinstance(said, str) else str(error)
    for secret in secrets:
        words = words.replace(secret, "…")
    return quoted(words, prompt)


def _causes(error: BaseException) -> list[BaseException]:
    found: list[BaseException] = []
    while (
        cause := (found[-1] if found else error).__cause__ or (found[-1] if found else error).__context__
    ) is not None:
        if cause in found:
            break
        found.append(cause)
    return found
