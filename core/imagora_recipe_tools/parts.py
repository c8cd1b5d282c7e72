"""What of a recipe decides about an ingest, built: source, embedders, index and ledger."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from imagora.errors import ImagoraError
from imagora.stages import Identity
from imagora_recipe.plan import Plan

if TYPE_CHECKING:
    from imagora.assembly import Stages


class Parts:
    """The stages of a plan that an ingest asks who they are; weights are read for an identity, and not before.

    unknown: why an identity cannot be told, by leg.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.unknown: dict[str, str] = {}
        self._identities: dict[str, Identity | None] = {}

    @cached_property
    def stages(self) -> Stages:
        """The built stages; nothing is open."""
        from imagora.assembly import assemble  # which imports LlamaIndex

        plan = self.plan
        return assemble(Plan(plan.name, plan.file, embedders=plan.embedders, index=plan.index, ledger=plan.ledger))

    def identity(self, leg: str) -> Identity | None:
        """Say who makes a leg's vectors, None where that cannot be told here or there is no such leg."""
        if leg not in self._identities:
            self._identities[leg] = self._asked(leg)
        return self._identities[leg]

    def identities(self) -> dict[str, Identity] | None:
        """Give all legs' identities, None where one of them cannot be told."""
        found = {leg: self.identity(leg) for leg in self.plan.embedders}
        return None if self.unknown else {leg: one for leg, one in found.items() if one}

    def source(self) -> str | None:
        """Give the source's name, None where it has none of its own or cannot be built here."""
        from imagora.assembly import assemble

        try:
            built = assemble(Plan(self.plan.name, self.plan.file, source=self.plan.source)).source
            return None if built is None else built.uri
        except (ImagoraError, OSError):
            return None

    def index_place(self) -> str | None:
        """Say where the index is."""
        return None if self.stages.index is None else self.stages.index.place

    def ledger_place(self) -> str | None:
        """Say where the ledger is, which may be beside the index."""
        if self.stages.index is None:
            return None
        from imagora_ingestion.generations import ledger_of

        return ledger_of(self.plan, self.stages).place

    def _asked(self, leg: str) -> Identity | None:
        embedder = self.stages.embedders.get(leg)
        if embedder is None:
            return None
        try:
            return embedder.identity()
        except Exception as error:  # a model that is not here, of whatever library
            self.unknown[leg] = f"{error}" if isinstance(error, ImagoraError) else f"{type(error).__name__}: {error}"
            return None
