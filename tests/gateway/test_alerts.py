"""`imagora recipe alerts`: rules that promtool reads, and that fire when they should and not otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import imagora_cache
import imagora_ingestion
import pytest
import toys
from imagora.catalog import Catalog
from imagora.cli.main import app
from imagora.errors import QueryError
from imagora_gateway.watching.alerts import rules
from imagora_gateway.watching.quoting import metrics_in, quoted
from imagora_gateway.watching.thresholds import Thresholds, errors_of, latency_of
from imagora_recipe.check import check
from ruamel.yaml import YAML
from toy_recipes import CATALOG, recipe_of, write
from typer.testing import CliRunner

from .prometheus import promtool

CACHED = Catalog.of(toys, imagora_ingestion, imagora_cache)
OF = 'recipe="toys",job="imagora",instance="one"'
ALL = 'job="imagora",instance="one"'
ENOUGH = "0+10x60"
"""Ten more each minute, for an hour."""


def written(folder: Path, than: Thresholds | None = None, name: str = "toys", **sections: Any) -> str:
    plan = check(write(folder, recipe_of(wrappers=[{"use": "cache"}], **sections), "toys.yaml"), CACHED)
    return rules(plan, name, than or Thresholds(), "imagora")


def queries(ok: str, failed: str) -> dict[str, str]:
    name = "imagora_queries_total"
    return {
        f'{name}{{{OF},modality="words",outcome="ok"}}': ok,
        f'{name}{{{OF},modality="words",outcome="failed"}}': failed,
    }


def shares(part: str, whole: str, some: str, labels: str, all_: str = ENOUGH) -> dict[str, str]:
    return {f"{part}{{{OF},{labels}}}": some, f"{whole}{{{OF},{labels}}}": all_}


def buckets(quick: str, slow: str) -> dict[str, str]:
    name, of = "imagora_query_seconds", f'{OF},modality="picture"'
    series = {
        f'{name}_bucket{{{of},le="{le}"}}': quick if float(le) < 10 else slow for le in ("2.5", "5", "10", "+Inf")
    }
    return {**series, f"{name}_count{{{of}}}": slow}


CASES: Mapping[str, tuple[Mapping[str, str], Mapping[str, str]]] = {
    "ImagoraDown": ({f"up{{{ALL}}}": "0x60"}, {f"up{{{ALL}}}": "1x60"}),
    "ImagoraQueue": (
        {f"imagora_waiting_queries{{{ALL}}}": "40x60", f"imagora_most_waiting_queries{{{ALL}}}": "64x60"},
        {f"imagora_waiting_queries{{{ALL}}}": "20x60", f"imagora_most_waiting_queries{{{ALL}}}": "64x60"},
    ),
    "ImagoraOverloaded": (
        {**queries(ENOUGH, "0x60"), f'imagora_queries_total{{{OF},modality="words",outcome="overloaded"}}': "0+1x60"},
        {**queries(ENOUGH, "0+1x60"), f'imagora_queries_total{{{OF},modality="words",outcome="overloaded"}}': "0x60"},
    ),
    "ImagoraServerErrors": (
        {
            f'imagora_requests_total{{{ALL},status="500"}}': "0+1x60",
            f'imagora_requests_total{{{ALL},status="200"}}': ENOUGH,
        },
        {
            f'imagora_requests_total{{{ALL},status="503"}}': "0+1x60",
            f'imagora_requests_total{{{ALL},status="200"}}': ENOUGH,
        },
    ),
    "ImagoraNotReady": (
        {f"imagora_recipe_ready{{{OF}}}": "0x60", f"up{{{ALL}}}": "1x60"},
        {f"imagora_recipe_ready{{{OF}}}": "1x60", f"up{{{ALL}}}": "1x60"},
    ),
    "ImagoraSlow": (buckets("0+9x60", ENOUGH), buckets(ENOUGH, ENOUGH)),
    "ImagoraErrors": (queries(ENOUGH, "0+1x60"), queries("0+1000x60", "0+1x60")),
    "ImagoraDegraded": (
        shares("imagora_degraded_answers_total", "imagora_answers_total", "0+1x60", 'kind="answer"'),
        shares("imagora_degraded_answers_total", "imagora_answers_total", "0+1x60", 'kind="answer"', "0+100x60"),
    ),
    "ImagoraCacheMisses": (
        {
            f'imagora_cache_total{{{OF},level="none"}}': "0+10x120",
            f'imagora_cache_total{{{OF},level="answer"}}': "0x120",
        },
        {
            f'imagora_cache_total{{{OF},level="none"}}': "0+10x120",
            f'imagora_cache_total{{{OF},level="answer"}}': "0+2x120",
        },
    ),
    "ImagoraStaleIndex": (
        {f"imagora_index_ingested_timestamp_seconds{{{OF}}}": "0x60"},
        {f"imagora_index_ingested_timestamp_seconds{{{OF}}}": "0+60x60"},
    ),
}
"""Of each rule: series with which it fires after 50 minutes, and those with which it does not."""


def unit(name: str, series: Mapping[str, str], fires: bool, rule: Mapping[str, Any]) -> dict[str, Any]:
    """Make a unit test of promtool: whether an alert is there, whatever its labels and its value are."""
    given = [{"series": one, "values": values} for one, values in series.items()]
    counted = f'count(ALERTS{{alertname="{name}",alertstate="firing"}}) or vector(0)'
    samples = [{"labels": "{}", "value": int(fires)}]
    asked = {"expr": counted, "eval_time": "50m" if name != "ImagoraCacheMisses" else "100m", "exp_samples": samples}
    return {"name": f"{name} {rule['for']}", "interval": "1m", "input_series": given, "promql_expr_test": [asked]}


def test_each_rule_fires_when_it_should_and_not_otherwise(tmp_path: Path) -> None:
    text = written(tmp_path, Thresholds(stale=0.5))
    (tmp_path / "rules.yaml").write_text(text, "utf-8")
    there = {rule["alert"]: rule for group in YAML(typ="safe").load(text)["groups"] for rule in group["rules"]}
    assert set(there) == set(CASES)
    tests = [
        unit(name, case, fires, there[name])
        for name in CASES
        for case, fires in zip(CASES[name], (True, False), strict=True)
    ]
    with (tmp_path / "tests.yaml").open("w") as file:
        YAML(typ="safe").dump({"rule_files": ["rules.yaml"], "evaluation_interval": "1m", "tests": tests}, file)
    promtool("check", "rules", "rules.yaml", folder=tmp_path)
    promtool("test", "rules", "tests.yaml", folder=tmp_path)


def test_few_queries_wake_nobody_up_and_a_recipe_that_nobody_serves_does(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(written(tmp_path), "utf-8")
    few = unit("ImagoraErrors", queries("0+0.5x60", "0+1x60"), False, {"for": "few"})
    missing = unit("ImagoraNotReady", {f"up{{{ALL}}}": "1x60"}, True, {"for": "missing"})
    gone = unit("ImagoraDown", {f"imagora_recipe_ready{{{OF}}}": "1x60"}, True, {"for": "gone"})
    down = unit("ImagoraNotReady", {f"up{{{ALL}}}": "0x60"}, False, {"for": "said once"})
    with (tmp_path / "tests.yaml").open("w") as file:
        YAML(typ="safe").dump({"rule_files": ["rules.yaml"], "tests": [few, missing, gone, down]}, file)
    promtool("test", "rules", "tests.yaml", folder=tmp_path)


def test_a_recipe_without_an_index_or_a_cache_has_no_rule_about_them(tmp_path: Path) -> None:
    (tmp_path / "alone.yaml").write_text("recipe: 1\ngenerator: {use: toy_quote}\n", "utf-8")
    plan = check(tmp_path / "alone.yaml", CATALOG)
    text = rules(plan, plan.name, Thresholds(), "imagora")
    assert "ImagoraErrors" in text and "Stale" not in text and "Cache" not in text


def test_thresholds_are_the_options_else_the_recipes_gate_else_what_is_usual(tmp_path: Path) -> None:
    gate = {"latency_p99": {"max": 2.5}, "failed": {"max": 0.02}}
    asks = check(write(tmp_path, recipe_of(gate=gate), "asks.yaml"), CATALOG)
    plain = check(write(tmp_path, recipe_of(), "plain.yaml"), CATALOG)
    assert [latency_of(asks, None), latency_of(asks, 1.5), latency_of(plain, None)] == [2.5, 1.5, 5.0]
    assert [errors_of(asks, None), errors_of(asks, 0.1), errors_of(plain, None)] == [0.02, 0.1, 0.01]
    with pytest.raises(QueryError, match="between 0 and 120 s, and this is 500"):
        latency_of(plain, 500)


def test_odd_names_stay_names(tmp_path: Path) -> None:
    name = 'a"} or up{x=~"\\.*'
    text = written(tmp_path, name=name)
    (tmp_path / "rules.yaml").write_text(text, "utf-8")
    (group,) = [one for one in YAML(typ="safe").load(text)["groups"] if one["name"].startswith("imagora recipe")]
    assert all(quoted(name) in rule["expr"] for rule in group["rules"])
    assert metrics_in(f"imagora_ready{{recipe={quoted(name)}}}") == {"imagora_ready"}
    promtool("check", "rules", "rules.yaml", folder=tmp_path)


def test_the_command_writes_to_the_screen_or_to_a_file(tmp_path: Path) -> None:
    said = CliRunner().invoke(app, ["recipe", "alerts", "starter", "--latency", "2", "--name", "shop", "--job", "gw"])
    assert said.exit_code == 0, said.output
    assert 'recipe="shop"' in said.stdout and 'up{job="gw"}' in said.stdout and "> 2 and" in said.stdout
    file = tmp_path / "rules.yaml"
    said = CliRunner().invoke(app, ["recipe", "alerts", "starter", "-o", str(file)])
    assert said.exit_code == 0 and "wrote " in said.stdout
    promtool("check", "rules", str(file), folder=tmp_path)
    wrong = CliRunner().invoke(app, ["recipe", "alerts", "starter", "--latency", "0"])
    assert wrong.exit_code == 2 and "a latency to be told of" in wrong.stderr
