"""Generated captions of pictures, and questions about them: seeded, varied, none twice."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

_COLOURS = """red blue green yellow black white grey brown orange purple pink turquoise golden silver beige crimson
navy cream olive violet""".split()  # noqa: SIM905 - a list of quoted words reads worse, here and below
_MATTERS = """wooden iron glass plastic paper stone leather woollen copper rubber clay straw marble cotton tin bamboo
velvet cardboard wicker porcelain""".split()  # noqa: SIM905
_THINGS = """kettle bicycle sofa lamp jacket boat horse clock cup guitar chair rocket camera bridge lantern umbrella
piano ladder basket telescope violin wheelbarrow suitcase mirror candle bucket helmet kite anchor drum statue toaster
bench wardrobe teapot accordion globe hammock sledge tractor scooter typewriter spoon vase blanket compass barrel
radio windmill canoe mask puppet saddle trumpet carpet bell cage parasol ribbon stove""".split()  # noqa: SIM905
_CREATURES = """cat dog parrot fox owl rabbit goat pigeon hedgehog turtle donkey squirrel frog swan heron lizard child
fisherman baker violinist gardener painter cyclist nurse postman dancer""".split()  # noqa: SIM905
_DOINGS = """sleeps beside|looks at|leans on|hides behind|jumps over|sits under|stands next to|repairs|walks past|
guards|sniffs at|rests on|carries|circles|waits near|plays with""".replace("\n", "").split("|")
_PLACES = """kitchen garage harbour meadow museum street attic workshop library station greenhouse courtyard cellar
market forest desert beach vineyard classroom theatre bakery lighthouse quarry stable monastery airport
playground orchard laboratory swamp canyon ballroom shipyard mill""".split()  # noqa: SIM905
_TIMES = """at dawn|at noon|at dusk|at night|in the rain|in the snow|in thick fog|under a clear sky|before a storm|
during a festival|on a winter morning|in late summer""".replace("\n", "").split("|")
_MAKES = [
    "Photograph",
    "Watercolour",
    "Pencil drawing",
    "Old postcard",
    "Poster",
    "Woodcut",
    "Oil painting",
    "Snapshot",
]


def captions(count: int) -> list[str]:
    """Give the first captions of one endless row, so that a small corpus is the beginning of a large one."""
    return _distinct(count, random.Random(0), _caption)  # noqa: S311 - no secret, here and below


def questions(count: int) -> list[str]:
    """Give the first questions of another such row, in other forms than the captions'."""
    return _distinct(count, random.Random(1), _question)  # noqa: S311


def _distinct(count: int, chance: random.Random, make: Callable[[random.Random], str]) -> list[str]:
    def made() -> Iterator[str]:
        while True:
            yield make(chance)

    found: dict[str, None] = {}
    texts = made()
    while len(found) < count:
        found[next(texts)] = None
    return list(found)


def _caption(chance: random.Random) -> str:
    one, pick = _thing(chance), chance.choice
    creature, place = _a(pick(_CREATURES)), _a(pick(_PLACES))
    capital = creature[0].upper() + creature[1:]
    forms = (
        f"{pick(_MAKES)} of {one} in {place} {pick(_TIMES)}",
        f"{capital} {pick(_DOINGS)} {one} in {place}",
        f"{place.capitalize()} {pick(_TIMES)}, with {one} and {_thing(chance)}",
        f"{pick(_MAKES)}: {one} between {creature} and {_a(pick(_CREATURES))}, {pick(_TIMES)}",
        f"{_thing(chance).capitalize()} hangs above {one} near the {pick(_PLACES)}",
        f"Two {pick(_COLOURS)} {pick(_THINGS)}s and {one}, left in {place} {pick(_TIMES)}",
    )
    return pick(forms)


def _question(chance: random.Random) -> str:
    one, pick = _thing(chance), chance.choice
    creature, place = _a(pick(_CREATURES)), _a(pick(_PLACES))
    forms = (
        f"is there a picture of {one} {pick(_TIMES)}?",
        f"{one} with {creature}",
        f"something like {one}, found in {place}",
        f"show me {creature} near the {pick(_PLACES)} {pick(_TIMES)}",
        f"{pick(_PLACES)} with {one}",
        f"which {pick(_MAKES).lower()} has {_a(pick(_THINGS))} and {creature} in it?",
    )
    return pick(forms)


def _thing(chance: random.Random) -> str:
    pick = chance.choice
    return _a(f"{pick(_COLOURS)} {pick(_MATTERS)} {pick(_THINGS)}")


def _a(word: str) -> str:
    return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"
