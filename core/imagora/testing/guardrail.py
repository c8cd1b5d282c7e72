"""The contract of guardrails: verdicts on clean and on dirty texts, alone, together and at once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import ClassVar

import pytest

from imagora.stages import Guardrail, Place, Scope, Verdict

from .built import Built
from .cancelling import cancelled
from .golden import PICTURES

PLACES = pytest.mark.parametrize("place", ["query", "passages", "answer"])


class GuardrailContract(Built):
    """Name the `component`, or give the fixture `stage`: a guardrail, and what it finds.

    dirty_texts: pairs of a text and the secret in it, every secret another; or give the fixture `dirty`.
    action: what happens to a dirty text. places: where it acts; elsewhere every text passes as it is.
    """

    kind = "guardrail"
    dirty_texts: ClassVar[Sequence[tuple[str, str]]] = ()
    action = "redact"
    places: tuple[Place, ...] = ("query", "passages", "answer")

    @pytest.fixture
    def dirty(self) -> list[tuple[str, str]]:
        if not self.dirty_texts:
            pytest.skip("say in `dirty_texts` what it is there to find: pairs of a text and the secret in it")
        return list(self.dirty_texts)

    @pytest.fixture
    def clean(self) -> list[str]:
        return [*(f"a drawing of a {words}" for words in PICTURES), "", "Straße 🦊 [1]\n\ttwo  blanks "]

    def check(self, stage: Guardrail, texts: list[str], place: Place = "query") -> list[Verdict]:
        return asyncio.run(stage.acheck(texts, place, Scope()))

    @PLACES
    def test_clean_texts_pass_as_they_are(self, stage: Guardrail, clean: list[str], place: Place) -> None:
        assert [(v.action, v.text) for v in self.check(stage, clean, place)] == [("pass", text) for text in clean]
        assert self.check(stage, [], place) == []

    @PLACES
    def test_dirty_texts_do_not_pass(self, stage: Guardrail, dirty: list[tuple[str, str]], place: Place) -> None:
        verdicts = self.check(stage, [part for text, _ in dirty for part in (text, "a red circle")], place)
        if place not in self.places:
            assert {verdict.action for verdict in verdicts} == {"pass"}
            return
        assert [verdict.text for verdict in verdicts[1::2]] == ["a red circle"] * len(dirty), (
            "verdicts keep their order"
        )
        for (_, secret), verdict in zip(dirty, verdicts[::2], strict=True):
            assert verdict.action == self.action and verdict.reasons and secret not in " ".join(verdict.reasons)
            assert self.action == "refuse" or secret not in verdict.text

    def test_queries_at_once_do_not_mix(self, stage: Guardrail, dirty: list[tuple[str, str]]) -> None:
        async def together() -> list[list[Verdict]]:
            checks = [stage.acheck([text], "query", scope) for (text, _), scope in zip(dirty, scopes, strict=True)]
            return await asyncio.gather(*checks)

        scopes = [Scope() for _ in dirty]
        assert asyncio.run(together()) == [self.check(stage, [text]) for text, _ in dirty]
        for (_, own), scope in zip(dirty, scopes, strict=True):
            assert not any(secret in repr(scope.notes) for _, secret in dirty if secret != own)

    def test_a_list_gets_the_verdicts_that_its_texts_get_alone(
        self, stage: Guardrail, dirty: list[tuple[str, str]], clean: list[str]
    ) -> None:
        texts = [*clean, *(text for text, _ in dirty), *clean]
        place = self.places[0]
        alone = [verdict for text in texts for verdict in self.check(stage, [text], place)]
        together = self.check(stage, texts, place)
        assert [(one.action, one.reasons) for one in together] == [(one.action, one.reasons) for one in alone]

    def test_a_secret_behind_a_long_text_is_found(self, stage: Guardrail, dirty: list[tuple[str, str]]) -> None:
        (text, secret), filler = dirty[0], "It is a drawing of a red circle. " * 500
        (verdict,) = self.check(stage, [f"{filler}\n\n{text}"], self.places[0])
        assert verdict.action == self.action
        assert self.action == "refuse" or secret not in verdict.text

    def test_a_check_that_is_cancelled_ends_and_harms_no_other(self, stage: Guardrail, clean: list[str]) -> None:
        async def check() -> list[Verdict]:
            await cancelled(lambda: stage.acheck(clean * 3, self.places[0], Scope()))
            return await stage.acheck(clean, self.places[0], Scope())

        before = asyncio.run(stage.acheck(clean, self.places[0], Scope()))
        assert asyncio.run(check()) == before
