"""What is written down of every answer, for those who must show later who was told what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from imagora import Answer, Found, Query

from .access import said_or_from_environment
from .audit_chain import hash_of
from .audit_file import AuditFile
from .caller import Caller
from .errors import Refusal
from .logs import log
from .settings import Settings


@dataclass(frozen=True)
class Given:
    """One answer, or what a search found, and to whom it was given; door: the route.

    whole: False for a stream that ended before its answer did; `result` is then what it was made from.
    """

    request: str
    door: str
    caller: Caller
    recipe: str
    recipe_hash: str
    query: Query
    result: Answer | Found
    whole: bool = True


class Audit(Protocol):
    """Hears of everything that was given, before it is sent."""

    async def given(self, what: Given) -> None: ...


class NoAudit:
    """Writes nothing."""

    async def given(self, what: Given) -> None:
        """Do nothing."""


class WrittenAudit:
    """Writes a line to a file; what cannot be written down is not given."""

    def __init__(self, file: AuditFile, key: bytes | None) -> None:
        self._file, self._key = file, key

    async def given(self, what: Given) -> None:
        """Write the line; a Refusal (503) where that fails."""
        try:
            await self._file.add(entry_of(what, self._key))
        except OSError as error:
            log().error("the audit cannot be written", error=error.strerror or type(error).__name__)
            said = "the answer cannot be written down, so it is not given; try again later"
            raise Refusal(503, said, code="audit", headers={"Retry-After": "10"}) from None


def entry_of(what: Given, key: bytes | None) -> Mapping[str, Any]:
    """Say what was given to whom, without what was asked and answered: their hashes show it to who knows it."""
    query, result = what.query, what.result
    asked = [query.query_str, query.negative, repr(query.filter)]
    return {
        "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "request": what.request,
        "door": what.door,
        "who": what.caller.id,
        "tenant": what.caller.tenant,
        "groups": list(what.caller.groups),
        "recipe": what.recipe,
        "recipe_hash": what.recipe_hash,
        "query": hash_of("\0".join(asked).encode(), key),
        "pictures": [picture.sha256 for picture in (*query.pictures, *query.negative_pictures)],
        "items": [passage.node_id for passage in result.passages],
        "verdicts": [f"{one.place} {one.guardrail} {one.action}" for one in result.verdicts],
        "answer": hash_of(result.text.encode(), key) if isinstance(result, Answer) else None,
        "refused": isinstance(result, Answer) and result.refused,
        "whole": what.whole,
    }


def audit_of(settings: Settings) -> Audit:
    """Give the audit that the settings ask for."""
    options = settings.audit
    if not options.on:
        return NoAudit()
    said = said_or_from_environment(options.key)
    key = said.encode() if said else None
    return WrittenAudit(AuditFile(options.file or settings.folder / "audit.jsonl", key, options.most_bytes), key)
