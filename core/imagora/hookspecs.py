"""What a plugin may offer: one hook a kind, each called once, each returning a list of components.

A plugin is an import package with an entry point in the group ``imagora``. Its module holds functions named as
below and marked with ``@imagora.hookimpl``. Keep the module light: import heavy things inside the build function.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from .component import Command, Component

hookspec = pluggy.HookspecMarker("imagora")
hookimpl = pluggy.HookimplMarker("imagora")


@hookspec
def offer_sources() -> list[Component[Any]]:
    """Offer sources: where items come from (built: `imagora.stages.Source`)."""
    raise AssertionError


@hookspec
def offer_preparers() -> list[Component[Any]]:
    """Offer preparers: what changes an item before it is embedded (built: `imagora.stages.Preparer`)."""
    raise AssertionError


@hookspec
def offer_embedders() -> list[Component[Any]]:
    """Offer embedders: what turns words or pictures into vectors (built: `imagora.stages.Embedder`)."""
    raise AssertionError


@hookspec
def offer_indexes() -> list[Component[Any]]:
    """Offer indexes: where vectors are kept, filtered, searched and fused (built: `imagora.stages.Index`)."""
    raise AssertionError


@hookspec
def offer_retrievers() -> list[Component[Any]]:
    """Offer retrievers: what finds passages for a query (built: a LlamaIndex BaseRetriever)."""
    raise AssertionError


@hookspec
def offer_rerankers() -> list[Component[Any]]:
    """Offer rerankers: what puts passages in a better order (built: a LlamaIndex BaseNodePostprocessor)."""
    raise AssertionError


@hookspec
def offer_generators() -> list[Component[Any]]:
    """Offer generators: what writes the answer from the prompt (built: a LlamaIndex chat LLM)."""
    raise AssertionError


@hookspec
def offer_guardrails() -> list[Component[Any]]:
    """Offer guardrails: what passes, redacts or refuses texts (built: `imagora.stages.Guardrail`)."""
    raise AssertionError


@hookspec
def offer_wrappers() -> list[Component[Any]]:
    """Offer wrappers: what stands around a whole query, such as a cache (built: `imagora.stages.Wrapper`)."""
    raise AssertionError


@hookspec
def offer_ledgers() -> list[Component[Any]]:
    """Offer ledgers: where it is written down what an index holds (built: `imagora.ledger.Ledger`)."""
    raise AssertionError


@hookspec
def offer_engines() -> list[Component[Any]]:
    """Offer engines: what works through the changes of a source (built: `imagora.runner.Runner`)."""
    raise AssertionError


@hookspec
def offer_tracers() -> list[Component[Any]]:
    """Offer tracers: what hears of every stage of a query (built: `imagora.tracing.Tracer`)."""
    raise AssertionError


@hookspec
def offer_commands() -> list[Command]:
    """Offer commands: what the command line gets besides the core's own commands."""
    raise AssertionError
