"""The guardrail: finds personal data, then redacts or refuses.

Measured with the defaults by tests/plugins/test_presidio_recall.py (`pytest -s` prints the table; synthetic sentences,
so an upper bound for real ones): e-mail addresses, phone, card and account numbers, SSNs, IP addresses 1.00 gone
whole, names of people 0.98. On catalogue sentences 0.027 get a false alarm, every one a PERSON ("Dr. Martens"), which
`allow_list` takes away; with LOCATION and ORGANIZATION it would be 0.24, so these are off.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from imagora.stages import Place, Scope, Verdict

from .analyzer import Analyzer, shared_analyzer
from .findings import Finding, settle
from .operators import is_numbered, replacement
from .options import PresidioOptions
from .placeholders import PLACEHOLDER, Placeholders

_CITATION = re.compile(r"\[\d{1,3}\]")
PUT_BACK = "PUT_BACK"


class PresidioGuardrail:
    """Checks texts with the analyzer that all guardrails of this language and model in the process share."""

    def __init__(self, options: PresidioOptions, model: str) -> None:
        self._options = options
        self._model = model
        self._entities = tuple(sorted(set(options.entities)))
        self._allowed = frozenset(options.allow_list)

    @property
    def analyzer(self) -> Analyzer:
        """The shared analyzer; its model is loaded when the first text comes."""
        return shared_analyzer(self._options.language, self._model)

    async def acheck(self, texts: Sequence[str], place: Place, scope: Scope) -> list[Verdict]:
        """Give one verdict for each text, in order; the reasons are the entities' names, sorted.

        A text that only gets the asker's own values back comes as "redact" with the reason PUT_BACK.
        """
        found = await self.analyzer.find(texts, self._entities, self._options.phone_regions)
        placeholders: Placeholders | None = None
        if self._options.mapping:
            placeholders = scope.notes.setdefault("presidio", Placeholders())
        return [
            self._verdict(text, self._settled(text, findings), place, placeholders)
            for text, findings in zip(texts, found, strict=True)
        ]

    def _settled(self, text: str, findings: Sequence[Finding]) -> list[Finding]:
        sure = [
            found
            for found in findings
            if found.score >= self._options.score_thresholds.get(found.entity, self._options.score_threshold)
            and text[found.start : found.end] not in self._allowed
        ]
        keep = [match.span() for pattern in (PLACEHOLDER, _CITATION) for match in pattern.finditer(text)]
        return settle(text, sure, keep)

    def _verdict(self, text: str, found: list[Finding], place: Place, placeholders: Placeholders | None) -> Verdict:
        reasons = tuple(sorted({finding.entity for finding in found}))
        if found and self._options.action == "refuse":
            return Verdict("refuse", "", reasons)
        stand_in = self._stand_in(place, placeholders)
        changed = _rewritten(text, found, stand_in)
        if placeholders is not None and place == "answer":
            restored = placeholders.put_back(changed)
            if restored != changed:
                return Verdict("redact", restored, reasons or (PUT_BACK,))
        return Verdict("redact", changed, reasons) if found else Verdict("pass", text)

    def _stand_in(self, place: Place, placeholders: Placeholders | None) -> Callable[[str, str], str]:
        def stand_in(entity: str, value: str) -> str:
            operator = self._options.operators.get(entity)
            if placeholders is not None and is_numbered(operator):
                return placeholders.of(entity, value, asked=place == "query")
            return replacement(operator, entity, value)

        return stand_in


def _rewritten(text: str, found: Sequence[Finding], stand_in: Callable[[str, str], str]) -> str:
    parts, end = [], 0
    for finding in found:
        parts += [text[end : finding.start], stand_in(finding.entity, text[finding.start : finding.end])]
        end = finding.end
    return "".join([*parts, text[end:]])
