"""How the candidates of several legs become one order, as `imagora.stages.SearchRequest` says."""

from __future__ import annotations

import math
from collections.abc import Sequence

from imagora.stages import SearchRequest


def fused(
    request: SearchRequest, found: Sequence[tuple[float, Sequence[tuple[int, float]]]]
) -> list[tuple[int, float]]:
    """Give the best numbers with their fused scores, best first; found: of each leg query its weight and candidates."""
    sums: dict[int, float] = {}
    for weight, candidates in found:
        terms = _terms(request, [score for _, score in candidates])
        for (number, _), term in zip(candidates, terms, strict=True):
            sums[number] = sums.get(number, 0.0) + weight * term
    return sorted(sums.items(), key=lambda pair: (-pair[1], pair[0]))[: request.limit]


def _terms(request: SearchRequest, scores: Sequence[float]) -> Sequence[float]:
    """Give what each of a leg's candidates adds to its fused score, before the leg's weight."""
    if request.fusion == "weighted":
        return scores
    if request.fusion == "rrf":
        return [1 / (request.rrf_k + rank) for rank in range(len(scores))]
    mean = math.fsum(scores) / max(1, len(scores))
    variance = math.fsum((score - mean) ** 2 for score in scores) / max(1, len(scores) - 1)
    spread = 3 * math.sqrt(variance)
    return [(score - mean + spread) / (2 * spread) if spread else 0.5 for score in scores]
