"""The server's stream, read within bounds: lines of bytes, events, pieces of the answer."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from imagora.calls import Passing
from imagora.errors import GeneratorError

MOST_OF_A_LINE = 256_000
"""Bytes; vLLM's own lines have about 300."""
MOST_BESIDES = 1_000_000
"""Bytes of a stream beside MOST_OF_A_TOKEN for each token."""
MOST_OF_A_TOKEN = 2_000
DONE = b"[DONE]"


@dataclass(frozen=True)
class Piece:
    """A piece of the answer; at its end why it ended, such as "stop" or "length", and how many tokens were used."""

    text: str = ""
    finish: str | None = None
    usage: dict[str, Any] | None = None
    choices: int = 0


async def data_lines(chunks: AsyncIterator[bytes], max_tokens: int) -> AsyncIterator[bytes]:
    """Give what stands behind `data:`, a line each, and never hold more than a line's bound of bytes."""
    held, searched, total, most = bytearray(), 0, 0, MOST_BESIDES + max_tokens * MOST_OF_A_TOKEN
    async for chunk in chunks:
        total += len(chunk)
        if total > most:
            raise GeneratorError(f"it sends without end: more than {most:,} bytes for {max_tokens} tokens")
        held += chunk
        while (end := held.find(b"\n", searched)) >= 0:
            line = bytes(held[:end]).strip()
            del held[: end + 1]
            searched = 0
            if line.startswith(b"data:"):
                yield line[5:].strip()
        searched = len(held)
        if searched > MOST_OF_A_LINE:
            raise GeneratorError(f"it sends a line of more than {MOST_OF_A_LINE:,} bytes; is it an OpenAI API?")
    if held.strip():
        raise Passing("its answer was cut off in the middle of a line")


def piece_of(line: bytes) -> Piece:
    """Read one event; what the server says of an error in the middle of a stream is raised."""
    try:
        event = json.loads(line.decode())
    except UnicodeDecodeError:
        raise GeneratorError("it sends bytes that are not UTF-8") from None
    except (ValueError, RecursionError):
        raise GeneratorError("it sends an event that is not JSON") from None
    if not isinstance(event, dict):
        raise GeneratorError("it sends an event that is not a JSON object")
    if isinstance(error := event.get("error"), dict):
        raise Broken(error)
    choices, usage = event.get("choices"), event.get("usage")
    usage = usage if isinstance(usage, dict) else None
    if not isinstance(choices, list) or not choices:
        return Piece(usage=usage)
    first = choices[0] if isinstance(choices[0], dict) else {}
    delta, finish = first.get("delta"), first.get("finish_reason")
    text = delta.get("content") if isinstance(delta, dict) else None
    return Piece(_clean(text) if isinstance(text, str) else "", finish and str(finish)[:40], usage, len(choices))


class Broken(Exception):
    """An error that the server tells inside of its stream: `error` is what stands there, `code` its status."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__("the server tells an error inside of its stream")
        self.error = error
        self.code = error["code"] if isinstance(error.get("code"), int) else 500


def _clean(text: str) -> str:
    # JSON can hold halves of surrogate pairs, and such a text could not be written anywhere.
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
