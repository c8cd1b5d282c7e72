"""Names of recipes and jobs as PromQL writes them."""

from __future__ import annotations

import re


def quoted(text: str) -> str:
    """Give a label's value in quotes, so that no name can end them."""
    escaped = text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
    return f'"{escaped}"'


def metrics_in(expression: str) -> set[str]:
    """Give the names of the metrics in an expression, those of Prometheus itself too."""
    return set(re.findall(r"\bimagora_\w+|\bup\b", re.sub(r'"(?:[^"\\]|\\.)*"', '""', expression)))
