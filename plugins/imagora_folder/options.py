"""The options of the source `folder`."""

from __future__ import annotations

from pathlib import PurePath
from typing import Annotated

from imagora import Options, RecipePath
from pydantic import AfterValidator, Field

MANIFEST_ENDINGS = (".yaml", ".yml", ".json", ".jsonl", ".csv")


def _plain_name(value: str | None) -> str | None:
    if value is None:
        return None
    if PurePath(value).name != value or "\\" in value or value in (".", ".."):
        raise ValueError(f"the manifest is a file in the folder itself, so it is a name and not a path like '{value}'")
    if PurePath(value).suffix.lower() not in MANIFEST_ENDINGS:
        raise ValueError(f"the manifest's name must end in one of {', '.join(MANIFEST_ENDINGS)}")
    return value


def _endings(value: tuple[str, ...]) -> tuple[str, ...]:
    for ending in value:
        if not ending.startswith(".") or "/" in ending:
            raise ValueError(f"a file ending begins with a dot, e.g. '.jpg', and '{ending}' does not")
    return tuple(ending.lower() for ending in value)


Endings = Annotated[tuple[str, ...], AfterValidator(_endings)]


class FolderOptions(Options):
    """Where the folder is, and which of its files are items."""

    path: RecipePath | None = Field(
        default=None, description="The folder; may be left out where the command line gives one with --source."
    )
    manifest: Annotated[str | None, AfterValidator(_plain_name)] = Field(
        default=None,
        description="Name of the file in the folder that has words and metadata, a row an item; without it, the first "
        "there is of manifest.yaml, .yml, .json, .jsonl and .csv.",
    )
    recursive: bool = Field(default=True, description="Read the folders in the folder as well.")
    follow_links: bool = Field(
        default=False, description="Follow symbolic links, also out of the folder; otherwise they are passed over."
    )
    hidden: bool = Field(default=False, description="Read files and folders whose names begin with a dot as well.")
    pictures: Endings = Field(
        default=(".jpg", ".jpeg", ".jfif", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif", ".ppm", ".pgm"),
        description="File endings of pictures; capitals do not matter.",
    )
    texts: Endings = Field(
        default=(".txt", ".md"),
        description="File endings of texts: the words of the picture with the same name, or items of their own.",
    )
