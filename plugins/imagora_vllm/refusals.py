"""What a server's refusal means, and what to type: statuses and vLLM's own words, without a word of the prompt."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from imagora.calls import Passing, quoted, retry_after
from imagora.errors import GeneratorError, did_you_mean

from .options import VllmOptions

_TOO_MANY = re.compile(r"at most (\d+) image", re.IGNORECASE)
_BLIND = re.compile(r"not a multimodal model|does not support (image|multimodal)", re.IGNORECASE)
_TOO_LONG = re.compile(
    r"maximum (?:context|model) length|max_model_len|exceeds the (?:maximum|model)|longer than the max", re.IGNORECASE
)
_TOKENS = re.compile(r"(?:maximum (?:context|model) length (?:is|of)|max_model_len=)\s*(\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class Refusal:
    """A server's answer that is none: its status, its headers, and the first bytes of its body."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def said(self) -> str:
        """The server's own sentence, "" where there is none."""
        try:
            told = json.loads(self.body)
        except (ValueError, RecursionError):
            return ""
        error = told.get("error", told.get("detail", told.get("message"))) if isinstance(told, dict) else None
        said = error.get("message") if isinstance(error, dict) else error
        return said if isinstance(said, str) else ""


def refused(refusal: Refusal, options: VllmOptions, prompt: str, served: list[str] | None = None) -> GeneratorError:
    """Say what a refusal means; `served` are the names of the server's models, where they could be had."""
    status, said = refusal.status, refusal.said
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return GeneratorError(_key(options, status))
    if status == HTTPStatus.NOT_FOUND:
        return GeneratorError(_missing(options, served))
    if status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return _passing(refusal, quoted(said, prompt))
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return GeneratorError(f"it sends us to another address (status {status}); write that one as 'url'")
    return GeneratorError(
        _unfit(said, prompt, options) or f"it refuses the prompt with status {status}{quoted(said, prompt)}"
    )


def _passing(refusal: Refusal, quote: str) -> Passing:
    what = "it has too much to do" if refusal.status == HTTPStatus.TOO_MANY_REQUESTS else "it fails"
    return Passing(f"{what} (status {refusal.status}){quote}", retry_after(refusal.headers.get("retry-after", "")))


def _key(options: VllmOptions, status: int) -> str:
    if options.api_key is None:
        return f"it wants a key (status {status}); write 'api_key: \"${{VLLM_API_KEY}}\"' and set that variable"
    return (
        f"it does not take the key in 'api_key' (status {status}); it must be the one that the server was started with"
    )


def _missing(options: VllmOptions, served: list[str] | None) -> str:
    if served is None:
        return "it has no OpenAI API there (status 404); the url of a vLLM server ends with '/v1'"
    if options.model in served:
        return "it serves the model, but not for chats (status 404)"
    return f"it serves no model '{options.model}'{did_you_mean(options.model, served)}"


def _unfit(said: str, prompt: str, options: VllmOptions) -> str | None:
    if many := _TOO_MANY.search(said):
        asked = max(options.images, 1)
        start = f"--limit-mm-per-prompt '{{\"image\": {asked}}}'"
        return f"it takes at most {many[1]} pictures in a prompt; write 'images: {many[1]}', or start it with {start}"
    if _BLIND.search(said):
        return f"the model '{options.model}' cannot see; write 'images: 0'"
    if _TOO_LONG.search(said):
        tokens = _TOKENS.search(said)
        than = f" than its {tokens[1]} tokens" if tokens else ""
        return (
            f"prompt and answer are longer{than}; lower 'max_tokens', 'images', 'max_pixels' or the prompt's "
            "'passages', or start it with a larger --max-model-len"
        )
    return None


def models_of(body: bytes) -> list[str] | None:
    """Read the list of models that a server serves; None where it is no such list."""
    try:
        told: Any = json.loads(body)
        return [str(one["id"])[:100] for one in told["data"]][:20]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
