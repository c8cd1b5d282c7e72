"""The section `gate`: what a run on a suite must reach, metric by metric, for `imagora eval --gate`."""

from __future__ import annotations

import re

from imagora.options import Options
from pydantic import Field, model_validator

RANKED = ("ndcg", "recall", "precision", "mrr", "map", "success")
"""Of a ranking; `@10` behind one looks at the first 10 passages only."""
ANSWERED = (
    *("clipscore", "citation_precision", "citation_recall", "answer_similarity", "groundedness"),
    *("right_refusal", "wrong_refusal", "refused"),
)
"""Of what was found or answered, each query by itself."""
LOWER = ("wrong_refusal",)
"""Those of which less is better; they drop by going up."""
WHOLE = ("latency_p50", "latency_p95", "latency_p99", "cost", "failed")
"""Of a whole run, so that there is no query by query: seconds, money per 1,000 queries, the share that failed."""
EXAMPLES = ("ndcg@10", "recall@10", "precision@5", "mrr@10", "map", "success@1", *ANSWERED, *WHOLE)
SHORT = {"r": "recall", "p": "precision", "rr": "mrr", "ap": "map"}
"""As ir-measures spells them."""
_RANKED = re.compile(rf"({'|'.join((*RANKED, *SHORT))})(@[1-9]\d{{0,3}})?")


class Limits(Options):
    """What one metric must be like."""

    min: float | None = Field(default=None, description="The least that its mean may be.")
    max: float | None = Field(default=None, description="The most that its mean may be, for seconds or money.")
    drop: float | None = Field(
        default=None,
        ge=0,
        description="How much it may fall below the baseline; a run fails when it is certain that it fell by more.",
    )

    @model_validator(mode="after")
    def _limit(self) -> Limits:
        if self.min is None and self.max is None and self.drop is None:
            raise ValueError("must say 'min', 'max' or 'drop', e.g. {min: 0.6, drop: 0.01}")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"'min' is above 'max': nothing is at least {self.min:g} and at most {self.max:g}")
        return self


def spelled(metric: str) -> str | None:
    """Give a metric's one spelling, `ndcg@10` for `nDCG@10` and `recall@5` for `R@5`; None for what is no metric."""
    name = metric.lower()
    if name in ANSWERED or name in WHOLE:
        return name
    match = _RANKED.fullmatch(name)
    return SHORT.get(match[1], match[1]) + (match[2] or "") if match else None
