"""Bring an index up to date with a source: the door to the road of an item (`road`)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from imagora.assembly import Stages, assemble
from imagora.errors import SourceError
from imagora.ingest_report import IngestReport, Progress
from imagora.record import named
from imagora.stages import CuttingEmbedder, GenerationalIndex, Source
from imagora_recipe.plan import Plan

from .changes import Changes, made_by
from .generations import opened
from .local import LocalRunner
from .maker import EntryMaker
from .road import ItemRoad
from .thumbnails import thumbnails_of


def ingest(
    plan: Plan,
    stages: Stages,
    *,
    source: str | Path | None = None,
    limit: int | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> IngestReport:
    """Bring the index up to date with the source and say what was done.

    source: another path than the recipe's, for sources with an option `path`. limit: how many items to take from it at
    most; then none is taken for deleted. Raises an ImagoraError where nothing can
    be done at all; single items never stop the rest.
    """
    if stages.index is None:
        raise SourceError(
            f"the recipe '{plan.name}' has no index to ingest into; add: index: {{use: qdrant, path: ./index}}",
            code="IMG-705",
        )
    chosen = chosen_source(plan, stages, source)
    with named("source", chosen.uri):
        total = chosen.count()
    with opened(plan, stages, create=True) as (index, ledger, generation):
        thumbnails = thumbnails_of(plan, stages, generation)
        kept = thumbnails is not None and plan.pictures.thumbnails > 0
        changes = Changes(chosen, ledger.rows, made_by(plan, stages), limit, thumbnails=kept)
        road = ItemRoad(changes, index, ledger, thumbnails)
        road.report.generation = generation
        road.report.answering = not isinstance(stages.index, GenerationalIndex) or (
            stages.index.answering == generation
        )
        with closing(changes.seen), closing(EntryMaker(plan, stages, ledger.mark)) as maker:
            road.begin()
            before = _texts_cut(stages)
            with closing(road.reports(stages.engine or LocalRunner(), maker)) as reports:
                for report in reports:
                    report.cut = _texts_cut(stages) - before
                    if on_progress is not None:
                        on_progress(Progress(report, total))
            return road.finish()


def _texts_cut(stages: Stages) -> int:
    embedders = {id(embedder): embedder for embedder in stages.embedders.values()}
    return sum(embedder.texts_cut for embedder in embedders.values() if isinstance(embedder, CuttingEmbedder))


def chosen_source(plan: Plan, stages: Stages, path: str | Path | None) -> Source:
    """Give the recipe's source, with another path in it where one is given."""
    if path is None:
        if stages.source is None:
            what = f"the recipe '{plan.name}' has no source; say where the items are with: --source DIR"
            raise SourceError(what, code="IMG-702")
        return stages.source
    if plan.source is None or "path" not in type(plan.source.options).model_fields:
        what = f"the recipe '{plan.name}' has no source that takes a path"
        raise SourceError(f"{what}; leave --source out, or name another: source: {{use: folder}}", code="IMG-705")
    options = plan.source.options.model_copy(update={"path": Path(path).expanduser()})
    changed = Plan(plan.name, plan.file, source=type(plan.source)(**{**vars(plan.source), "options": options}))
    built = assemble(changed).source
    assert built is not None  # noqa: S101 - the plan above has a source
    return built
