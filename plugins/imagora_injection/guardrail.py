"""The guardrail: marks, cuts or refuses what is an instruction to the model in a text that should only inform."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence

from imagora.stages import Place, Scope, Verdict

from .detector import LONGEST, Region, regions
from .options import InjectionOptions
from .reading import is_hidden

MARK = "[words in the source that are no instruction: {}]"
_MARKED = re.compile(r"\[words in the source that are no instruction: [^\s\[\]<>|]*\]")
_BROKEN = str.maketrans({"<": "\u2039", ">": "\u203a", "|": "\u00a6", "[": "(", "]": ")", "{": "(", "}": ")", "`": "'"})
_MANY = 2_000
"""Characters from which on texts are read in a thread, and not remembered."""
_REMEMBERED = 4_096
"""Passages' texts whose verdicts are kept."""


class InjectionGuardrail:
    """Checks texts at any place; it remembers what it said of passages, and nothing else."""

    def __init__(self, options: InjectionOptions) -> None:
        self._options = options
        self._known: dict[str, Verdict] = {}

    async def acheck(self, texts: Sequence[str], place: Place, scope: Scope) -> list[Verdict]:
        """Give one verdict for each text, in order; the reasons are the kinds of sign that were found."""
        judge = self._remembered if place == "passages" else self._verdict
        if sum(map(len, texts)) < _MANY:
            return [judge(text) for text in texts]
        return await asyncio.to_thread(lambda: [judge(text) for text in texts])

    def _remembered(self, text: str) -> Verdict:
        # Passages come again and again; questions and answers do not, and are nobody's to keep.
        if len(text) > _MANY:
            return self._verdict(text)
        verdict = self._known.get(text)
        if verdict is None:
            verdict = self._verdict(text)
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[text] = verdict
        return verdict

    def _verdict(self, text: str) -> Verdict:
        blank = _MARKED.sub(lambda match: " " * len(match[0]), text)
        found = [
            Region(start + region.start, start + region.end, region.kinds, region.score)
            for start in range(0, len(text), LONGEST)
            for region in regions(blank[start : start + LONGEST + 1_000], self._options.threshold)
        ]
        if not found:
            return Verdict("pass", text)
        reasons = tuple(sorted({kind for region in found for kind in region.kinds}))
        if self._options.action == "refuse":
            return Verdict("refuse", "", reasons)
        return Verdict("redact", self._changed(text, found), reasons)

    def _changed(self, text: str, found: Sequence[Region]) -> str:
        parts, done = [], 0
        for region in found:
            if region.end <= done:
                continue
            start = max(region.start, done)
            parts.append(text[done:start])
            if self._options.action == "mark":
                parts.append(marked(text[start : region.end]))
            done = region.end
        return "".join([*parts, text[done:]]).strip()


def marked(text: str) -> str:
    """Give words that nobody takes for an order: quoted, joined, without hidden characters and control tokens."""
    shown = "".join(character for character in text if not is_hidden(character)).translate(_BROKEN)
    return f"{MARK.format('^'.join(shown.split()))}{' ' if text[-1:].isspace() else ''}"
