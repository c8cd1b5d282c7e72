"""Perceptual hashes of pictures, and the search for hashes that are near."""

from __future__ import annotations

from collections import defaultdict
from io import BytesIO
from itertools import pairwise
from threading import Lock

BITS = 64
_FLAT = 3  # grey values of 256; below it a hash would be of the noise alone


def perceptual_hash(png: bytes) -> int | None:
    """Give a picture's 64-bit pHash, or None for one that is all of one grey.

    The signs of the 8 by 8 lowest frequencies of the grey picture at 32 by 32, against their median (Zauner, 2010,
    Implementation and benchmarking of perceptual image hash functions).
    """
    import imagehash
    from PIL import Image

    with Image.open(BytesIO(png)) as picture:
        low, high = picture.convert("L").resize((32, 32), Image.Resampling.LANCZOS).getextrema()
        if float(high) - float(low) < _FLAT:  # type: ignore[arg-type]  # of one band, these are two numbers
            return None
        return int(str(imagehash.phash(picture)), 16)


class Likenesses:
    """The hashes of one run: each picture is an original, or near one. Made for several threads.

    Any two originals are more than `within` bits apart, and every other picture is within that of its original. Which
    of two near pictures is the original is a matter of which came first; it never changes within the run.
    """

    def __init__(self, within: int) -> None:
        self._within, self._lock = within, Lock()
        self._known: dict[str, tuple[int, str | None]] = {}
        # Of within + 1 parts of a hash, two near hashes share one in full: they differ in too few bits to touch all.
        edges = [BITS * part // (within + 1) for part in range(within + 2)]
        self._parts = list(pairwise(edges))
        self._originals: list[defaultdict[int, set[str]]] = [defaultdict(set) for _ in self._parts]

    def original_of(self, uri: str, hash_: int) -> str | None:
        """Add a picture and give the nearest original within reach, the first by name of equals; None for a new one."""
        with self._lock:
            known = self._known.get(uri)
            if known is not None and known[0] == hash_:
                return known[1]
            if known is not None and known[1] is None:
                self._drop(uri, known[0])
            near = [(self._distance(hash_, other), other) for other in self._candidates(hash_)]
            original = min((pair for pair in near if pair[0] <= self._within), default=(0, None))[1]
            self._known[uri] = hash_, original
            if original is None:
                for place, part in enumerate(self._split(hash_)):
                    self._originals[place][part].add(uri)
            return original

    def _drop(self, uri: str, hash_: int) -> None:
        for place, part in enumerate(self._split(hash_)):
            self._originals[place][part].discard(uri)

    def _candidates(self, hash_: int) -> set[str]:
        parts = enumerate(self._split(hash_))
        return {uri for place, part in parts for uri in self._originals[place].get(part, ())}

    def _distance(self, hash_: int, uri: str) -> int:
        return (hash_ ^ self._known[uri][0]).bit_count()

    def _split(self, hash_: int) -> list[int]:
        return [hash_ >> low & (1 << high - low) - 1 for low, high in self._parts]
