"""Checks of models: their files are there, and are the bytes that their distribution was installed with."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from imagora import Model
from imagora.health import Check, Unhealthy
from imagora_recipe.plan import Plan


def checks(plan: Plan) -> Iterator[Check]:
    """Give a check for each model of a plan."""
    seen: set[str] = set()
    for planned in plan.components():
        for model in planned.offer.component.models(planned.options) if planned.offer.component.models else ():
            if model.name not in seen:
                seen.add(model.name)
                yield Check(model.name, lambda model=model: _on_disk(model))  # type: ignore[misc]  # as mypy has it


def _on_disk(model: Model) -> str:
    files = list(model.files())
    if not files:
        return "runs elsewhere"
    for file in files:
        if not file.is_file():
            raise Unhealthy(f"'{file}' is not there", "install or copy it again")
    recorded = _recorded(model.distribution)
    hashes = [_hash(file) for file in files]
    for file, own in zip(files, hashes, strict=True):
        if recorded.get(file.resolve(), own) != own:
            what = f"'{file}' is not what '{model.distribution}' was installed with"
            raise Unhealthy(what, f"type: pip install --force-reinstall {model.distribution}")
    known = sum(file.resolve() in recorded for file in files)
    whole = hashes[0] if len(hashes) == 1 else hashlib.sha256("".join(hashes).encode()).hexdigest()
    megabytes = sum(file.stat().st_size for file in files) / 1e6
    held = ", as installed" if known == len(files) else ""
    return f"{megabytes:.1f} MB, sha256 {whole[:12]}…{held}"


def _recorded(name: str) -> dict[Path, str]:
    """Give the hashes that a distribution's record has, in hex."""
    try:
        files: Sequence[object] = distribution(name).files or () if name else ()
    except PackageNotFoundError:
        return {}
    found = {}
    for file in files:
        said = getattr(file, "hash", None)
        if said is not None and said.mode == "sha256":
            raw = base64.urlsafe_b64decode(said.value + "=" * (-len(said.value) % 4))
            found[Path(str(file.locate())).resolve()] = raw.hex()  # type: ignore[attr-defined]  # it has a hash, so this
    return found


def _hash(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
