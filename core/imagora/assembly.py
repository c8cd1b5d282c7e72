"""From a plan to built stages; building is cheap, weights and connections come when a stage is first used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from imagora_recipe.plan import Plan, Planned

from .component import BuildContext
from .errors import ImagoraError, MissingExtra, RecipeError
from .ledger import Ledger
from .options import NestedComponent
from .pictures import PictureDecoder, PictureLimits
from .runner import Runner
from .scoped import ScopedIndex
from .stages import (
    Embedder,
    Generator,
    Guardrail,
    Index,
    PictureEmbedder,
    Place,
    Preparer,
    Reranker,
    Retriever,
    Source,
    SparseEmbedder,
    TextEmbedder,
    Wrapper,
)
from .tracing import NoTracer, Tracer

_LEG_NEEDS: dict[str, tuple[type[Any], str]] = {
    "image": (PictureEmbedder, "pictures and words"),
    "text": (TextEmbedder, "words"),
    "sparse": (SparseEmbedder, "words to sparse vectors"),
}


@dataclass(frozen=True)
class Stages:
    """The built stages of a pipeline; lists hold pairs of the component's name and the stage."""

    source: Source | None = None
    preparers: Sequence[tuple[str, Preparer]] = ()
    embedders: Mapping[str, Embedder] = field(default_factory=dict)
    index: Index | None = None
    ledger: Ledger | None = None
    engine: Runner | None = None
    retriever: tuple[str, Retriever] | None = None
    rerankers: Sequence[tuple[str, Reranker]] = ()
    generator: tuple[str, Generator] | None = None
    guardrails: Mapping[Place, Sequence[tuple[str, Guardrail]]] = field(default_factory=dict)
    wrappers: Sequence[tuple[str, Wrapper]] = ()
    fallback: tuple[str, Generator] | None = None
    tracer: Tracer = field(default_factory=NoTracer)


def assemble(plan: Plan, built: list[tuple[NestedComponent, Embedder]] | None = None) -> Stages:
    """Build every stage of a plan; raise RecipeError where a build function refuses its options.

    built: embedders that there are already, of other pipelines; those that are built now are added.
    """
    start = BuildContext(recipe=plan.name, built=[] if built is None else built)
    embedders = _embedders(plan, start)
    with_embedders = replace(start, embedders=embedders)
    index: Index | None = build(plan.index, with_embedders) if plan.index else None
    generator: Generator | None = build(plan.generator, with_embedders) if plan.generator else None
    other = plan.answer.fallback
    fallback = (other.name, build(other, with_embedders)) if isinstance(other, Planned) else None
    scoped: Any = index and ScopedIndex(index, plan.access.tenant, plan.access.groups)
    context = replace(with_embedders, index=scoped, generator=generator)

    def named(planned: Planned) -> tuple[str, Any]:
        return planned.name, build(planned, context)

    return Stages(
        source=build(plan.source, start) if plan.source else None,
        preparers=[named(planned) for planned in plan.preparers],
        embedders=embedders,
        index=index,
        ledger=build(plan.ledger, context) if plan.ledger else None,
        engine=build(plan.engine, context) if plan.engine else None,
        retriever=named(plan.retriever) if plan.retriever else None,
        rerankers=[named(planned) for planned in plan.rerankers],
        generator=(plan.generator.name, generator) if plan.generator and generator else None,
        guardrails={place: [named(planned) for planned in listed] for place, listed in plan.guardrails.items()},
        wrappers=[named(planned) for planned in plan.wrappers],
        fallback=fallback,
        tracer=build(plan.traces, context) if plan.traces else NoTracer(),
    )


def picture_decoder(plan: Plan, workers: int | None = None, *, compress: bool = True) -> PictureDecoder:
    """Give a decoder with the recipe's limits; with another number of workers where one is given."""
    limits = PictureLimits(
        max_pixels=int(plan.pictures.max_megapixels * 1_000_000),
        max_side=plan.pictures.max_side,
        seconds=plan.pictures.seconds,
        memory=plan.pictures.max_megabytes * 1_000_000,
        compress=compress,
    )
    return PictureDecoder(workers or plan.pictures.workers, limits)


def _embedders(plan: Plan, context: BuildContext) -> dict[str, Embedder]:
    embedders: dict[str, Embedder] = {}
    for leg, planned in plan.embedders.items():
        embedder: Any = build(planned, context)
        needed, words = _LEG_NEEDS[leg]
        if not isinstance(embedder, needed):
            what = f"the leg '{leg}' needs an embedder of {words}, and '{planned.name}' is not one"
            raise RecipeError([planned.problem("IMG-315", what)])
        embedders[leg] = embedder
    return embedders


def build(planned: NestedComponent, context: BuildContext) -> Any:
    """Build one stage; raise RecipeError, with its place, where its build function refuses its options."""
    assert isinstance(planned, Planned)  # noqa: S101 - there is no other one
    if planned.offer.kind != "embedder":
        return _built(planned, context)
    # Embedders with the same component and options are one stage: loaded once, and words are embedded once for all.
    same = [embedder for other, embedder in context.built if other == planned]
    embedder = same[0] if same else _built(planned, context)
    if not same:
        context.built.append((planned, embedder))
    return embedder


def _gathering(planned: Planned, stage: Any) -> Any:
    if planned.batching is None:
        return stage
    from imagora_batching.laying import lay

    return lay(stage, planned.name, planned.batching)


def _built(planned: Planned, context: BuildContext) -> Any:
    component = planned.offer.component
    try:
        if planned.isolation is not None:
            from imagora_isolation.building import build_isolated

            return build_isolated(planned.isolation)
        return _gathering(planned, component.build(planned.options, context))
    except RecipeError:
        raise
    except ImportError as error:
        what = f"'{component.name}' cannot be imported ({error}); type: {planned.offer.pip_line()}"
        raise RecipeError([planned.problem("IMG-316", what)]) from error
    except (ImagoraError, ValueError) as error:
        missing = isinstance(error, MissingExtra)
        raise RecipeError([planned.problem("IMG-316" if missing else "IMG-317", error)]) from error
    except Exception as error:  # a stranger's build function may raise anything
        what = f"'{component.name}' cannot be built: {type(error).__name__}: {error}"
        raise RecipeError([planned.problem("IMG-318", what)]) from error
