"""The suite `stamps`: the drawings of Debian's tuxpaint-stamps-default, asked for in many languages and by pictures."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any

from imagora import Options
from imagora.errors import MissingExtra
from pydantic import BeforeValidator, Field

from .altering import CHANGES, altered
from .making import Maker, write_lines, write_qrels

FOLDER = Path("/usr/share/tuxpaint/stamps")
NO_LETTERS = "symbols/alphabets"
"""Letters are left out: each is there in several fonts, with the same caption."""
_USUAL = ("en", "de", "fr", "es", "ru", "ja")


class StampsOptions(Options):
    """How much of the stamps is taken, and how it is asked."""

    items: int = Field(default=0, ge=0, description="How many stamps are taken, 0 for all of them.")
    queries: int = Field(default=40, ge=1, le=1_000, description="How many queries of each kind there are at most.")
    languages: Annotated[tuple[str, ...], BeforeValidator(lambda v: v.split("+") if isinstance(v, str) else v)] = Field(
        default=_USUAL, min_length=1, description="Languages of the captions that are asked: de+fr on the command line."
    )
    words: float = Field(default=0.5, ge=0, le=1, description="The share of stamps that an English caption goes with.")
    seed: int = Field(default=1, ge=0, description="The start of chance.")


@dataclass(frozen=True)
class Stamp:
    """A stamp: its name below the folder, its captions by language, and whether its English one is in the corpus."""

    name: str
    captions: Mapping[str, str]
    told: bool

    @property
    def category(self) -> str:
        """The folder that it is in."""
        return str(Path(self.name).parent)


def _found() -> list[Path]:
    found = sorted(file for file in FOLDER.rglob("*.png") if file.with_suffix(".txt").is_file())
    if not found:
        what = f"the stamps are Debian's package tuxpaint-stamps-default, and there are none in {FOLDER}"
        raise MissingExtra(f"{what}; on Debian or Ubuntu type: sudo apt install tuxpaint-stamps-default")
    return [file for file in found if not str(file.relative_to(FOLDER)).startswith(NO_LETTERS)]


def _made_of() -> str:
    sizes = [f"{file.relative_to(FOLDER)} {file.stat().st_size}" for file in _found()]
    return sha256("\n".join(sizes).encode()).hexdigest()[:16]


def _captions(file: Path) -> dict[str, str]:
    first, *rest = file.read_text("utf-8-sig", "replace").strip().splitlines() or [""]
    found = {"en": first.strip()}
    for line in rest:
        language, sign, caption = line.partition(".utf8=")
        if sign and caption.strip():
            found[language.strip()] = caption.strip()
    return found


def _stamps(options: StampsOptions) -> list[Stamp]:
    dice = random.Random(options.seed)  # noqa: S311 - no secret
    files = _found()
    if options.items:
        files = sorted(dice.sample(files, min(options.items, len(files))))
    return [
        Stamp(str(file.relative_to(FOLDER)), _captions(file.with_suffix(".txt")), told=dice.random() < options.words)
        for file in files
    ]


def _right(stamps: Sequence[Stamp], stamp: Stamp) -> dict[str, int]:
    """Grade the stamps for one: 2 for itself and those of the same caption, 1 for its folder's others."""
    alike = {one.name: 1 for one in stamps if one.category == stamp.category}
    return alike | {one.name: 2 for one in stamps if one.captions["en"] == stamp.captions["en"]}


def _asked(stamps: Sequence[Stamp], options: StampsOptions) -> Iterator[tuple[dict[str, Any], Stamp]]:
    dice = random.Random(options.seed + 1)  # noqa: S311 - no secret

    def some() -> list[Stamp]:
        return dice.sample(list(stamps), min(options.queries, len(stamps)))

    chosen = some()  # the same stamps in all languages, so that languages can be compared
    for language in options.languages:
        for stamp in chosen:
            # A caption that was left in English says nothing about the language.
            caption = stamp.captions.get(language, "")
            if caption and (language == "en" or caption != stamp.captions["en"]):
                yield _query("words", stamp, language) | {"text": caption}, stamp
    for kind in ("picture", "both"):
        for number, stamp in enumerate(some()):
            change = [*CHANGES][number % len(CHANGES)]
            asked = _query(kind, stamp, "") | {"pictures": [_altered_name(stamp, change)]}
            yield {**asked, "text": stamp.captions["en"]} if kind == "both" else asked, stamp


def _query(kind: str, stamp: Stamp, language: str) -> dict[str, Any]:
    slices = {"kind": kind, "item": "with words" if stamp.told else "without words"}
    return {"slices": slices | ({"language": language} if language else {})}


def _altered_name(stamp: Stamp, change: str) -> str:
    return f"asked/{stamp.name.removesuffix('.png').replace('/', '_')}-{change}.png"


def _write(folder: Path, options: StampsOptions) -> None:
    stamps = _stamps(options)
    rows: list[dict[str, Any]] = []
    for stamp in stamps:
        target = folder / "corpus" / stamp.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(FOLDER / stamp.name, target)
        rows.append({"picture": stamp.name, **({"text": stamp.captions["en"]} if stamp.told else {})})
    write_lines(folder / "corpus" / "manifest.jsonl", rows)
    queries, grades = [], {}
    for number, (query, stamp) in enumerate(_asked(stamps, options), start=1):
        name = f"{query['slices'].get('language') or query['slices']['kind']}-{number:05}"
        queries.append({"id": name, **query})
        grades[name] = _right(stamps, stamp)
        for picture in query.get("pictures", ()):
            change = Path(picture).stem.rpartition("-")[2]
            altered(FOLDER / stamp.name, change, folder / picture)
    write_lines(folder / "queries.jsonl", queries)
    write_qrels(folder / "qrels", grades)


STAMPS = Maker("stamps", 2, StampsOptions, _write, _made_of)
