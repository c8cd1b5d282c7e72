"""`imagora plan`: figures follow from their formulas, and its document names each."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from imagora.cli.main import app
from imagora.errors import QueryError
from imagora_evals.planning import room
from imagora_evals.planning.cost import cost, fees, of_recipe, prices
from imagora_evals.planning.figures import Figure, in_bytes, value_of
from imagora_evals.planning.generator import Load, generator
from imagora_evals.planning.needs import GB, Layout, Needs, dimensions
from imagora_evals.planning.nodes import nodes, refused
from imagora_recipe.check import check
from imagora_recipe.plan import Plan
from typer.testing import CliRunner

PAGE = Path(__file__).parents[2] / "docs" / "planning.md"
LAYOUT = Layout("shop", "qdrant", {"hnsw": {"m": 16}, "url": "http://localhost:6333"}, {"text": 384})


def figure(figures: list[Figure], section: str, name: str) -> float:
    (value,) = [one.value for one in figures if one.section == section and one.name == name]
    assert value is not None
    return value


def planned(*arguments: str) -> dict[str, object]:
    said = CliRunner().invoke(app, ["plan", "starter", "--json", *arguments], catch_exceptions=False)
    assert said.exit_code == 0, said.output
    document: dict[str, object] = json.loads(said.stdout)
    return document


def test_vectors_take_four_bytes_a_number_and_graphs_the_bits_of_their_links() -> None:
    figures = room.memory(LAYOUT, Needs(1_000_000, 0))
    assert figure(figures, "memory", "vectors, text") == 1_000_000 * 384 * 4
    assert figure(figures, "memory", "graphs") == pytest.approx(1_000_000 * 0.85 * 2 * 16 * 20 / 8)
    held = figure(figures, "memory", "held by searches")
    assert value_of(figures, "memory") == pytest.approx(1.5 * held)


def test_twice_the_links_take_twice_the_room_and_a_binary_vector_a_bit_a_number() -> None:
    needs = Needs(10_000, 0)
    more = Layout("shop", "qdrant", {"hnsw": {"m": 32}, "quantization": "binary"}, {"text": 384})
    thin, thick = room.memory(LAYOUT, needs), room.memory(more, needs)
    assert figure(thick, "memory", "graphs") == 2 * figure(thin, "memory", "graphs")
    assert figure(thick, "memory", "quantised, text") == 10_000 * 384 / 8
    on_disk = Layout("shop", "qdrant", {"hnsw": {"m": 16}, "quantization": "scalar", "on_disk": True}, {"text": 384})
    names = [one.name for one in room.memory(on_disk, needs)]
    assert "vectors, text" not in names and "quantised, text" in names


def test_fields_for_filters_take_room_and_links_of_their_own() -> None:
    needs = Needs(10_000, 0)
    fields = Layout("shop", "qdrant", {"hnsw": {"m": 16}, "fields": {"price": "float"}}, {"text": 384})
    bare, filtered = room.disk(LAYOUT, needs), room.disk(fields, needs)
    assert figure(filtered, "disk", "graphs") == 2 * figure(bare, "disk", "graphs")
    assert figure(filtered, "disk", "fields for filters") == 10_000 * 40


def test_an_index_that_looks_at_every_vector_has_no_graph() -> None:
    for options, there in (({"kind": "flat", "m": 32}, False), ({"kind": "hnsw", "m": 32}, True)):
        figures = room.disk(Layout("shop", "faiss", options, {"text": 384}), Needs(1000, 0))
        assert any(one.name == "graphs" for one in figures) is there


def test_shards_come_from_memory_and_copies_from_queries() -> None:
    needs = Needs(1_000_000, 1000, node_memory=10 * GB, node_cores=8, busy=0.5, search=0.001)
    figures = nodes(LAYOUT, needs, 20 * GB, 0.005)
    assert figure(figures, "nodes", "shards") == 3  # 20 / (0.8 x 10)
    search = figure(figures, "nodes", "search in a shard") / 1000
    cores = 1000 * (0.005 + 3 * search) / 0.5
    assert figure(figures, "nodes", "cores for queries") == pytest.approx(cores)
    copies = figure(figures, "nodes", "copies of each shard")
    assert (copies - 1) * 3 * 8 < cores <= copies * 3 * 8
    assert value_of(figures, "nodes") == 3 * copies


def test_a_folder_that_would_need_several_machines_is_told_so() -> None:
    folder = Layout("shop", "qdrant", {"hnsw": {"m": 16}, "path": "index"}, {"text": 384})
    small, large = (Needs(1000, qps, node_cores=1) for qps in (1, 10_000))
    assert refused(folder, nodes(folder, small, GB, 0.001)) == ""
    assert "name a server" in refused(folder, nodes(folder, large, GB, 0.001))
    assert refused(LAYOUT, nodes(LAYOUT, large, GB, 0.001)) == ""


def vllm_recipe(folder: Path, model: str) -> Path:
    recipe = folder / "recipe.yaml"
    generator = f"{{use: vllm, model: {model}, url: http://localhost:8000}}"
    recipe.write_text(f"recipe: 1\nextends: starter\ngenerator: {generator}\n")
    return recipe


def test_a_generators_cache_is_read_from_the_config_beside_its_weights(tmp_path: Path) -> None:
    model = tmp_path / "model"
    model.mkdir()
    text = {"num_hidden_layers": 28, "num_attention_heads": 28, "num_key_value_heads": 4, "hidden_size": 3584}
    (model / "config.json").write_text(json.dumps({"text_config": text}))
    (model / "model.safetensors").write_bytes(bytes(1000))
    load = Load(qps=2, seconds=3, tokens=1000, gpu=24 * GB)
    figures = generator(check(vllm_recipe(tmp_path, str(model))), load)
    assert figure(figures, "generator", "weights") == 1000
    assert figure(figures, "generator", "keys and values") == 2 * 28 * 4 * 128 * 2 * 1000 * 6
    (model / "config.json").write_text("{}")
    with pytest.raises(QueryError, match=r"config\.json"):
        generator(check(vllm_recipe(tmp_path, str(model))), load)


def test_a_generators_size_is_read_from_its_name_and_what_is_not_known_is_said(tmp_path: Path) -> None:
    plan = check(vllm_recipe(tmp_path, "shop/answers-7B-instruct"))
    load = Load(qps=2, seconds=3, tokens=None, gpu=24 * GB)
    figures = generator(plan, load)
    assert figure(figures, "generator", "weights") == 14e9
    (cache,) = [one for one in figures if one.name == "keys and values"]
    assert cache.value is None and "--kv-bytes" in cache.worked
    told = generator(plan, Load(qps=2, seconds=3, tokens=1000, gpu=24 * GB, kv_bytes=50_000))
    assert value_of(told, "generator") == 1
    assert generator(check("starter"), load) == []


def test_costs_are_prices_times_amounts() -> None:
    needs = Needs(1000, 10, node_cores=4, node_memory=16 * GB)
    there = nodes(LAYOUT, needs, GB, 0.001)
    figures = cost(there, needs, prices(["core_hour=0.05", "gb_hour=0.01"], None), 1)
    assert value_of(figures, "cost") == pytest.approx(730 * (4 * 0.05 + 16 * 0.01))
    assert cost(there, needs, {}, 1) == []


def priced(folder: Path, prices: str) -> Plan:
    (file := folder / "priced.yaml").write_text(f"recipe: 1\nextends: starter\nprices: {prices}\n")
    return check(file)


def test_a_recipes_prices_are_those_of_its_machines_and_of_each_query(tmp_path: Path) -> None:
    plan = priced(tmp_path, "{currency: USD, core_hour: 0.05, query: 0.001, read: 2, written: 10}")
    assert of_recipe(plan.prices) == {"core_hour": 0.05}
    assert of_recipe(priced(tmp_path, "{hour: 0.5}").prices) == {"hour": 0.5}
    assert of_recipe(priced(tmp_path, "{hour: 0.5, gb_hour: 0}").prices) == {"gb_hour": 0.0}
    assert of_recipe(None) == {} and fees(check("starter"), 1000, 200) is None
    each = fees(plan, 1000, 200)
    assert each is not None and each.each == pytest.approx(0.001 + 800 * 2 / 1e6 + 200 * 10 / 1e6)
    needs = Needs(1000, 10, node_cores=4, node_memory=16 * GB)
    figures = cost(nodes(LAYOUT, needs, GB, 0.001), needs, of_recipe(plan.prices), 1, each, "USD")
    month = 730 * 4 * 0.05 + 10 * 730 * 3600 * each.each
    assert value_of(figures, "cost") == pytest.approx(month)
    assert figure(figures, "cost", "1,000 queries") == pytest.approx(month / (10 * 730 * 3600) * 1000)
    assert {one.unit for one in figures} == {"USD"}


def test_what_is_typed_goes_before_the_recipes_prices(tmp_path: Path) -> None:
    priced(tmp_path, "{currency: USD, core_hour: 0.05, gb_hour: 0.01}")
    command = [
        "plan",
        str(tmp_path / "priced.yaml"),
        "--items",
        "1000",
        "--qps",
        "1",
        "--rate",
        "20",
        "--query-ms",
        "5",
    ]
    there = json.loads(CliRunner().invoke(app, [*command, "--json"]).stdout)["figures"]
    typed = json.loads(CliRunner().invoke(app, [*command, "--json", "--price", "core_hour=0.1"]).stdout)["figures"]
    before, after = ({one["name"]: one["value"] for one in said} for said in (there, typed))
    assert after["a month, core_hour"] == 2 * before["a month, core_hour"]
    assert after["a month, gb_hour"] == before["a month, gb_hour"]
    assert {one["unit"] for one in there if one["section"] == "cost"} == {"USD"}


@pytest.mark.parametrize(
    ("said", "told"),
    [("core_our=1", "did you mean 'core_hour'"), ("core_hour=cheap", "is a number"), ("gb_hour=-1", "is a number")],
)
def test_a_price_that_is_none_is_told(said: str, told: str) -> None:
    with pytest.raises(QueryError, match=told):
        prices([said], None)


def test_prices_may_stand_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "prices.yaml"
    file.write_text("core_hour: 0.04\ngpu_hour: 1\n")
    assert prices(["gpu_hour=2"], file) == {"core_hour": 0.04, "gpu_hour": 2.0}
    file.write_text("- 1\n")
    with pytest.raises(QueryError, match="holds no prices"):
        prices([], file)


def test_a_dimension_that_is_none_is_told() -> None:
    embedders: dict[str, object] = {"image": None}
    assert dimensions(["image=512"], embedders) == {"image": 512}  # type: ignore[arg-type]  # only names are looked at
    for said, told in (("imag=512", "did you mean 'image'"), ("image=many", "leg=number")):
        with pytest.raises(QueryError, match=told):
            dimensions([said], embedders)  # type: ignore[arg-type]  # as above


def test_the_command_says_every_figure_with_a_formula_of_the_page() -> None:
    numbers = ("--dimension", "image=384", "--dimension", "text=384", "--rate", "20", "--query-ms", "5")
    document = planned("--items", "50000", "--qps", "20", *numbers, "--price", "core_hour=0.04")
    figures = document["figures"]
    assert isinstance(figures, list) and {one["section"] for one in figures} >= {"memory", "disk", "nodes", "ingest"}
    named = set(re.findall(r"^\| `([a-z-]+)` \|", PAGE.read_text(), re.MULTILINE))
    assert {one["formula"] for one in figures} <= named
    hours = next(one["value"] for one in figures if one["name"] == "embedding")
    assert hours == pytest.approx(50_000 / 20 / 3600)


def test_every_formula_in_the_code_is_in_the_page() -> None:
    code = "".join(file.read_text() for file in Path(room.__file__).parent.glob("*.py"))
    named = set(re.findall(r"^\| `([a-z-]+)` \|", PAGE.read_text(), re.MULTILINE))
    used = set(re.findall(r'Figure\([^)]*?"(?:bytes|cores|ms|hours|items/s|)", "([a-z-]+)"', code))
    assert len(used) > 20
    assert used <= named


def test_bytes_are_said_in_three_digits() -> None:
    assert [in_bytes(number) for number in (999, 1536, 1.5e9, 2e13)] == ["999 B", "1.54 kB", "1.5 GB", "20 TB"]
