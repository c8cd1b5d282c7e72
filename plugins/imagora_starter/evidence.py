"""How well passages answer a question in words, by MiniLM's vectors and the words that they share with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .sentences import Quotable
from .towers import TextTower, unit
from .words import content_words

SHARED = 0.1
"""What sharing all of the question's content words adds to a cosine."""
ALONE = 0.05
"""What one sentence by itself must be nearer by than a whole passage, to count as much."""
BARE = 0.08
"""What a passage of one or two words loses where it shares none with the question: 'a cat' is as near to the bare
title 'Dog' (0.52) as many a question to the sentence that answers it; 'a kitten' is nearer to 'Cat' (0.68)."""
FEW_WORDS = 2


@dataclass(frozen=True)
class Evidence:
    """How well a passage answers, and how well each of its sentences does, in their order."""

    passage: Quotable
    score: float
    sentences: tuple[float, ...]


def weigh(question: str, passages: Sequence[Quotable], tower: TextTower) -> list[Evidence]:
    """Give the evidence of each passage that has words.

    A passage's score is the cosine of the question with the mean of its title's, sentences' and tags' vectors, or,
    where one sentence of a long text is what answers, with the mean of title and sentence, less `ALONE`.
    """
    texts = [text for passage in passages for text in passage.texts]
    if not texts:
        return []
    vectors = tower.recall([question, *texts])
    asked, at, weighed = content_words(question), 1, []
    for passage in passages:
        own = vectors[at : at + len(passage.texts)]
        at += len(own)
        if len(own):
            weighed.append(_one(passage, own, vectors[0], asked))
    return weighed


def _one(passage: Quotable, own: NDArray[np.float32], question: NDArray[np.float32], asked: frozenset[str]) -> Evidence:
    words = content_words(" ".join(passage.texts))
    share = _share(asked, words)
    whole = float(unit(own.sum(axis=0)) @ question) + SHARED * share
    bare = BARE if not share and len(words) <= FEW_WORDS else 0.0
    first = 1 if passage.title else 0
    said = own[first : first + len(passage.sentences)]
    if not passage.sentences:
        return Evidence(passage, whole - bare, ())
    # A sentence is read with its passage's title: "It weighs 900 g." alone answers nothing.
    near = unit(said + own[0] if passage.title else said) @ question
    title = content_words(passage.title)
    shares = [_share(asked, title | content_words(sentence)) for sentence in passage.sentences]
    scores = tuple(float(cosine) + SHARED * share for cosine, share in zip(near, shares, strict=True))
    return Evidence(passage, max(whole, max(scores) - ALONE) - bare, scores)


def _share(asked: frozenset[str], there: frozenset[str]) -> float:
    return len(asked & there) / len(asked) if asked else 0.0
