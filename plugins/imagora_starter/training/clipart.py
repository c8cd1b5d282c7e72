"""Debian's openclipart as captioned training pictures."""

import html
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from struct import unpack
from zlib import crc32

# Drawn by the hundred, named after nothing a reader would search for or told apart by colours only (flags).
DROPPED_FOLDERS = re.compile(
    r"stars|flag|jigsaw|gradients|patterns|led$|/actions?$|apps?$|applications$|mimetypes|cards/|arrows"
)
COLLECTION = re.compile(
    r"clip ?art by|collection|theme|icons(et)?$|symbol_signs|various|clipart$|sibmission|map symbols", re.I
)
FILLER = re.compile(r"hash|0x|architetto|^\d*$|clip.?art|unsorted|_icon$|^icons?$|theme$|signs_and_symbols|^special$")
SHORTEST_NAME = 3
MOST_PIXELS = 3_000_000
CREDITS = {
    "jh",
    "aj",
    "rpg",
    "bw",
    "r",
    "bn",
    "rpswb",
    "aiga",
    "ell",
    "gnome",
    "fs",
    "hotel",
    "icon",
    "icons",
    "stock",
}
TITLE = re.compile(r"<dc:title>(.*?)</dc:title>", re.S)
KEYWORD = re.compile(r"<rdf:li>(.*?)</rdf:li>", re.S)


@dataclass(frozen=True)
class Drawing:
    """One picture file, the name its captions start from, and the ways to say what is on it."""

    file: Path
    name: str
    captions: tuple[str, ...]


def drawings(root: Path, most_per_name: int = 30, titles_shared_by: int = 8) -> Iterator[Drawing]:
    """Every usable drawing under `root` (which holds png/ and svg/), in the order of the file names."""
    found = [(file, *described(file)) for file in sorted((root / "svg").rglob("*.svg"))]
    shared = Counter(title for _, title, _ in found)
    seen: Counter[str] = Counter()
    for file, title, keywords in found:
        folder = file.parent.relative_to(root / "svg").as_posix()
        png = root / "png" / folder / f"{file.stem}.png"
        is_own = title and shared[title] <= titles_shared_by and not COLLECTION.search(title)
        name = words(title if is_own else file.stem)
        if DROPPED_FOLDERS.search(folder) or not title or len(name) < SHORTEST_NAME or not is_handy(png):
            continue
        seen[name] += 1
        if seen[name] <= most_per_name:
            yield Drawing(png, name, captions(name, keywords, folder))


def described(file: Path) -> tuple[str, list[str]]:
    """Title and keywords from the drawing's metadata, read as text because some of the files are not XML."""
    head, _, _ = file.read_text("utf-8", "replace").partition("</metadata>")
    title = TITLE.search(head)
    return html.unescape(title[1]).strip() if title else "", [html.unescape(word) for word in KEYWORD.findall(head)]


def captions(name: str, keywords: list[str], folder: str) -> tuple[str, ...]:
    """The name alone, the name among its keywords, and the name in two sentences."""
    told = [folder.rsplit("/", 1)[-1], *keywords]
    tags = list(dict.fromkeys(words(tag) for tag in told if not FILLER.search(tag.lower())))
    tags = [tag for tag in tags if tag and tag != name][:6]
    return (name, ", ".join([name, *tags]), f"A {name}.", f"a photo of a {name}")


def is_handy(png: Path) -> bool:
    """Whether the picture exists and is small enough to be altered quickly (one has 200 million pixels)."""
    if not png.exists():
        return False
    width, height = unpack(">II", png.read_bytes()[16:24])
    return bool(width * height <= MOST_PIXELS)


def words(title: str) -> str:
    """A title or file name as plain words: no underscores, numbers, brackets or credits."""
    text = re.sub(r"clip ?art by [^-]*-", " ", title.lower())
    text = re.sub(r"\(.*?\)|[_\W\d]+", " ", text)
    return " ".join(word for word in text.split() if word not in CREDITS)


def is_development(drawing: Drawing, seed: int) -> bool:
    """Whether the drawing's name fell into the tenth that is kept for development."""
    return crc32(f"{seed} {drawing.name}".encode()) % 10 == 0
