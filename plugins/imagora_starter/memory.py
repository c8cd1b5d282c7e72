"""Vectors of the texts that were met last, so that a sentence is embedded once and not for each question."""

from __future__ import annotations

import threading
from collections import OrderedDict
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


class Memory:
    """At most `most` vectors, each under a digest of its text: no text is kept."""

    def __init__(self, most: int) -> None:
        self._most, self._lock = most, threading.Lock()
        self._vectors: OrderedDict[bytes, Floats] = OrderedDict()

    def get(self, text: str) -> Floats | None:
        """Give the text's vector, None where it is not known."""
        with self._lock:
            if (vector := self._vectors.get(key := _digest(text))) is not None:
                self._vectors.move_to_end(key)
            return vector

    def put(self, text: str, vector: Floats) -> None:
        """Keep a vector; the one that was asked for longest ago goes."""
        with self._lock:
            self._vectors[_digest(text)] = vector
            if len(self._vectors) > self._most:
                self._vectors.popitem(last=False)


def _digest(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
