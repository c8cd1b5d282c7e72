"""Prometheus's alerting rules for a recipe: what is wrong for whoever asks it, and what will soon be."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from imagora_recipe.plan import Plan

from .quoting import quoted
from .thresholds import Thresholds

CACHE = "cache"
"""Stands in the names of wrappers that keep what was worked out."""
WINDOW, LONG = "10m", "1h"


@dataclass(frozen=True)
class Alert:
    """A rule; lasts: how long its expression must hold."""

    name: str
    expression: str
    lasts: str
    severity: str
    summary: str
    description: str
    labels: dict[str, str] = field(default_factory=dict)

    def rule(self) -> dict[str, Any]:
        """Give it as Prometheus reads it."""
        return {
            "alert": self.name,
            "expr": self.expression,
            "for": self.lasts,
            "labels": {"severity": self.severity, **self.labels},
            "annotations": {"summary": self.summary, "description": self.description},
        }


def rules(plan: Plan, name: str, than: Thresholds, job: str) -> str:
    """Give a file of rules; name: what the gateway calls the recipe. job: what Prometheus calls the gateway."""
    from ruamel.yaml import YAML

    groups = [
        {"name": "imagora gateway", "rules": [one.rule() for one in _of_the_gateway(than, job)]},
        {"name": f"imagora recipe {name}", "rules": [one.rule() for one in _of_the_recipe(plan, name, than, job)]},
    ]
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style, yaml.width, yaml.sort_base_mapping_type_on_output = False, 100_000, False  # type: ignore[assignment]  # as its documentation sets them
    yaml.dump({"groups": groups}, out := io.StringIO())
    return f"# What 'imagora recipe alerts' wrote for the recipe '{name}'; check it: promtool check rules FILE\n" + (
        out.getvalue()
    )


def _of_the_gateway(than: Thresholds, job: str) -> Iterator[Alert]:
    of = f"job={quoted(job)}"
    yield Alert(
        *("ImagoraDown", f"up{{{of}}} == 0 or absent(up{{{of}}})", "2m", "critical"),
        "the gateway is down",
        "Prometheus cannot read the gateway's /metrics; nobody is answered, or nothing of it is known.",
    )
    waiting = f"imagora_waiting_queries{{{of}}} / imagora_most_waiting_queries{{{of}}} > {than.queue:g}"
    yield Alert(
        *("ImagoraQueue", waiting, "5m", "warning"),
        "queries queue up",
        "{{ $value | humanizePercentage }} of the places to wait are taken; beyond them, queries are refused.",
    )
    refused = _rate("imagora_queries_total", f'{of},outcome="overloaded"', "job")
    all_, enough = _rate("imagora_queries_total", of, "job"), _enough("imagora_queries_total", of, "job", than)
    yield Alert(
        *("ImagoraOverloaded", f"{refused} / {all_} > {than.errors:g} {enough}", "5m", "critical"),
        "queries are refused for want of room",
        "{{ $value | humanizePercentage }} of queries got 503 or 429: too many at once.",
    )
    failing = _rate("imagora_requests_total", f'{of},status=~"5..",status!="503"', "job")
    requests, enough = _rate("imagora_requests_total", of, "job"), _enough("imagora_requests_total", of, "job", than)
    yield Alert(
        *("ImagoraServerErrors", f"{failing} / {requests} > {than.errors:g} {enough}", "5m", "critical"),
        "requests end in errors of the server",
        "{{ $value | humanizePercentage }} of requests, of any route; the log says why under their ids.",
    )


def _of_the_recipe(plan: Plan, name: str, than: Thresholds, job: str) -> Iterator[Alert]:
    of = f"recipe={quoted(name)}"
    labels = {"recipe": name}
    ready = f"imagora_recipe_ready{{{of}}}"
    yield Alert(
        *("ImagoraNotReady", f"{ready} == 0 or (absent({ready}) and on () up{{job={quoted(job)}}} == 1)"),
        *("5m", "critical", f"the recipe '{name}' cannot answer"),
        "Its index or its models cannot be opened, or no gateway serves it; /ready and the log say more.",
        labels,
    )
    by = "recipe, modality, le"
    slowest = f"histogram_quantile(0.99, {_rate('imagora_query_seconds_bucket', of, by)})"
    enough = _enough("imagora_query_seconds_count", of, "recipe, modality", than)
    yield Alert(
        *("ImagoraSlow", f"{slowest} > {than.latency:g} {enough}", "5m", "warning", f"'{name}' is slow"),
        "The slowest hundredth of queries with {{ $labels.modality }} takes {{ $value | humanizeDuration }}.",
        labels,
    )
    failed, tried = f'{of},outcome="failed"', f'{of},outcome=~"ok|refused|failed"'
    share = f"{_rate('imagora_queries_total', failed, 'recipe')} / {_rate('imagora_queries_total', tried, 'recipe')}"
    enough = _enough("imagora_queries_total", tried, "recipe", than)
    yield Alert(
        *("ImagoraErrors", f"{share} > {than.errors:g} {enough}", "5m", "critical", f"queries of '{name}' fail"),
        "{{ $value | humanizePercentage }} of queries; imagora_errors_total says with which codes.",
        labels,
    )
    given = "imagora_answers_total"
    share = f"{_rate('imagora_degraded_answers_total', of, 'recipe, kind')} / {_rate(given, of, 'recipe, kind')}"
    enough = _enough(given, of, "recipe, kind", than)
    yield Alert(
        *("ImagoraDegraded", f"{share} > {than.degraded:g} {enough}", "10m", "warning"),
        f"'{name}' answers less well than it should",
        "{{ $value | humanizePercentage }} were given by a fallback, or without a stage that crashed.",
        labels,
    )
    if any(CACHE in planned.name for planned in plan.wrappers):
        yield _misses(name, of, than)
    if plan.index is not None:
        stale = f"time() - max by (recipe) (imagora_index_ingested_timestamp_seconds{{{of}}}) > {than.stale * 3600:g}"
        yield Alert(
            *("ImagoraStaleIndex", stale, "10m", "warning", f"the index of '{name}' is old"),
            "No ingest reached its source's end for {{ $value | humanizeDuration }}.",
            labels,
        )


def _misses(name: str, of: str, than: Thresholds) -> Alert:
    none = _rate("imagora_cache_total", f'{of},level="none"', "recipe", LONG)
    share = f"{none} / {_rate('imagora_cache_total', of, 'recipe', LONG)}"
    enough = _enough("imagora_cache_total", of, "recipe", than, LONG)
    return Alert(
        *("ImagoraCacheMisses", f"{share} > {than.misses:g} {enough}", "30m", "warning"),
        f"the cache of '{name}' hardly helps",
        "{{ $value | humanizePercentage }} of queries found nothing in it, on no level.",
        {"recipe": name},
    )


def _rate(metric: str, matchers: str, by: str, window: str = WINDOW) -> str:
    return f"sum by ({by}) (rate({metric}{{{matchers}}}[{window}]))"


def _enough(metric: str, matchers: str, by: str, than: Thresholds, window: str = WINDOW) -> str:
    """Give the condition under which a share means something: one query of two that fails wakes nobody up."""
    return f"and sum by ({by}) (increase({metric}{{{matchers}}}[{window}])) >= {than.least}"
