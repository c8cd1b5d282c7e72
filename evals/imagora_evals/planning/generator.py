"""The memory that a generator needs on a GPU: weights, the cache of keys and values, and what comes on top."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imagora.errors import QueryError
from imagora_recipe.plan import Plan

from .figures import Figure

BYTES = {"float32": 4.0, "bfloat16": 2.0, "float16": 2.0, "fp8": 1.0, "awq": 0.56, "gptq": 0.56, "bitsandbytes": 0.56}
"""For a parameter; the forms of 4 bits with their scales."""
ON_TOP = 2 * 2**30
"""Bytes on each GPU for activations, the encoder of pictures and CUDA graphs."""
TOKENS = 4096
"""Of a prompt with its answer, where neither the command nor the recipe says it."""
USED = 0.9
"""The share of a GPU's memory that vLLM takes."""


@dataclass(frozen=True)
class Load:
    """What is asked of a generator: answers a second, seconds and tokens of each; gpu: bytes of one."""

    qps: float
    seconds: float
    tokens: int | None
    gpu: float
    parameters: float | None = None
    kv_bytes: float | None = None


@dataclass(frozen=True)
class Shape:
    """A model's parameters, its bytes of weights, and its bytes of keys and values for a token; None: not known."""

    parameters: float | None
    weights: float | None
    kv_bytes: float | None
    worked: tuple[str, str]


def generator(plan: Plan, load: Load) -> list[Figure]:
    """Give what a generator needs; nothing where the recipe has none, or one without a model of that kind."""
    options = plan.generator.options.model_dump() if plan.generator else {}
    if not isinstance(options.get("model"), str):
        return []
    shape = _shape(options, load)
    weights = Figure("generator", "weights", shape.weights, "bytes", "weights", shape.worked[0])
    tokens = tokens_of(plan, load.tokens)
    at_once = max(1, math.ceil(load.qps * load.seconds))
    worked = f"{load.qps:g} /s x {load.seconds:g} s"
    many = Figure("generator", "answers at once", at_once, "", "at-once", worked)
    kv_bytes = None if shape.kv_bytes is None else shape.kv_bytes * tokens * at_once
    worked = f"{shape.kv_bytes or 0:,.0f} B x {tokens:,} tokens x {at_once} answers at once; {shape.worked[1]}"
    cache = Figure("generator", "keys and values", kv_bytes, "bytes", "cache", worked if kv_bytes else shape.worked[1])
    return [weights, many, cache, *_gpus(weights.value, cache.value, load)]


def tokens_of(plan: Plan, said: int | None) -> int:
    """Give the tokens of a prompt with its answer: as said, else the `context` of the recipe's generator."""
    options = plan.generator.options.model_dump() if plan.generator else {}
    return said or options.get("context") or TOKENS


def _gpus(weights: float | None, cache: float | None, load: Load) -> list[Figure]:
    if weights is None or cache is None:
        why = "needs the two above"
        return [Figure("generator", "GPUs", None, "", "gpus", why, total=True)]
    count = max(1, math.ceil((weights + cache) / (USED * load.gpu - ON_TOP)))
    whole = weights + cache + count * ON_TOP
    worked = f"weights + keys and values + {count} x 2 GiB"
    memory = Figure("generator", "GPU memory", whole, "bytes", "gpu-memory", worked)
    worked = f"(weights + keys and values) / ({USED} x {load.gpu / 1e9:g} GB - 2 GiB)"
    return [memory, Figure("generator", "GPUs", count, "", "gpus", worked, total=True)]


def _shape(options: Mapping[str, Any], load: Load) -> Shape:
    name, server = str(options["model"]), options.get("server") or {}
    form = server.get("quantization") or server.get("dtype") or "auto"
    each = BYTES.get(form, 2.0)
    folder = Path(name).expanduser()
    if (folder / "config.json").is_file():
        return _in_folder(folder, load, each)
    said = load.parameters or (server.get("parameters") and server["parameters"] * 1e9) or _in_name(name)
    kv_why = f"give --kv-bytes, or in the recipe the folder of '{name}', whose config.json says it"
    worked = "as said" if load.kv_bytes else kv_why
    if said is None:
        return Shape(None, None, load.kv_bytes, (f"the name '{name}' says no size; give --parameters 7e9", worked))
    return Shape(said, said * each, load.kv_bytes, (f"{said:,.0f} parameters x {each:g} B", worked))


def _in_name(name: str) -> float | None:
    size = re.search(r"(?<![a-z0-9.])(\d+(?:\.\d+)?)([bm])(?![a-z0-9])", name.lower().rpartition("/")[2])
    return float(size[1]) * (1e9 if size[2] == "b" else 1e6) if size else None


def _in_folder(folder: Path, load: Load, each: float) -> Shape:
    try:
        config: dict[str, Any] = json.loads((folder / "config.json").read_text("utf-8"))
        text = config.get("text_config") or config
        layers, heads = int(text["num_hidden_layers"]), int(text["num_attention_heads"])
        kv_heads = int(text.get("num_key_value_heads") or heads)
        head = int(text.get("head_dim") or int(text["hidden_size"]) // heads)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, ZeroDivisionError) as error:
        what = f"the model's '{folder / 'config.json'}' does not say what its memory depends on: {error}"
        raise QueryError(what) from None
    kv_bytes = load.kv_bytes or 2 * layers * kv_heads * head * 2
    cache = "as said" if load.kv_bytes else f"2 x {layers} layers x {kv_heads} heads x {head} x 2 B"
    stored = sum(file.stat().st_size for file in folder.glob("*.safetensors"))
    parameters = load.parameters or stored / 2 or None
    if stored and not load.parameters:
        return Shape(parameters, stored, kv_bytes, ("the size of the folder's *.safetensors", cache))
    if parameters is None:
        return Shape(None, None, kv_bytes, (f"no weights in '{folder}'; give --parameters 7e9", cache))
    return Shape(parameters, parameters * each, kv_bytes, (f"{parameters:,.0f} parameters x {each:g} B", cache))
