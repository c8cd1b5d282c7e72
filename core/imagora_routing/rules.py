"""Which recipe a query goes to: rules on what it has, the first that fits."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated

from imagora.errors import QueryError
from imagora.options import Options
from imagora.query import Principal
from pydantic import BeforeValidator, Field, field_validator, model_validator


def _several(value: object) -> object:
    return (value,) if isinstance(value, str) else value


Words = Annotated[tuple[str, ...], BeforeValidator(_several)]
"""One word or a list of them."""


class Rule(Options):
    """A recipe, and what a query must have to go to it; everything that is said must hold."""

    recipe: str = Field(description="The name of the recipe that answers.")
    picture: bool | None = Field(default=None, description="Whether the query has a picture.")
    words: str | None = Field(
        default=None, min_length=1, description="A regular expression that the query's words hold, in any case."
    )
    language: Words = Field(default=(), description="The language of the words, as in ISO 639-1: `de`, or a list.")
    tenant: Words = Field(default=(), description="The tenant of who asks, or a list.")
    group: Words = Field(default=(), description="A group that who asks belongs to, or a list of which one is enough.")

    @field_validator("words")
    @classmethod
    def _compiles(cls, words: str | None) -> str | None:
        try:
            re.compile(words or "")
        except re.error as error:
            raise ValueError(f"'words' is no regular expression: {error}") from None
        return words

    @field_validator("language")
    @classmethod
    def _lower(cls, languages: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(language.lower() for language in languages)

    @model_validator(mode="after")
    def _says_something(self) -> Rule:
        if not any((self.picture is not None, self.words, self.language, self.tenant, self.group)):
            raise ValueError("a rule says what a query must have: picture, words, language, tenant or group")
        return self


@dataclass(frozen=True)
class Asked:
    """What rules look at: the words, whether there is a picture, and who asks."""

    words: str
    picture: bool
    principal: Principal | None = None


@dataclass(frozen=True)
class Choice:
    """The recipe that a query goes to, and why, in words."""

    recipe: str
    because: str


class Rules:
    """Rules in their order, and the recipe for everything else; language: says what language words are in."""

    def __init__(self, rules: Sequence[Rule], default: str | None, language: Callable[[str], str | None]) -> None:
        self._rules = [(rule, re.compile(rule.words, re.IGNORECASE) if rule.words else None) for rule in rules]
        self._default, self._language = default, language

    def choose(self, asked: Asked) -> Choice:
        """Give the first rule's recipe that fits; raise QueryError where none does and there is no default."""
        language: str | None = None
        if any(rule.language for rule, _ in self._rules) and asked.words.strip():
            language = self._language(asked.words)
        for number, (rule, words) in enumerate(self._rules, start=1):
            reasons = _fits(rule, words, asked, language)
            if reasons:
                return Choice(rule.recipe, f"rule {number}: {', '.join(reasons)}")
        if self._default is None:
            what = "no rule fits this query, and there is no default; name a recipe, or add 'default: NAME'"
            raise QueryError(what, code="IMG-510")
        return Choice(self._default, "no rule fits")


def _fits(rule: Rule, words: re.Pattern[str] | None, asked: Asked, language: str | None) -> list[str] | None:
    """Give the reasons why a rule fits, None where it does not."""
    who = asked.principal or Principal()
    conditions = (
        (rule.picture is not None, asked.picture == rule.picture, f"{'a' if rule.picture else 'no'} picture"),
        (words is not None, bool(words and words.search(asked.words)), f"words like '{rule.words}'"),
        (bool(rule.language), language in rule.language, f"language {language}"),
        (bool(rule.tenant), who.tenant in rule.tenant, f"tenant '{who.tenant}'"),
        (bool(rule.group), bool(set(rule.group) & set(who.groups)), "a group"),
    )
    said = [(holds, why) for is_said, holds, why in conditions if is_said]
    return [why for _, why in said] if all(holds for holds, _ in said) else None
