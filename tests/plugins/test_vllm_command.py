"""`imagora vllm-command`: the line that starts the server, and the memory that it should need."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
from imagora.cli.main import app
from imagora.errors import QueryError
from imagora_vllm.memory import KNOWN, estimate, shape_of
from imagora_vllm.options import VllmOptions
from imagora_vllm.serving import remarks, serve_line
from typer.testing import CliRunner, Result

PAGE = Path(__file__).parents[2] / "docs" / "generators.md"


def options(**more: object) -> VllmOptions:
    said = {"url": "http://gpu-1:8000/v1", "model": "Qwen/Qwen2.5-VL-7B-Instruct", **more}
    return VllmOptions.model_validate(said)


def run(folder: Path, recipe: str, *words: str) -> Result:
    (folder / "recipe.yaml").write_text(recipe)
    return CliRunner().invoke(app, ["vllm-command", str(folder / "recipe.yaml"), *words])


def test_what_the_docs_show_is_what_the_command_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = PAGE.read_text("utf-8")
    recipe, shown = re.search(r"```yaml\n(.*?)```.*?```console\n(.*?)```", page, re.DOTALL).groups()  # type: ignore[union-attr]  # the page has them
    monkeypatch.setenv("VLLM_API_KEY", "a-secret-key")
    done = run(tmp_path, recipe.replace("extends: starter\n", ""))
    assert done.exit_code == 0, done.output
    assert done.output.startswith("".join(shown.splitlines(keepends=True)[1:]))
    assert "a-secret-key" not in done.output and "VLLM_API_KEY" in done.output


def test_the_line_has_what_the_recipe_says_and_no_more() -> None:
    server = {"quantization": "awq", "tensor_parallel": 4, "dtype": "float16", "sequences": 3}
    line = serve_line(options(images=2, context=4096, server=server))
    flags = dict(zip(line[3::2], line[4::2], strict=True))
    assert line[:3] == ["vllm", "serve", "Qwen/Qwen2.5-VL-7B-Instruct"]
    assert (flags["--host"], flags["--port"]) == ("gpu-1", "8000")
    assert json.loads(flags["--limit-mm-per-prompt"]) == {"image": 2}
    assert (flags["--max-model-len"], flags["--tensor-parallel-size"], flags["--max-num-seqs"]) == ("4096", "4", "3")
    assert (flags["--quantization"], flags["--dtype"]) == ("awq", "float16")
    plain = serve_line(options())
    left_out = {"--limit-mm-per-prompt", "--max-model-len", "--tensor-parallel-size", "--quantization", "--dtype"}
    assert not left_out & set(plain) and "--api-key" not in plain
    assert shlex.split(shlex.join(line)) == line


def test_a_model_can_be_loaded_from_a_folder_under_its_name() -> None:
    line = serve_line(options(), "/models/my qwen")
    assert line[2:5] == ["/models/my qwen", "--served-model-name", "Qwen/Qwen2.5-VL-7B-Instruct"]


def gib(said: list[str], what: str) -> float:
    return next(
        float(m[1]) for line in said if (m := re.search(rf"{what} +(?:at least )?(?:about )?([\d.]+) GiB", line))
    )


@pytest.mark.parametrize(
    ("quantization", "weights"), [(None, 15.4), ("fp8", 7.7), ("awq", 4.3), ("gptq", 4.3), ("bitsandbytes", 4.3)]
)
def test_weights_are_parameters_times_bytes(quantization: str | None, weights: float) -> None:
    made = options(context=16384, server={"quantization": quantization})
    said = estimate(made, shape_of(made))
    assert gib(said, "weights") == weights
    assert gib(said, "KV cache") == 14.0  # 2 x 28 layers x 4 heads x 128 x 2 bytes x 16384 tokens x 16 answers
    assert gib(said, "memory:") == pytest.approx(weights + 14.0 + 2, abs=0.11)


def test_gpus_share_weights_and_cache() -> None:
    one, two = (options(context=8192, server={"tensor_parallel": n}) for n in (1, 2))
    assert gib(estimate(two, shape_of(two)), "memory:") == gib(estimate(one, shape_of(one)), "memory:") + 2
    assert "GiB on each GPU" in estimate(two, shape_of(two))[0]


def test_the_size_of_a_model_comes_from_its_name_or_from_the_recipe() -> None:
    named = {"mistralai/Foo-24B-Instruct": 24, "a/tiny-500m": 0.5, "b/Bar-1.5B-it": 1.5}
    for name, size in named.items():
        shape = shape_of(options(model=name))
        assert shape and shape.parameters == size
        assert "KV cache  not known" in "\n".join(estimate(options(model=name), shape))
    told = shape_of(options(model="my-own", server={"parameters": 13}))
    assert told and told.parameters == 13
    assert all(shape.parameters > 0 and shape.kv_bytes("auto") > 0 for shape in KNOWN.values())


@pytest.mark.parametrize("name", ["my-own-model", "gpt4", "model-v2b3", "llama"])
def test_a_model_of_unknown_size_is_said_to_be_so(name: str) -> None:
    assert shape_of(options(model=name)) is None
    said = "\n".join(estimate(options(model=name), None))
    assert "memory: not known" in said and "server: {parameters: 7}" in said and "GiB on each GPU" in said


def test_a_folders_own_figures_count(tmp_path: Path) -> None:
    text = {"num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 1, "hidden_size": 256}
    (tmp_path / "config.json").write_text(json.dumps({"text_config": text}))
    (tmp_path / "model.safetensors").write_bytes(b"\0" * 3_000_000)
    shape = shape_of(options(), str(tmp_path))
    assert shape and shape.stored == 3_000_000 and shape.kv_bytes("auto") == 2 * 2 * 1 * 64 * 2
    assert shape.kv_bytes("float32") == 2 * shape.kv_bytes("float16")
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(QueryError, match="cannot be read"):
        shape_of(options(), str(tmp_path))


def test_what_the_line_cannot_say_is_said_beside_it() -> None:
    said = "\n".join(remarks(options(url="https://models.example/llm/v1", server={"quantization": "bitsandbytes"})))
    assert "pip install vllm-bnb-plugin" in said and "--ssl-certfile" in said and "'/llm/v1'" in said
    assert "no key" in said and "no 'context'" in said
    assert "vLLM does not convert it" in "\n".join(remarks(options(server={"quantization": "gptq"})))


def test_quantisations_can_be_compared_without_changing_the_recipe(tmp_path: Path) -> None:
    recipe = "recipe: 1\ngenerator: {use: vllm, url: http://a:1/v1, model: x-7b}\n"
    done = run(tmp_path, recipe, "--quantization", "fp8", "--tensor-parallel", "2")
    assert "--quantization fp8 --tensor-parallel-size 2" in done.output and "6.5 GiB = 7 x 10^9" in done.output


def test_a_recipe_that_speaks_to_no_server_is_told_what_to_write(tmp_path: Path) -> None:
    done = run(tmp_path, "recipe: 1\ngenerator: {use: openai, model: m, api_key: k}\n")
    assert done.exit_code != 0 and "its generator is 'openai'; write 'generator: {use: vllm, …}'" in done.output
