"""Emoji of Debian's `unicode-cldr-core`: their names, and what people look for them by.

They come in the form of drawings' titles and keywords.

The Unicode Consortium's Common Locale Data Repository is read where it is installed, and not shipped.
"""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from .clipart import Work

CLDR = Path("/usr/share/unicode/cldr/common/annotations/en.xml")
FIRST = 0x1F300
"""Where the pictures begin; what comes before is mostly signs, letters and arrows."""


def emoji(file: Path) -> list[Work]:
    """Give each emoji that has keywords beside its name, in the order of names; every name once."""
    names: dict[str, str] = {}
    keywords: dict[str, list[str]] = {}
    for one in ElementTree.parse(file).iter("annotation"):  # noqa: S314 - a file of Debian's
        character, said = one.get("cp", ""), (one.text or "").strip().lower()
        if not character or ord(character[0]) < FIRST:
            continue
        if one.get("type") == "tts":
            names[character] = said
        else:
            keywords[character] = [word.strip() for word in said.split("|")]
    found: dict[str, Work] = {}
    for character, name in names.items():
        if known := tuple(word for word in keywords.get(character, ()) if word and word != name):
            found.setdefault(name, Work(name, known, ()))
    return [found[name] for name in sorted(found)]
