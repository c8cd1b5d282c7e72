"""A dashboard for Grafana: how a recipe answers, where its time goes, and what goes wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import sha256

from imagora_recipe.plan import Plan

from imagora_gateway.metrics import MODALITIES

from .panels import SOURCE, Json, Panel, laid_out
from .quoting import quoted

SCHEMA = 41
"""The version of Grafana 12; later ones read it and bring it up to date."""
OF = 'recipe="$recipe"'
HERE = 'job="$job"'
WINDOW = "$__rate_interval"
QUANTILES = (0.5, 0.95, 0.99)
_WITH = {"words": "words", "picture": "a picture", "both": "words and a picture"}


def dashboard(plan: Plan, name: str, job: str) -> Json:
    """Give a dashboard as Grafana imports it; name: the gateway's, of the recipe. job: Prometheus's, of the gateway."""
    rows: list[tuple[str, Sequence[Panel]]] = [
        ("At a glance", tuple(_glance(plan))),
        ("Latency", tuple(_latency())),
        ("Stages and legs", tuple(_stages())),
        ("Errors", tuple(_errors())),
        ("Load", tuple(_load())),
        ("Cache and index", (*_cache(), *(_index() if plan.index is not None else ()))),
    ]
    return {
        "uid": f"imagora-{sha256(name.encode()).hexdigest()[:12]}",
        "title": f"Imagora: {name}",
        "description": "What 'imagora recipe dashboard' wrote. The rules of 'imagora recipe alerts' go with it.",
        "tags": ["imagora"],
        "schemaVersion": SCHEMA,
        "editable": True,
        "graphTooltip": 1,
        "time": {"from": "now-3h", "to": "now"},
        "refresh": "30s",
        "timezone": "browser",
        "templating": {"list": [*_variables(name, job)]},
        "annotations": {"list": []},
        "links": [],
        "panels": laid_out(rows),
    }


def _variables(name: str, job: str) -> Iterator[Json]:
    yield {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus", "refresh": 1}
    for variable, said, query in (
        ("job", job, "label_values(imagora_recipe_ready, job)"),
        ("recipe", name, f"label_values(imagora_recipe_ready{{{HERE}}}, recipe)"),
    ):
        yield {
            "name": variable,
            "type": "query",
            "datasource": SOURCE,
            "query": {"query": query, "refId": variable, "qryType": 1},
            "definition": query,
            "current": {"text": said, "value": said},
            "refresh": 2,
            "sort": 1,
        }


def _glance(plan: Plan) -> Iterator[Panel]:
    failed = _rate("imagora_queries_total", "recipe", 'outcome="failed"')
    answered = _rate("imagora_queries_total", "recipe")
    degraded = f"{_rate('imagora_degraded_answers_total', 'recipe')} / {_rate('imagora_answers_total', 'recipe')}"
    yield _stat("ready", f"min(imagora_recipe_ready{{{OF},{HERE}}})", "bool_yes_no")
    yield _stat("queries a second", answered, "reqps")
    yield _stat("failed", f"{failed} / {answered}", "percentunit")
    yield _stat("degraded", degraded, "percentunit")
    yield _stat("slowest hundredth", _quantile(0.99, "imagora_query_seconds_bucket", "le"), "s")
    if plan.index is not None:
        age = f"time() - max(imagora_index_ingested_timestamp_seconds{{{OF},{HERE}}})"
        yield _stat("since the last ingest", age, "s")


def _latency() -> Iterator[Panel]:
    for modality in MODALITIES:
        counted = (
            f"sum by (le) (increase(imagora_query_seconds_bucket{{{OF},{HERE},modality={quoted(modality)}}}[{WINDOW}]))"
        )
        yield Panel(f"queries with {_WITH[modality]}", "heatmap", [(counted, "{{le}}")])
    whole = [(_quantile(q, "imagora_query_seconds_bucket", "le"), f"p{q * 100:g}") for q in QUANTILES]
    yield Panel("from door to end", "timeseries", whole, "s", width=12)
    first = [(_quantile(q, "imagora_first_word_seconds_bucket", "le"), f"p{q * 100:g}") for q in QUANTILES]
    yield Panel("from door to the first word", "timeseries", first, "s", width=12, about="of streams")


def _stages() -> Iterator[Panel]:
    by = "stage, component"
    slow = _quantile(0.95, "imagora_stage_seconds_bucket", f"{by}, le")
    yield Panel("stages, p95", "timeseries", [(slow, "{{stage}} {{component}}")], "s")
    spent = f"{_rate('imagora_stage_seconds_sum', by)}"
    about = "seconds of stages in a second: where the time goes, all queries together"
    yield Panel("time in stages", "timeseries", [(spent, "{{stage}} {{component}}")], "s", about=about, stacked=True)
    queries = f"scalar({_rate('imagora_answers_total', 'recipe')})"
    legs = f"{_rate('imagora_leg_passages_total', 'leg')} / {queries}"
    about = "how many of a query's passages have a score on the leg"
    yield Panel("passages by leg, of a query", "timeseries", [(legs, "{{leg}}")], about=about)


def _errors() -> Iterator[Panel]:
    codes = _rate("imagora_errors_total", "code")
    yield Panel(
        "errors by code", "timeseries", [(codes, "{{code}}")], "reqps", about="imagora explain CODE", stacked=True
    )
    outcomes = _rate("imagora_queries_total", "outcome")
    yield Panel("queries by outcome", "timeseries", [(outcomes, "{{outcome}}")], "reqps", stacked=True)
    degraded = f"{_rate('imagora_degraded_answers_total', 'kind')} / {_rate('imagora_answers_total', 'kind')}"
    about = "given by a fallback, or without a stage that crashed"
    yield Panel("degraded", "timeseries", [(degraded, "{{kind}}")], "percentunit", about=about)


def _load() -> Iterator[Panel]:
    places = [
        (f"sum(imagora_running_queries{{{HERE}}})", "running"),
        (f"sum(imagora_most_running_queries{{{HERE}}})", "may run"),
    ]
    yield Panel("turns", "timeseries", places, about="of the whole gateway")
    queue = [
        (f"sum(imagora_waiting_queries{{{HERE}}})", "waiting"),
        (f"sum(imagora_most_waiting_queries{{{HERE}}})", "may wait"),
    ]
    yield Panel("queue", "timeseries", queue, about="of the whole gateway")
    requests = f"sum by (route, status) (rate(imagora_requests_total{{{HERE}}}[{WINDOW}]))"
    yield Panel("requests", "timeseries", [(requests, "{{route}} {{status}}")], "reqps", about="of the whole gateway")


def _cache() -> Iterator[Panel]:
    share = f"{_rate('imagora_cache_total', 'level')} / scalar({_rate('imagora_cache_total', 'recipe')})"
    about = "the share of queries that a level answered; none: all was worked out"
    yield Panel("cache hits by level", "timeseries", [(share, "{{level}}")], "percentunit", about=about, stacked=True)


def _index() -> Iterator[Panel]:
    items = [
        (f"max(imagora_index_items{{{OF},{HERE}}})", "items"),
        (f"max(imagora_index_generation{{{OF},{HERE}}})", "generation"),
    ]
    yield Panel("index", "timeseries", items)
    age = f"time() - max(imagora_index_ingested_timestamp_seconds{{{OF},{HERE}}})"
    yield Panel("age of the index", "timeseries", [(age, "since the last ingest")], "s")


def _stat(title: str, expression: str, unit: str) -> Panel:
    return Panel(title, "stat", [(expression, title)], unit, width=4, height=4)


def _quantile(q: float, buckets: str, by: str) -> str:
    return f"histogram_quantile({q:g}, {_rate(buckets, by)})"


def _rate(metric: str, by: str, more: str = "") -> str:
    matchers = ",".join(one for one in (OF, HERE, more) if one)
    return f"sum by ({by}) (rate({metric}{{{matchers}}}[{WINDOW}]))"
