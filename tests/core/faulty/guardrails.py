"""Faulty guardrails: one fault each, and the test that must find it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from imagora import Verdict
from imagora import testing as t
from toy_stages import ToyEmails

from faulty.making import later, stage


class Emails(t.GuardrailContract):
    @pytest.fixture
    def dirty(self) -> list[tuple[str, str]]:
        return [(f"Write to {name}@example.org.", f"{name}@example.org") for name in ("ada", "bob", "cyd")]


def _emails(change: Any) -> Any:
    return stage(lambda: later(ToyEmails, "acheck", change)("redact"))


class FaultyTrimming(Emails):
    """Clean texts lose their blanks."""

    fails = "test_clean_texts_pass_as_they_are"
    stage = _emails(lambda verdicts, texts, *_: [replace(v, text=" ".join(v.text.split())) for v in verdicts])


class FaultyLeak(Emails):
    """It says that it redacted, and gives the text as it was."""

    fails = "test_dirty_texts_do_not_pass"
    stage = _emails(
        lambda verdicts, texts, *_: [replace(v, text=text) for v, text in zip(verdicts, texts, strict=True)]
    )


class FaultyReason(Emails):
    """The reason repeats the secret."""

    fails = "test_dirty_texts_do_not_pass"
    stage = _emails(
        lambda verdicts, texts, *_: [replace(v, reasons=(text,)) for v, text in zip(verdicts, texts, strict=True)]
    )


class FaultyVerdictOrder(Emails):
    """Verdicts come sorted instead of in the order of the texts."""

    fails = "test_dirty_texts_do_not_pass"
    stage = _emails(lambda verdicts, texts, *_: sorted(verdicts, key=lambda verdict: verdict.action))


class FaultySharedMapping(Emails):
    """All users share one mapping of what was redacted."""

    real = "LlamaIndex's PresidioPIINodePostprocessor"
    fails = "test_queries_at_once_do_not_mix"
    known: dict[str, str] = {}  # noqa: RUF012 - that it is shared is the fault

    class Sharing(ToyEmails):
        async def acheck(self, texts: Any, place: Any, scope: Any) -> list[Verdict]:
            scope.notes["toy_emails"] = FaultySharedMapping.known
            return await super().acheck(texts, place, scope)

    stage = stage(lambda: FaultySharedMapping.Sharing("redact"))


class FaultyFirstText(Emails):
    """Of a list only the first dirty text is found."""

    fails = "test_a_list_gets_the_verdicts_that_its_texts_get_alone"

    class Once(ToyEmails):
        async def acheck(self, texts: Any, place: Any, scope: Any) -> list[Verdict]:
            verdicts = await super().acheck(texts, place, scope)
            first = next((v for v in verdicts if v.action != "pass"), None)
            return [v if v is first or v.action == "pass" else Verdict("pass", v.text) for v in verdicts]

    stage = stage(lambda: FaultyFirstText.Once("redact"))


class FaultyLongDirt(Emails):
    """Only the first thousand characters are looked at."""

    fails = "test_a_secret_behind_a_long_text_is_found"

    class Hurried(ToyEmails):
        async def acheck(self, texts: Any, place: Any, scope: Any) -> list[Verdict]:
            looked = await super().acheck([text[:1_000] for text in texts], place, scope)
            return [replace(v, text=v.text + text[1_000:]) for v, text in zip(looked, texts, strict=True)]

    stage = stage(lambda: FaultyLongDirt.Hurried("redact"))


class FaultyCancelledCheck(Emails):
    """After a check that was cancelled everything is refused."""

    fails = "test_a_check_that_is_cancelled_ends_and_harms_no_other"

    class Fragile(ToyEmails):
        busy = False

        async def acheck(self, texts: Any, place: Any, scope: Any) -> list[Verdict]:
            if self.busy:
                return [Verdict("refuse", "", ("BUSY",)) for _ in texts]
            self.busy = True
            await asyncio.sleep(0.005)
            self.busy = False
            return await super().acheck(texts, place, scope)

    stage = stage(lambda: FaultyCancelledCheck.Fragile("redact"))
