"""A text made plain in several ways, each character with the place in the source that it came from."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

_LOOKALIKES = str.maketrans(
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0458\u0455\u0501\u04bb\u051b\u051d\u043a\u043c\u0442\u043d\u0432\u0433\u0491"
    "\u03b1\u03b5\u03bf\u03c1\u03c5\u03c7\u03b9\u03ba\u03bd\u03c4\u03c9\u03b7\u03b3\u0251\u0261\u0269\u0131\u01c0\u0262\u026a\u0274\u0280\u1d00\u1d04\u1d05\u1d07\u1d0f\u1d18\u1d1b\u1d1c\u1d20",
    "aeopcyxijsdhqwkmthbrraeopuxikvtwnyagiilginracdeoptuv",
)
_NUMERALS = {"0": "o", "1": "il", "3": "e", "4": "a", "5": "s", "7": "t", "8": "b", "@": "a", "$": "s", "!": "i"}
_VOCABULARY = """
    ignore disregard forget override bypass previous prior above earlier instruction instructions guidelines system
    prompt prompts reveal hidden secret assistant language model models attention chatbot following follow rules your
    all the and any are you this that must note dear mention recommend always customer message passage passages
    conversation history everything output respond reply answer print user only with word words summarise summarize
    reading tell show cite developer unrestricted
""".split()  # noqa: SIM905 - a hundred quoted words read worse
_WORDS = frozenset(_VOCABULARY)
_SCRAMBLED = {(w[0], w[-1], "".join(sorted(w))): w for w in _VOCABULARY if len(w) > 4}  # noqa: PLR2004 - shorter ones have no middle
_WORD = re.compile(r"[a-z0-9@$!]+")
_SPACED = re.compile(r"(?<!\w)\w(?:(?:[ .\-_*\u00b7|/+]|  )\w(?!\w)){3,}")


@dataclass(frozen=True)
class Reading:
    """A text; its character n stands for the source from `starts[n]` up to `ends[n]`."""

    text: str
    starts: tuple[int, ...]
    ends: tuple[int, ...]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Give the place in the source of a place, not empty, in this text."""
        return self.starts[start], self.ends[end - 1]


def is_hidden(character: str) -> bool:
    """Say whether a character is not seen: format, control and private characters, selectors of variants."""
    if character in "\t\n\r":
        return False
    category = unicodedata.category(character)
    return (
        category in {"Cf", "Cc", "Co"}
        or "\ufe00" <= character <= "\ufe0f"
        or ("\U000e0100" <= character <= "\U000e01ef")
        or character in "\u034f\u115f\u1160\u3164\uffa0"
    )


def seen(source: str) -> Reading:
    """Give what is seen of a text, in lower case and without compatibility forms such as full-width letters."""
    characters: list[str] = []
    places: list[int] = []
    for place, character in enumerate(source):
        if not is_hidden(character):
            for made in (character if character.isascii() else unicodedata.normalize("NFKC", character)).lower():
                characters.append(made)
                places.append(place)
    return Reading("".join(characters), tuple(places), tuple(place + 1 for place in places))


def latin(reading: Reading) -> Reading:
    """Give a reading with letters that look Latin made Latin, and without accents."""
    if reading.text.isascii():
        return reading
    made = [_bare(character) for character in reading.text.translate(_LOOKALIKES)]
    kept = [n for n, character in enumerate(made) if character]
    return Reading(
        "".join(made[n] for n in kept), tuple(reading.starts[n] for n in kept), tuple(reading.ends[n] for n in kept)
    )


def plain_words(reading: Reading) -> Reading:
    """Give a reading with words in numerals (1gn0re) and scrambled words (ignroe) made plain; lengths stay."""
    return Reading(_WORD.sub(_plain_word, reading.text), reading.starts, reading.ends)


def joined(reading: Reading) -> Reading:
    """Give a reading with spaced words (i g n o r e) joined; two blanks or more are between words."""
    return _rewritten(
        reading, _SPACED, lambda match: [place for place in range(*match.span()) if _counts(match, place)]
    )


def _counts(match: re.Match[str], place: int) -> bool:
    text = match.string
    return text[place].isalnum() or (text[place] == " " and text[place - 1] == " ")


def _rewritten(reading: Reading, pattern: re.Pattern[str], kept: Callable[[re.Match[str]], list[int]]) -> Reading:
    places, done = [], 0
    for match in pattern.finditer(reading.text):
        places += [*range(done, match.start()), *kept(match)]
        done = match.end()
    if not done:
        return reading
    places += range(done, len(reading.text))
    return Reading(
        "".join(reading.text[n] for n in places),
        tuple(reading.starts[n] for n in places),
        tuple(reading.ends[n] for n in places),
    )


def _bare(character: str) -> str:
    if character.isascii() or not unicodedata.name(character, "").startswith(("LATIN", "COMBINING")):
        return character
    return "".join(c for c in unicodedata.normalize("NFD", character) if not unicodedata.combining(c))[:1]


def _plain_word(match: re.Match[str]) -> str:
    word = match[0]
    if word in _WORDS:
        return word
    if re.search(r"[a-z]", word) and re.search(r"[013457 8@$!]", word[:-1]):
        for one in "il":
            made = "".join(one if c == "1" else _NUMERALS.get(c, c)[0] for c in word)
            if made in _WORDS or (one == "l" and word.isalnum()):
                return made
            if made.rstrip("i") in _WORDS:
                return made.rstrip("i").ljust(len(made))
    return _SCRAMBLED.get((word[0], word[-1], "".join(sorted(word))), word)
