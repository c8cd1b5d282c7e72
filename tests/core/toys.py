"""A toy plugin: one small, real component of every kind, without any model, for the core's own tests.

Like every plugin it is light: options and hooks here, the parts themselves in toy_stages.py and toy_index.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from imagora import BuildContext, Component, Options, RecipePath, hookimpl
from pydantic import Field


class ToyItem(Options):
    uri: str = Field(description="what names the item within the source")
    text: str = Field("", description="the item's words")
    title: str | None = Field(None, description="the item's title")
    colour: str | None = Field(None, description="a colour's name; the item then has a picture of that colour")
    broken: bool = Field(False, description="the item cannot be read, and comes as Unreadable")
    metadata: Mapping[str, Any] = Field({}, description="more metadata, as flat JSON values")


class ToyListOptions(Options):
    items: tuple[ToyItem, ...] = Field((), description="the items, in their order")
    name: str = Field("toys", description="what tells this list from others")


class ToyShoutOptions(Options):
    mark: str = Field("!", description="what is put behind the words")


class ToyColourOptions(Options):
    weights: str = Field("1", description="a number of the weights, to make another identity")


class ToyWordsOptions(Options):
    lower: bool = Field(True, description="capital letters count as small ones")


class ToyMemoryOptions(Options):
    path: RecipePath | None = Field(None, description="a JSON file to keep everything in; without it nothing is kept")


class ToyRetrieverOptions(Options):
    top_k: int = Field(10, ge=1, description="how many passages are found, in passages")
    legs: Mapping[str, float] = Field({}, description="weight by leg; all legs with weight 1 where it is empty")
    fusion: Literal["rrf", "dbsf", "weighted"] = Field("rrf", description="how the legs' rankings become one")


class ToyReverseOptions(Options):
    keep: int | None = Field(None, ge=1, description="how many passages are kept, in passages; all of them if left out")


class ToyQuoteOptions(Options):
    passage: int = Field(1, ge=1, description="the number of the passage that is quoted")


class ToyEmailsOptions(Options):
    action: Literal["redact", "refuse"] = Field("redact", description="what happens to a text with an e-mail address")


class ToyCounterOptions(Options):
    label: str = Field("", description="a word to tell two counters apart")


def _list(options: ToyListOptions, context: BuildContext) -> Any:
    from toy_stages import ToyList

    return ToyList(options.name, options.items)


def _shout(options: ToyShoutOptions, context: BuildContext) -> Any:
    from toy_stages import ToyShout

    return ToyShout(options.mark)


def _colour(options: ToyColourOptions, context: BuildContext) -> Any:
    from toy_embedders import ToyColour

    return ToyColour(weights=options.weights)


def _words(options: ToyWordsOptions, context: BuildContext) -> Any:
    from toy_embedders import ToyWords

    return ToyWords(options.lower)


def _memory(options: ToyMemoryOptions, context: BuildContext) -> Any:
    from toy_index import ToyGenerations, ToyMemory

    return ToyGenerations(options.path, context.recipe) if options.path else ToyMemory()


def _retriever(options: ToyRetrieverOptions, context: BuildContext) -> Any:
    from toy_stages import ToyRetriever

    return ToyRetriever(options.top_k, options.legs, options.fusion, context.embedders, context.index)


def _reverse(options: ToyReverseOptions, context: BuildContext) -> Any:
    from toy_stages import ToyReverse

    return ToyReverse(keep=options.keep)


def _quote(options: ToyQuoteOptions, context: BuildContext) -> Any:
    from toy_stages import ToyQuote

    return ToyQuote(passage=options.passage)


def _emails(options: ToyEmailsOptions, context: BuildContext) -> Any:
    from toy_stages import ToyEmails

    return ToyEmails(options.action)


def _counter(options: ToyCounterOptions, context: BuildContext) -> Any:
    from toy_stages import ToyCounter

    return ToyCounter(options.label)


@hookimpl
def offer_sources() -> list[Component[Any]]:
    return [Component("toy_list", "items that are written in the recipe", ToyListOptions, _list)]


@hookimpl
def offer_preparers() -> list[Component[Any]]:
    return [Component("toy_shout", "words in capital letters", ToyShoutOptions, _shout)]


@hookimpl
def offer_embedders() -> list[Component[Any]]:
    colour = Component("toy_colour", "shares of named colours in a picture or in words", ToyColourOptions, _colour)
    return [colour, Component("toy_words", "counts of words", ToyWordsOptions, _words)]


@hookimpl
def offer_indexes() -> list[Component[Any]]:
    return [Component("toy_memory", "every vector compared with every other", ToyMemoryOptions, _memory)]


@hookimpl
def offer_retrievers() -> list[Component[Any]]:
    return [Component("toy_retriever", "one search over all legs", ToyRetrieverOptions, _retriever)]


@hookimpl
def offer_rerankers() -> list[Component[Any]]:
    return [Component("toy_reverse", "the worst passage first", ToyReverseOptions, _reverse)]


@hookimpl
def offer_generators() -> list[Component[Any]]:
    return [Component("toy_quote", "one passage's words, cited", ToyQuoteOptions, _quote)]


@hookimpl
def offer_guardrails() -> list[Component[Any]]:
    return [Component("toy_emails", "e-mail addresses redacted or refused", ToyEmailsOptions, _emails)]


@hookimpl
def offer_wrappers() -> list[Component[Any]]:
    return [Component("toy_counter", "counts queries and failures", ToyCounterOptions, _counter)]
