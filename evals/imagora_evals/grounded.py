"""How much of an answer its sources support, by the guardrail `grounding`."""

from __future__ import annotations

import re
from collections.abc import Sequence

from imagora import BuildContext, Passage, Pipeline
from imagora.assembly import build
from imagora.errors import ImagoraError
from imagora.stages import Guardrail, Scope
from imagora_recipe.check import planned

_SENTENCE = re.compile(r"(?<=[.!?])(?:\s*\[\d{1,4}\])*\s+|\n+")


def judge_of(pipeline: Pipeline) -> Guardrail | None:
    """Build the guardrail `grounding` over the recipe's text embedder; None where it is not installed."""
    try:
        guardrail = planned("guardrail", {"use": "grounding", "action": "refuse"})
    except ImagoraError:
        return None
    context = BuildContext(pipeline.plan.name, embedders=pipeline.stages.embedders)
    judge: Guardrail = build(guardrail, context)
    return judge


async def groundedness(judge: Guardrail, answer: str, shown: Sequence[Passage]) -> float | None:
    """Give the share of an answer's sentences that the guardrail passes; None where it has no sentence.

    Each sentence is held against the passages that it cites, or against all that the prompt showed; see the guardrail
    `grounding` for what it looks at, and what it cannot see. It is no judge of logic.
    """
    sentences = [sentence for sentence in _SENTENCE.split(answer) if sentence.strip()]
    if not sentences:
        return None
    verdicts = await judge.acheck(sentences, "answer", Scope(passages=tuple(shown)))
    return sum(verdict.action == "pass" for verdict in verdicts) / len(verdicts)
