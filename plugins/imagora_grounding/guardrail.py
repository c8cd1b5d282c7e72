"""The guardrail: holds each sentence of an answer against the passages that the prompt showed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from imagora.stages import Embedder, Place, Scope, Verdict

from .claims import Claim, claims, content, denies, folded
from .evidence import Evidence, evidence
from .options import GroundingOptions
from .quantities import supported

WITH_EMBEDDER, WITHOUT = 0.45, 0.5
"""What similarity is enough where the recipe does not say; chosen on half of the sentences of its benchmark."""
MOST = 12
"""Pieces of passages that one sentence is compared with, those that share most words with it."""
SAME = 0.5
"""The share of words from which on two sentences say the same thing, so that a 'not' in one makes them disagree."""

Vectors = dict[str, Sequence[float]]


@dataclass(frozen=True)
class _Piece:
    text: str
    words: frozenset[str]
    single: bool = False


class GroundingGuardrail:
    """Checks answers; texts at the other places pass as they are."""

    def __init__(self, options: GroundingOptions, embedder: Embedder | None) -> None:
        self._options = options
        self._embedder: Any = embedder if hasattr(embedder, "get_text_embedding_batch") else None
        usual = WITHOUT if self._embedder is None else WITH_EMBEDDER
        self._threshold = usual if options.threshold is None else options.threshold
        self._allowed = frozenset(folded(sentence.strip()) for sentence in options.allow)

    async def acheck(self, texts: Sequence[str], place: Place, scope: Scope) -> list[Verdict]:
        """Give one verdict for each text; the reasons are NUMBER, NAME, DENIAL, SIMILARITY, and UNKNOWN_CITATION."""
        if place != "answer" or not any(text.strip() for text in texts):
            return [Verdict("pass", text) for text in texts]
        return await asyncio.to_thread(self._verdicts, texts, evidence(scope.passages))

    def _verdicts(self, texts: Sequence[str], read: Sequence[Evidence]) -> list[Verdict]:
        return [self._verdict(text, self._unsupported(text, read)) for text in texts]

    def _unsupported(self, text: str, read: Sequence[Evidence]) -> dict[Claim, str]:
        asked = [one for one in claims(text) if one.needs_support and folded(one.text) not in self._allowed]
        by_claim = {claim: self._sources(claim, read) for claim in asked}
        if self._options.pictures == "pass":
            by_claim = {claim: sources for claim, sources in by_claim.items() if not _only_pictures(claim, sources)}
        refuted = {claim: why for claim, sources in by_claim.items() if (why := _missing(claim, sources))}
        left = {claim: _pieces(claim, sources) for claim, sources in by_claim.items() if claim not in refuted}
        vectors = self._vectors(left)
        for claim, pieces in left.items():
            if why := self._verdict_of(claim, pieces, vectors):
                refuted[claim] = why
        return refuted

    def _sources(self, claim: Claim, read: Sequence[Evidence]) -> list[Evidence]:
        if not (claim.cited and self._options.cited_only):
            return list(read)
        return [one for one in read if one.number in claim.cited]

    def _verdict_of(self, claim: Claim, pieces: Sequence[_Piece], vectors: Vectors) -> str:
        said = content(claim.text)
        score = max((self._similarity(claim, said, piece, vectors) for piece in pieces), default=0.0)
        return "SIMILARITY" if score < self._threshold else _denial(claim, said, pieces)

    def _similarity(self, claim: Claim, said: frozenset[str], piece: _Piece, vectors: Vectors) -> float:
        # The numbers were found before; each counts as a word that both have.
        numbers = len(claim.quantities)
        share = (len(said & piece.words) + numbers) / (len(said) + numbers) if said or numbers else 1.0
        if not vectors:
            return share
        return 0.5 * share + 0.5 * _cosine(vectors[claim.text], vectors[piece.text])

    def _vectors(self, pieces: dict[Claim, list[_Piece]]) -> Vectors:
        texts = sorted(
            {claim.text for claim in pieces} | {piece.text for listed in pieces.values() for piece in listed}
        )
        if self._embedder is None or not texts:
            return {}
        return dict(zip(texts, self._embedder.get_text_embedding_batch(texts), strict=True))

    def _verdict(self, text: str, refuted: dict[Claim, str]) -> Verdict:
        if not refuted:
            return Verdict("pass", text)
        reasons = tuple(sorted(set(refuted.values())))
        if self._options.action == "refuse":
            return Verdict("refuse", "", reasons)
        parts, done = [], 0
        for claim in sorted(refuted, key=lambda claim: claim.start):
            written = text[claim.start : claim.end]
            blank = written[len(written.rstrip()) :]
            note = f" {self._options.note}" if self._options.note else ""
            kept = f"{written.rstrip()}{note}{blank}" if self._options.action == "flag" else "\n" * ("\n" in blank)
            parts += [text[done : claim.start], kept]
            done = claim.end
        left = "".join([*parts, text[done:]]).strip()
        stated = any(claim.needs_support for claim in claims(left))
        if self._options.action == "drop" and not stated and not left:
            return Verdict("refuse", "", reasons)
        return Verdict("redact", left, reasons)


def _only_pictures(claim: Claim, sources: Sequence[Evidence]) -> bool:
    return bool(claim.cited) and bool(sources) and all(source.wordless for source in sources)


def _missing(claim: Claim, sources: Sequence[Evidence]) -> str:
    """Say what of a claim no single source has: a citation, a number, a name; "" where one has them all."""
    if not sources:
        return "UNKNOWN_CITATION" if claim.cited else "SIMILARITY"
    there = [quantity for source in sources for quantity in source.quantities]
    if not all(supported(one, there) for one in claim.quantities):
        return "NUMBER"
    plain = "\n".join(source.plain for source in sources)
    return "" if all(name in plain for name in claim.names) else "NAME"


def _pieces(claim: Claim, sources: Sequence[Evidence]) -> list[_Piece]:
    said = content(claim.text)
    pieces = []
    for source in sources:
        title = content(source.title)
        for sentence, following in zip(source.sentences, (*source.sentences[1:], ""), strict=True):
            pieces.append(_Piece(f"{source.title}: {sentence}", title | content(sentence), single=True))
            if following:
                pieces.append(
                    _Piece(f"{source.title}: {sentence} {following}", title | content(f"{sentence} {following}"))
                )
        pieces.append(_Piece(source.whole[:1_000], source.words))
    return sorted(pieces, key=lambda piece: -len(said & piece.words))[:MOST]


def _denial(claim: Claim, said: frozenset[str], pieces: Sequence[_Piece]) -> str:
    """Say whether the sentence that says most nearly the same says the opposite: one of the two denies it."""
    single = [piece for piece in pieces if piece.single]
    nearest = max(single, key=lambda piece: len(said & piece.words), default=None)
    if nearest is None or not said or len(said & nearest.words) < SAME * len(said):
        return ""
    return "DENIAL" if denies(claim.text) != denies(nearest.text) else ""


def _cosine(one: Sequence[float], other: Sequence[float]) -> float:
    product = sum(a * b for a, b in zip(one, other, strict=True))
    lengths = (sum(a * a for a in one) * sum(b * b for b in other)) ** 0.5
    return product / lengths if lengths else 0.0
