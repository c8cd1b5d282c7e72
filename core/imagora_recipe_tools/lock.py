"""What a recipe ran with, written down: its options, plugins, packages and the hashes of its models."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imagora import __version__
from imagora.stages import Weighted
from imagora_recipe.extends import SHIPPED
from imagora_recipe.plan import Plan, Planned
from ruamel.yaml import YAML

from .said import said_by, secrets_of, without_secrets

if TYPE_CHECKING:
    from imagora.assembly import Stages

FORMAT = 1
_ALWAYS = "what the source gives, what the index holds, Python and the machine"
_RUNS_MODELS = {"reranker", "generator", "guardrail", "preparer"}


def lock_file(plan: Plan) -> Path:
    """Say where the lock of a recipe is: beside its file, in the working folder for a shipped one.

    With a profile it has another one, such as shop.prod.lock.
    """
    shipped = plan.file.parent.resolve() == SHIPPED.resolve()
    name = ".".join((plan.name, *plan.profiles, "lock"))
    return Path(name) if shipped else plan.file.with_name(name)


def locked(plan: Plan, stages: Stages) -> dict[str, Any]:
    """Give what a lock says of a recipe as it would run here; reads the weights of its models for their hashes."""
    said = without_secrets(said_by(plan, _path_in(plan)), secrets_of(plan))
    models = dict(_models(plan, stages))
    return {
        "lock": FORMAT,
        "hash": sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16],
        "imagora": __version__,
        "plugins": {p.name: f"{p.distribution} {p.version}" for p in sorted(_plugins(plan), key=lambda p: p.name)},
        "packages": _packages(plan),
        "models": models,
        "recipe": said,
        "not_locked": [*_not_locked(plan, models), _ALWAYS],
    }


def written(plan: Plan, lock: Mapping[str, Any]) -> str:
    """Give a lock as YAML text."""
    text = StringIO()
    text.write(f"# What the recipe '{plan.file.name}' runs with; made by: imagora recipe lock\n")
    text.write("# --locked and imagora recipe lock --check refuse anything else.\n")
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style, yaml.width, yaml.allow_unicode = False, 4096, True
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]  # declared as None
    yaml.dump(dict(lock), text)
    return text.getvalue()


def _path_in(plan: Plan) -> Any:
    """Write paths below the recipe's folder relative to it, so that a lock holds wherever the folder lies."""
    shipped = plan.file.parent.resolve() == SHIPPED.resolve()
    folder = Path.cwd() if shipped else plan.file.parent.absolute()

    def said(path: Path) -> str:
        whole = path.absolute()
        return f"./{whole.relative_to(folder).as_posix()}" if whole.is_relative_to(folder) else whole.as_posix()

    return said


def _plugins(plan: Plan) -> set[Any]:
    return {planned.offer.plugin for planned in plan.components()}


def _packages(plan: Plan) -> dict[str, str]:
    """Give the versions of LlamaIndex and of what the components say that they need."""
    needed = {
        "llama_index_core",
        *(name.split(".")[0] for p in plan.components() for name in p.offer.component.requires),
    }
    found = dict(_distribution(name) for name in needed)
    return dict(sorted(found.items()))


def _distribution(package: str) -> tuple[str, str]:
    name = package.replace("_", "-")
    try:
        return name, version(name)
    except PackageNotFoundError:  # its distribution has another name
        (name, *_) = packages_distributions().get(package, [name])
        return name, version(name)


def _models(plan: Plan, stages: Stages) -> Iterator[tuple[str, dict[str, Any]]]:
    for leg, embedder in stages.embedders.items():
        yield f"embedders.{leg}", asdict(embedder.identity())
    for planned, stage in _others(plan, stages):
        if isinstance(stage, Weighted):
            yield planned.where, {"weights": stage.weights_hash()}


def _others(plan: Plan, stages: Stages) -> Iterator[tuple[Planned, object]]:
    yield from zip(plan.preparers, (stage for _, stage in stages.preparers), strict=True)
    yield from zip(plan.rerankers, (stage for _, stage in stages.rerankers), strict=True)
    if plan.generator and stages.generator:
        yield plan.generator, stages.generator[1]
    if isinstance(plan.answer.fallback, Planned) and stages.fallback:
        yield plan.answer.fallback, stages.fallback[1]
    for place, listed in plan.guardrails.items():
        yield from zip(listed, (stage for _, stage in stages.guardrails[place]), strict=True)


def _not_locked(plan: Plan, models: Mapping[str, Any]) -> Iterator[str]:
    for planned in plan.components():
        model = next((m for m in (getattr(planned.options, n, None) for n in ("model", "integration")) if m), None)
        if planned.offer.kind not in _RUNS_MODELS or planned.where in models or model is None:
            continue
        far = getattr(planned.options, "url", None) is not None
        why = "runs elsewhere" if far else "tells no hash of its weights"
        said = without_secrets(str(model), set(planned.secrets))
        yield f"{planned.where}: '{planned.name}' {why}, so that of its model only the name is locked: '{said}'"
    if names := plan.environment:
        yield f"values from the environment: {', '.join(names)}"
