"""An answer's text on its way out: what the guardrails may still change is held back."""

from __future__ import annotations

from collections.abc import Sequence

from imagora.answer import Passage
from imagora.events import TextPart, tell
from imagora.record import Record

from .citations import cite
from .guarding import Guardrails, guard_answer

HELD_BACK = 120
"""Characters at the end of the text that are not shown yet: longer than any name, number or address to be found."""
STEP = 80
"""New characters after which the guardrails look again."""


class GuardedStream:
    """Shows the beginning of a growing text as its guardrails let it through, with markers that mean something."""

    def __init__(self, guardrails: Guardrails, passages: Sequence[Passage], record: Record) -> None:
        self._guardrails, self._passages = guardrails, passages
        self._record = Record(scope=record.scope, told=False)  # what is said of a part is not said of the answer
        self._held = HELD_BACK if guardrails else 0
        self._step = STEP if guardrails else 1
        self._shown, self._looked = "", 0

    async def grown(self, text: str) -> None:
        """Show what can be shown of the text so far; raises Refused where a guardrail refuses it."""
        if len(text) - self._looked < self._step:
            return
        self._looked = len(text)
        guarded = await guard_answer(text, self._guardrails, self._record) if self._guardrails else text
        self._show(_whole_words(cite(guarded, self._passages)[0], self._held))

    def ended(self, text: str) -> None:
        """Show the rest of the final text, where it goes on from what was shown."""
        self._show(text)

    def _show(self, text: str) -> None:
        if text.startswith(self._shown) and len(text) > len(self._shown):
            tell(TextPart(text[len(self._shown) :]))
            self._shown = text


def _whole_words(text: str, held: int) -> str:
    # Up to a space, and not into a marker that may be half there: "[1" becomes "[12]" with the next part.
    text = text[: max(0, len(text) - held)]
    opened = text.rfind("[")
    if opened > text.rfind("]"):
        text = text[:opened].rstrip()
    elif held:
        text = text[: text.rfind(" ") + 1].rstrip()
    return text
