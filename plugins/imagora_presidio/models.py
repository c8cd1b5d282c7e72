"""Whether a spaCy model is there; it is never fetched."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import packages_distributions
from importlib.util import find_spec
from pathlib import Path

from imagora import Model
from imagora.errors import MissingExtra

from .options import DEFAULT_MODEL, PresidioOptions


def installed_model(options: PresidioOptions) -> str:
    """Give the model's package name or folder; raise MissingExtra, with what to type, where it is not there."""
    if options.model_folder:
        if not (options.model_folder / "config.cfg").is_file():
            raise MissingExtra(
                f"there is no spaCy model in '{options.model_folder}' (no config.cfg); save one there with nlp.to_disk"
            )
        return str(options.model_folder)
    name = options.model or DEFAULT_MODEL
    if find_spec(name) is None:
        line = "pip install 'imagora[presidio]'" if name == DEFAULT_MODEL else f"python -m spacy download {name}"
        raise MissingExtra(
            f"the spaCy model '{name}' is not installed, and it is never fetched by itself; type: {line}"
        )
    return name


def model_of(options: PresidioOptions) -> Model:
    """Give the spaCy model, with the distribution that ships it where one does."""
    if options.model_folder:
        return Model(options.model_folder.name, lambda: _files(options))
    name = options.model or DEFAULT_MODEL
    return Model(name, lambda: _files(options), next(iter(packages_distributions().get(name, ())), ""))


def _files(options: PresidioOptions) -> Iterable[Path]:
    found = installed_model(options)
    spec = None if options.model_folder else find_spec(found)
    folder = Path(spec.origin).parent if spec and spec.origin else Path(found)
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc")
