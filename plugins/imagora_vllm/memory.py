"""The memory that a model should need on a server: weights, KV cache, and what comes on top on each GPU."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imagora.errors import QueryError

from .options import VllmOptions

GIB = 2**30
ON_TOP = 2.0
"""GiB on each GPU for activations, the pictures' encoder and CUDA graphs; measured ones lie between 1 and 3."""
BYTES = {"float32": 4.0, "bfloat16": 2.0, "float16": 2.0, "fp8": 1.0, "awq": 0.56, "gptq": 0.56, "bitsandbytes": 0.56}
"""For each parameter; the 4-bit forms with their scales."""


@dataclass(frozen=True)
class Shape:
    """What of a model memory depends on: 10^9 parameters, layers, key-value heads, and the size of a head."""

    parameters: float
    layers: int = 0
    kv_heads: int = 0
    head: int = 0
    stored: float | None = None  # bytes of the weights' files, where they are here

    def kv_bytes(self, dtype: str) -> int:
        """Give the bytes of KV cache for one token, keys and values; 0 where that is not known."""
        return int(2 * self.layers * self.kv_heads * self.head * min(BYTES.get(dtype, 2.0), 4.0))


# From the models' own cards and configs. The first name that is in the model's name counts.
KNOWN = {
    "qwen2.5-vl-3b": Shape(3.75, 36, 2, 128),
    "qwen2.5-vl-7b": Shape(8.29, 28, 4, 128),
    "qwen2.5-vl-32b": Shape(33.5, 64, 8, 128),
    "qwen2.5-vl-72b": Shape(73.4, 80, 8, 128),
    "qwen2-vl-2b": Shape(2.21, 28, 2, 128),
    "qwen2-vl-7b": Shape(8.29, 28, 4, 128),
    "qwen2-vl-72b": Shape(73.4, 80, 8, 128),
    "llava-1.5-7b": Shape(7.06, 32, 32, 128),
    "llava-1.5-13b": Shape(13.4, 40, 40, 128),
    "pixtral-12b": Shape(12.7, 40, 8, 128),
    "phi-3.5-vision": Shape(4.15, 32, 32, 96),
    "smollm2-135m": Shape(0.135, 30, 3, 64),
    "smollm2-360m": Shape(0.362, 32, 5, 64),
    "smollm2-1.7b": Shape(1.71, 24, 32, 64),
}


def shape_of(options: VllmOptions, weights: str | None = None) -> Shape | None:
    """Find a model's shape: in its folder, in the recipe, in the table, or its size in its name; None if nowhere."""
    folder = Path(weights or options.model).expanduser()
    said = options.server.parameters
    if (folder / "config.json").is_file():
        return _read(folder, said)
    name = (weights or options.model).lower().rpartition("/")[2]
    known = next((shape for part, shape in KNOWN.items() if part in name), None)
    if said is not None:
        return Shape(said, *((known.layers, known.kv_heads, known.head) if known else ()))
    if known is not None:
        return known
    size = re.search(r"(?<![a-z0-9.])(\d+(?:\.\d+)?)([bm])(?![a-z0-9])", name)
    return Shape(float(size[1]) / (1 if size[2] == "b" else 1000)) if size else None


def estimate(options: VllmOptions, shape: Shape | None) -> list[str]:
    """Say what it should need and by which formula, a line each; what is not known is said to be so."""
    server = options.server
    if shape is None:
        return [
            f"memory: not known, since neither the name '{options.model}' nor the recipe says how large the model is; "
            "write 'server: {parameters: 7}' for 7 x 10^9",
            "  by hand: parameters x bytes (16 bits: 2, fp8: 1, 4 bits: 0.56) + KV cache + 2 GiB on each GPU",
        ]
    form = server.quantization or ("bfloat16" if server.dtype == "auto" else server.dtype)
    weights, lines = _weights(shape, form, converted=server.quantization in ("fp8", "bitsandbytes"))
    cache, more = _cache(options, shape)
    total = weights + cache + ON_TOP * server.tensor_parallel
    least = "" if shape.kv_bytes(server.dtype) and options.context else "at least "
    each = f", {total / server.tensor_parallel:.1f} GiB on each GPU" if server.tensor_parallel > 1 else ""
    lines += [*more, f"  on top    {ON_TOP:g} GiB on each GPU for activations, pictures and CUDA graphs"]
    return [f"memory: {least}about {total:.1f} GiB{each}", *lines]


def _weights(shape: Shape, form: str, *, converted: bool) -> tuple[float, list[str]]:
    if shape.stored is not None and not converted:
        return shape.stored / GIB, [f"  weights   {shape.stored / GIB:.1f} GiB: the size of the files in the folder"]
    size = shape.parameters * 1e9 * BYTES[form] / GIB
    lines = [f"  weights   {size:.1f} GiB = {shape.parameters:g} x 10^9 parameters x {BYTES[form]:g} bytes ({form})"]
    if BYTES[form] < 1:
        lines.append(
            "            embeddings and the eyes of the model stay at 16 bits: small models need up to half more"
        )
    return size, lines


def _cache(options: VllmOptions, shape: Shape) -> tuple[float, list[str]]:
    token, many = shape.kv_bytes(options.server.dtype), options.server.sequences
    formula = "2 x layers x key-value heads x size of a head x bytes x tokens x answers at once"
    if not token:
        return 0.0, [f"  KV cache  not known = {formula}"]
    if options.context is None:
        return 0.0, [f"  KV cache  {token * 1000 / GIB:.3f} GiB for each 1,000 tokens = {formula}"]
    size = token * options.context * many / GIB
    worth = f"{token:,} bytes x {options.context:,} tokens x {many} answers at once"
    return size, [f"  KV cache  {size:.1f} GiB = {worth}", f"            = {formula}; with less, answers wait"]


def _read(folder: Path, said: float | None) -> Shape:
    try:
        config: dict[str, Any] = json.loads((folder / "config.json").read_text("utf-8"))
        text = config.get("text_config") or config
        heads, hidden = int(text.get("num_attention_heads") or 0), int(text.get("hidden_size") or 0)
        head = int(text.get("head_dim") or (hidden // heads if heads else 0))
        layers, kv_heads = int(text.get("num_hidden_layers") or 0), int(text.get("num_key_value_heads") or heads)
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise QueryError(f"the model's '{folder / 'config.json'}' cannot be read: {error}") from None
    stored = float(sum(file.stat().st_size for file in folder.glob("*.safetensors")))
    return Shape(said or stored / 2e9, layers, kv_heads, head, stored or None)
