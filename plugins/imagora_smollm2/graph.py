"""SmolLM2's weights as an ONNX graph that ONNX Runtime's own attention runs, without torch and without loss.

GGUF's Q4_1 keeps 32 weights as a scale d, a least weight m and numbers q of four bits: w = d q + m. MatMulNBits, where
it is fast, keeps w = d (q - 8). So a product is one of those, and m + 8 d times the sum of the block's inputs, which is
a 32nd of the work: exact, at the speed of four bits.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from .weights import Gguf

BLOCK = 32
MICROSOFT = "com.microsoft"


class Graph:
    """Collects nodes and tensors; every call of `add` is one node with one output, whose name it gives."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.tensors: dict[str, Any] = {}

    def keep(self, name: str, array: NDArray[Any]) -> str:
        """Keep a tensor, once for every name."""
        if name not in self.tensors:
            self.tensors[name] = numpy_helper.from_array(np.ascontiguousarray(array), name)
        return name

    def add(self, kind: str, inputs: list[str], name: str, domain: str = "", outputs: int = 1, **said: Any) -> str:
        """Add a node; its further outputs are called name.1, name.2 …"""
        named = [name, *(f"{name}.{number}" for number in range(1, outputs))]
        self.nodes.append(helper.make_node(kind, inputs, named, name=name, domain=domain, **said))
        return name


def write(gguf: Gguf, file: Path) -> None:
    """Write the graph with its weights: token ids and what was said before to the next token's scores."""
    graph = Graph()
    hidden = _embedded(graph, gguf)
    _positions(graph)
    _rotation(graph, gguf)
    for layer in range(gguf.layers):
        hidden = _layer(graph, gguf, layer, hidden)
    hidden = _normed(graph, gguf, hidden, "output_norm")
    _numbers8(graph, gguf, hidden)
    model = helper.make_model(
        helper.make_graph(graph.nodes, "smollm2", *_ends(gguf), list(graph.tensors.values())),
        opset_imports=[helper.make_opsetid("", 18), helper.make_opsetid(MICROSOFT, 1)],
        ir_version=9,
    )
    onnx.save(model, str(file))


def _embedded(graph: Graph, gguf: Gguf) -> str:
    # The table of tokens stays in its eight bits: only the rows that are asked for become numbers.
    numbers, scales = gguf.eight_bits("token_embd")
    rows = graph.add("Gather", [graph.keep("tokens", numbers), "input_ids"], "rows")
    blocks = graph.keep("blocks", np.array([0, 0, gguf.width // BLOCK, BLOCK], dtype=np.int64))
    rows = graph.add("Cast", [graph.add("Reshape", [rows, blocks], "rows/blocks")], "rows/float", to=TensorProto.FLOAT)
    of_rows = graph.add("Gather", [graph.keep("tokens/scales", scales), "input_ids"], "rows/scales")
    of_rows = graph.add("Unsqueeze", [of_rows, graph.keep("last", np.array([-1]))], "rows/scales/last")
    whole = graph.keep("whole", np.array([0, 0, gguf.width], dtype=np.int64))
    return graph.add("Reshape", [graph.add("Mul", [rows, of_rows], "rows/scaled"), whole], "embedded")


def _positions(graph: Graph) -> None:
    # What GroupQueryAttention wants to know: the last place of every row, and how many tokens there are in all.
    one = graph.keep("one", np.array([1], dtype=np.int64))
    count = graph.add("ReduceSum", ["attention_mask", one], "mask/count", keepdims=0)
    graph.add("Cast", [graph.add("Sub", [count, one], "mask/last")], "seqlens", to=TensorProto.INT32)
    length = graph.add("Gather", [graph.add("Shape", ["attention_mask"], "mask/shape"), "one/scalar"], "mask/length")
    graph.keep("one/scalar", np.array(1, dtype=np.int64))
    graph.add("Cast", [length], "total", to=TensorProto.INT32)


def _rotation(graph: Graph, gguf: Gguf) -> None:
    turns = 1.0 / gguf.rope_base ** (np.arange(0, gguf.head, 2, dtype=np.float64) / gguf.head)
    angles = np.outer(np.arange(gguf.context), turns)
    graph.keep("cos", np.cos(angles).astype(np.float32))
    graph.keep("sin", np.sin(angles).astype(np.float32))


def _layer(graph: Graph, gguf: Gguf, layer: int, hidden: str) -> str:
    at = f"blk.{layer}"
    normed = _normed(graph, gguf, hidden, f"{at}.attn_norm")
    qkv = _product(graph, gguf, normed, f"{at}.qkv", *(f"{at}.attn_{part}" for part in "qkv"))
    past, present = ([f"{when}.{layer}.{part}" for part in ("key", "value")] for when in ("past_key_values", "present"))
    graph.nodes.append(
        helper.make_node(
            "GroupQueryAttention", [qkv, "", "", *past, "seqlens", "total", "cos", "sin"], [f"{at}.attn", *present],
            name=f"{at}.attn", domain=MICROSOFT, num_heads=gguf.heads, kv_num_heads=gguf.key_heads, do_rotary=1,
            rotary_interleaved=1, scale=gguf.head**-0.5,
        )
    )  # fmt: skip
    attended = _product(graph, gguf, f"{at}.attn", f"{at}.attn_out", f"{at}.attn_output")
    hidden = graph.add("Add", [hidden, attended], f"{at}.attended")
    normed = _normed(graph, gguf, hidden, f"{at}.ffn_norm")
    both = _product(graph, gguf, normed, f"{at}.both", f"{at}.ffn_gate", f"{at}.ffn_up")
    gate = graph.add("Split", [both], f"{at}.gate", outputs=2, axis=-1, num_outputs=2)
    silu = graph.add("Mul", [gate, graph.add("Sigmoid", [gate], f"{at}.sigmoid")], f"{at}.silu")
    down = _product(graph, gguf, graph.add("Mul", [silu, f"{gate}.1"], f"{at}.gated"), f"{at}.down", f"{at}.ffn_down")
    return graph.add("Add", [hidden, down], f"{at}.out")


def _normed(graph: Graph, gguf: Gguf, hidden: str, name: str) -> str:
    weight = graph.keep(f"{name}.weight", gguf.floats(name))
    return graph.add(
        "SimplifiedLayerNormalization", [hidden, weight], name, axis=-1, epsilon=gguf.epsilon, stash_type=1
    )


def _product(graph: Graph, gguf: Gguf, hidden: str, name: str, *matrices: str) -> str:
    # Several matrices of one input are one product, which ONNX Runtime does sooner than each alone.
    read = [gguf.four_bits(matrix) for matrix in matrices]
    packed, scales, least = (np.concatenate(parts) for parts in zip(*read, strict=True))
    rows, blocks = scales.shape
    kept = [graph.keep(f"{name}.packed", packed), graph.keep(f"{name}.scales", scales.reshape(-1))]
    sizes = {"K": blocks * BLOCK, "N": rows, "bits": 4, "block_size": BLOCK, "accuracy_level": 4}
    around8 = graph.add("MatMulNBits", [hidden, *kept], f"{name}.around8", MICROSOFT, **sizes)
    shape = graph.keep(f"shape.{blocks}", np.array([0, 0, blocks, BLOCK], dtype=np.int64))
    of_blocks = graph.add("Reshape", [hidden, shape], f"{name}.blocks")
    sums = graph.add("ReduceSum", [of_blocks, graph.keep("last", np.array([-1]))], f"{name}.sums", keepdims=0)
    rest = graph.add("MatMul", [sums, graph.keep(f"{name}.least", (least + 8 * scales).T)], f"{name}.rest")
    return graph.add("Add", [around8, rest], name)


def _numbers8(graph: Graph, gguf: Gguf, hidden: str) -> str:
    # The table of tokens once more, as the last product: in unsigned bytes around 128.
    numbers, scales = gguf.eight_bits("token_embd")
    unsigned = (numbers.astype(np.int16) + 128).astype(np.uint8).reshape(len(numbers), -1, BLOCK)
    kept = [graph.keep("head", unsigned), graph.keep("head/scales", scales.reshape(-1))]
    sizes = {"K": gguf.width, "N": len(numbers), "bits": 8, "block_size": BLOCK, "accuracy_level": 4}
    return graph.add("MatMulNBits", [hidden, *kept], "logits", MICROSOFT, **sizes)


def _ends(gguf: Gguf) -> tuple[list[Any], list[Any]]:
    def cache(when: str, length: str) -> list[Any]:
        shape: list[Any] = ["n", gguf.key_heads, length, gguf.head]
        names = [f"{when}.{layer}.{part}" for layer in range(gguf.layers) for part in ("key", "value")]
        return [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in names]

    tokens = [
        helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["n", "length"]),
        helper.make_tensor_value_info("attention_mask", TensorProto.INT64, ["n", "total"]),
    ]
    scores = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", "length", gguf.vocabulary])
    return [*tokens, *cache("past_key_values", "past")], [scores, *cache("present", "total")]
