"""A transformer's matrices in 8 bits, so that what comes out of a row depends on no other row.

ONNX Runtime's own dynamic quantisation has one scale for all numbers that come into a product: a text then has another
vector beside other texts, up to 0.025 off in one number, and queries that are gathered would not be found as they are
alone. Its static quantisation needs texts to learn from, and lost a tenth of MiniLM's cosines. Here each row, which is
one token, has a scale of its own, the greatest of its numbers (Dettmers et al. 2022, arXiv:2208.07339, "vector-wise"),
and so has each column of the weights; both at about the same speed. What stands around a product is as few passes over
its numbers as ONNX Runtime's own operators allow: in a batch they, not the product, would take most of the time.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

VERSION = "3"
"""Changes with what is computed below, so that it is in the name of an export and in an embedder's identity."""
_MIDDLE, _MOST = 128, 127
_RUNTIMES = "com.microsoft"
"""The domain of the operators that ONNX Runtime has beyond ONNX."""
MOST_WEIGHT = 64
"""Weights use 7 of their 8 bits: a processor without VNNI adds two products in 16 bits, which hold 2 · 255 · 64."""


def quantise(source: Path, target: Path) -> None:
    """Write a copy of an ONNX model in which every product with a constant matrix is one of whole numbers."""
    import onnx

    model = onnx.load(str(source))
    quantising = _Quantising(model.graph)
    nodes = [new for node in model.graph.node for new in quantising.instead(node)]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    used = {name for node in nodes for name in node.input}
    kept = [array for array in (*model.graph.initializer, *quantising.constants) if array.name in used]
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)
    if not any(known.domain == _RUNTIMES for known in model.opset_import):
        model.opset_import.append(onnx.helper.make_opsetid(_RUNTIMES, 1))
    onnx.checker.check_model(model)
    onnx.save(model, str(target))


class _Quantising:
    """Gives for each node of a graph what stands in its place."""

    def __init__(self, graph: Any) -> None:
        self._arrays = {array.name: array for array in graph.initializer}
        self._rows: set[str] = set()
        self.constants: list[Any] = []
        numbers = {"middle": np.uint8(_MIDDLE), "one": np.float32(1), "step": np.float32(1 / _MOST)}
        for name, number in {**numbers, "least": np.float32(1e-9), "flat": np.array([-1], np.int64)}.items():
            self._constant(f"int8_{name}", np.asarray(number))

    def instead(self, node: Any) -> Iterator[Any]:
        from onnx import numpy_helper

        known = self._arrays.get(node.input[1]) if node.op_type == "MatMul" else None
        if known is None or len(known.dims) != 2:  # noqa: PLR2004 - a matrix
            yield node
            return
        weights = numpy_helper.to_array(known)
        scales = np.maximum(np.abs(weights).max(axis=0) / MOST_WEIGHT, 1e-12).astype(np.float32)
        whole = np.clip(np.round(weights / scales), -MOST_WEIGHT, MOST_WEIGHT).astype(np.int8)
        rows, out = node.input[0], node.output[0]
        if rows not in self._rows:  # one for all the products of the same rows
            self._rows.add(rows)
            shape = self._constant(f"{rows}_shape", np.array([-1, known.dims[0]], np.int64))
            yield from _whole_rows(rows, shape)
        self._constant(f"{out}_width", np.array([known.dims[1]], np.int64))
        columns = self._constant(f"{out}_int8", whole), self._constant(f"{out}_scales", scales)
        yield from _product(rows, columns, out)

    def _constant(self, name: str, array: NDArray[Any]) -> str:
        from onnx import numpy_helper

        self.constants.append(numpy_helper.from_array(array, name))
        return name


def _whole_rows(rows: str, shape: str) -> Iterator[Any]:
    from onnx import TensorProto, helper

    yield helper.make_node("Shape", [rows], [f"{rows}_before"], end=-1)
    yield helper.make_node("Reshape", [rows, shape], [f"{rows}_rows"])
    yield helper.make_node("Abs", [f"{rows}_rows"], [f"{rows}_abs"])
    yield helper.make_node("ReduceMax", [f"{rows}_abs"], [f"{rows}_most"], axes=[-1], keepdims=1)
    yield helper.make_node("Mul", [f"{rows}_most", "int8_step"], [f"{rows}_step"])
    yield helper.make_node("Max", [f"{rows}_step", "int8_least"], [f"{rows}_scale"])
    yield helper.make_node("Reshape", [f"{rows}_scale", "int8_flat"], [f"{rows}_scales"])
    yield helper.make_node("Shape", [f"{rows}_scales"], [f"{rows}_number"])
    middle = helper.make_tensor("value", TensorProto.UINT8, [1], [_MIDDLE])
    yield helper.make_node("ConstantOfShape", [f"{rows}_number"], [f"{rows}_middles"], value=middle)
    whole = [f"{rows}_rows", f"{rows}_scales", f"{rows}_middles"]
    yield helper.make_node("QuantizeLinear", whole, [f"{rows}_int8"], axis=0)


def _product(rows: str, columns: tuple[str, str], out: str) -> Iterator[Any]:
    from onnx import helper

    whole, scales = columns
    inputs = [f"{rows}_int8", whole, "int8_one", scales, "int8_middle"]
    yield helper.make_node("MatMulIntegerToFloat", inputs, [f"{out}_by_rows"], domain=_RUNTIMES)
    yield helper.make_node("Mul", [f"{out}_by_rows", f"{rows}_scale"], [f"{out}_flat"])
    yield helper.make_node("Concat", [f"{rows}_before", f"{out}_width"], [f"{out}_like"], axis=0)
    yield helper.make_node("Reshape", [f"{out}_flat", f"{out}_like"], [out])
