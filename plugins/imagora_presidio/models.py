"""Whether a spaCy model is there; it is never fetched."""

from __future__ import annotations

from importlib.util import find_spec

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
