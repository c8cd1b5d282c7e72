"""From a plan to built stages; building is cheap, weights and connections come when a stage is first used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .component import BuildContext
from .errors import ImagoraError, RecipeError
from .pictures import PictureDecoder, PictureLimits
from .recipe.plan import Plan, Planned
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
    retriever: tuple[str, Retriever] | None = None
    rerankers: Sequence[tuple[str, Reranker]] = ()
    generator: tuple[str, Generator] | None = None
    guardrails: Mapping[Place, Sequence[tuple[str, Guardrail]]] = field(default_factory=dict)
    wrappers: Sequence[tuple[str, Wrapper]] = ()


def assemble(plan: Plan) -> Stages:
    """Build every stage of a plan; raise RecipeError where a build function refuses its options."""
    start = BuildContext(recipe=plan.name)
    embedders = _embedders(plan, start)
    with_embedders = BuildContext(recipe=plan.name, embedders=embedders)
    index: Index | None = _build(plan.index, with_embedders) if plan.index else None
    generator: Generator | None = _build(plan.generator, with_embedders) if plan.generator else None
    context = BuildContext(recipe=plan.name, embedders=embedders, index=index, generator=generator)

    def named(planned: Planned) -> tuple[str, Any]:
        return planned.name, _build(planned, context)

    return Stages(
        source=_build(plan.source, start) if plan.source else None,
        preparers=[named(planned) for planned in plan.preparers],
        embedders=embedders,
        index=index,
        retriever=named(plan.retriever) if plan.retriever else None,
        rerankers=[named(planned) for planned in plan.rerankers],
        generator=(plan.generator.name, generator) if plan.generator and generator else None,
        guardrails={place: [named(planned) for planned in listed] for place, listed in plan.guardrails.items()},
        wrappers=[named(planned) for planned in plan.wrappers],
    )


def picture_decoder(plan: Plan, workers: int | None = None) -> PictureDecoder:
    """Give a decoder with the recipe's limits; with another number of workers where one is given."""
    limits = PictureLimits(
        max_pixels=int(plan.pictures.max_megapixels * 1_000_000),
        max_side=plan.pictures.max_side,
        seconds=plan.pictures.seconds,
    )
    return PictureDecoder(workers or plan.pictures.workers, limits)


def _embedders(plan: Plan, context: BuildContext) -> dict[str, Embedder]:
    # Two legs with the same component and options share one stage, so that words are embedded once for both.
    built: list[tuple[Planned, Embedder]] = []
    embedders: dict[str, Embedder] = {}
    for leg, planned in plan.embedders.items():
        same = [e for p, e in built if p.offer is planned.offer and p.options == planned.options]
        embedder: Any = same[0] if same else _build(planned, context)
        needed, words = _LEG_NEEDS[leg]
        if not isinstance(embedder, needed):
            what = f"the leg '{leg}' needs an embedder of {words}, and '{planned.name}' is not one"
            raise RecipeError([planned.problem(what)])
        built.append((planned, embedder))
        embedders[leg] = embedder
    return embedders


def _build(planned: Planned, context: BuildContext) -> Any:
    component = planned.offer.component
    try:
        return component.build(planned.options, context)
    except RecipeError:
        raise
    except ImportError as error:
        what = f"'{component.name}' cannot be imported ({error}); type: {planned.offer.pip_line()}"
        raise RecipeError([planned.problem(what)]) from error
    except (ImagoraError, ValueError) as error:
        raise RecipeError([planned.problem(error)]) from error
    except Exception as error:  # a stranger's build function may raise anything
        what = f"'{component.name}' cannot be built: {type(error).__name__}: {error}"
        raise RecipeError([planned.problem(what)]) from error
