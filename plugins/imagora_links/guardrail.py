"""The guardrail: takes out every address that is not allowed, again and again until nothing finds one any more."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from imagora.stages import Place, Scope, Verdict

from .addresses import Addresses
from .bare import bare_addresses
from .folding import plain
from .options import LinksOptions
from .rendered import Rendered, code_of, rendered
from .syntax import Form, forms
from .tags import ACTIVE, Tag, destinations, tags

REMOVED = "\u2039link removed\u203a"
"""What stands for an address; its brackets mean nothing in any markup."""
ROUNDS = 25
"""How often a text is gone through; what is left then is refused."""
MOST = 2_000
"""How many brackets and tags a text may have; one with more is refused, for reading it would take too long."""
UNCLEAR = "UNCLEAR"

_NOTHING_TO_FIND = re.compile(r"[^<:/\\@&%\[\x80-\U0010ffff.]*(?:\.(?![^\s.])[^<:/\\@&%\[\x80-\U0010ffff.]*)*")
_KNOWN = re.compile(r"(?:https?|ftps?|sftp|wss?|file|data|mailto|blob|tel|sms|(?:java|vb|live)script):|//")
_SCHEME = re.compile(r"[a-z][a-z0-9+.\-]{2,}:.")
_CLOSING = re.compile(r"(?:(?!<a\b).){0,2000}?</a\s*>", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True)
class _Edit:
    start: int
    end: int
    instead: str
    reason: str


class LinksGuardrail:
    """Checks texts at any place; it keeps nothing between them."""

    def __init__(self, options: LinksOptions) -> None:
        self._options = options
        self._addresses = Addresses(options)

    async def acheck(self, texts: Sequence[str], place: Place, scope: Scope) -> list[Verdict]:
        """Give one verdict for each text, in order; the reasons say what kinds of thing were found."""
        return [self._verdict(text) for text in texts]

    def _verdict(self, text: str) -> Verdict:
        if _NOTHING_TO_FIND.fullmatch(text):
            return Verdict("pass", text)
        if text.count("[") + text.count("<") > MOST:
            return Verdict("refuse", "", (UNCLEAR,))
        reasons: set[str] = set()
        changed = text
        for _ in range(ROUNDS):
            shown = rendered(changed)
            edits = list(self._edits(changed, shown))
            if not edits:
                break
            reasons.update(edit.reason for edit in edits)
            if self._options.action == "refuse":
                return Verdict("refuse", "", tuple(sorted(reasons)))
            changed = _edited(changed, edits)
        else:
            return Verdict("refuse", "", (UNCLEAR,))
        if not self._is_clean(shown):
            return Verdict("refuse", "", (UNCLEAR,))
        return Verdict("redact", changed, tuple(sorted(reasons))) if reasons else Verdict("pass", text)

    def _is_clean(self, shown: Rendered) -> bool:
        bare = (written for words in shown.words for _, written in bare_addresses(words))
        return all(map(self._addresses.allow_destination, shown.destinations)) and all(
            map(self._addresses.allow_bare, bare)
        )

    def _edits(self, text: str, shown: Rendered) -> Iterator[_Edit]:
        read = {plain(found) for found in shown.destinations if not self._addresses.allow_destination(found)}
        code = code_of(text)
        for form in forms(text):
            if not self._addresses.allow_destination(form.destination):
                to = plain(form.destination)
                named = form.kind == "DEFINITION" and _SCHEME.match(to)
                if to in read or _KNOWN.match(to) or named or (form.tight and _is_outside(text, form, code)):
                    yield self._without(form)
        opened = 0
        for tag in tags(text):
            if self._is_harmful(tag):
                yield self._untagged(tag, text)
            elif tag.name == "a":
                opened += -1 if tag.closing else 1
                if opened < 0:
                    opened = 0
                    yield _Edit(tag.start, tag.end, "", "TAG")
        for (start, end), written in bare_addresses(text):
            if not self._addresses.allow_bare(written):
                yield _Edit(start, end, REMOVED, "ADDRESS")

    def _without(self, form: Form) -> _Edit:
        words = form.words.strip() if self._options.keep_text and form.kind != "DEFINITION" else ""
        instead = "" if form.kind == "DEFINITION" else words or REMOVED
        return _Edit(form.start, form.end, instead, form.kind)

    def _is_harmful(self, tag: Tag) -> bool:
        if tag.name in ACTIVE or tag.name == "!":
            return True
        held = [to for name, value in tag.attributes for to in destinations(tag.name, name, value)]
        return not all(self._addresses.allow_destination(to) for to in held)

    def _untagged(self, tag: Tag, text: str) -> _Edit:
        if not tag.closed:
            return _Edit(tag.start, tag.start + 1, "", "TAG")
        closing = _CLOSING.match(text, tag.end) if tag.name == "a" and not self._options.keep_text else None
        return _Edit(tag.start, closing.end() if closing else tag.end, REMOVED if closing else "", "TAG")


def _is_outside(text: str, form: Form, code: Sequence[str]) -> bool:
    written = text[form.start : form.end]
    return text.count(written) > sum(content.count(written) for content in code)


def _edited(text: str, edits: Sequence[_Edit]) -> str:
    # The longest of those that overlap goes first; what was inside it is found again in the next round.
    parts, done = [], 0
    for edit in sorted(edits, key=lambda edit: (edit.start, -edit.end)):
        if edit.start >= done and edit.end > edit.start:
            parts += [text[done : edit.start], edit.instead]
            done = edit.end
    return "".join([*parts, text[done:]])
