"""A transformer's matrices in 8 bits, so that what comes out of a row depends on no other row.

ONNX Runtime's own dynamic quantisation has one scale for all numbers that come into a product: a text then has another
vector beside other texts, up to 0.025 off in one number, and queries that are gathered would not be found as they are
alone. Its static quantisation needs texts to learn from, and lost a tenth of MiniLM's cosines. Here each row, which is
one token, has a scale of its own, the greatest of its numbers (Dettmers et al. 2022, arXiv:2208.07339, "vector-wise"),
and so has each column of the weights; both at about the same speed.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

VERSION = "2"
"""Changes with what is computed below, so that it is in the name of an export and in an embedder's identity."""
_MIDDLE, _MOST = 128, 127
_MOST_WEIGHT = 64
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
    onnx.checker.check_model(model)
    onnx.save(model, str(target))


class _Quantising:
    """Gives for each node of a graph what stands in its place."""

    def __init__(self, graph: Any) -> None:
        self._arrays = {array.name: array for array in graph.initializer}
        self._rows: set[str] = set()
        self.constants: list[Any] = []
        numbers = {"middle": np.uint8(_MIDDLE), "shift": np.float32(_MIDDLE), "step": np.float32(1 / _MOST)}
        for name, number in {**numbers, "least": np.float32(1e-9)}.items():
            self._constant(f"int8_{name}", np.asarray(number))

    def instead(self, node: Any) -> Iterator[Any]:
        from onnx import numpy_helper

        known = self._arrays.get(node.input[1]) if node.op_type == "MatMul" else None
        if known is None or len(known.dims) != 2:  # noqa: PLR2004 - a matrix
            yield node
            return
        weights = numpy_helper.to_array(known)
        scales = np.maximum(np.abs(weights).max(axis=0) / _MOST_WEIGHT, 1e-12).astype(np.float32)
        whole = np.clip(np.round(weights / scales), -_MOST_WEIGHT, _MOST_WEIGHT).astype(np.int8)
        rows, out = node.input[0], node.output[0]
        if rows not in self._rows:  # one for all the products of the same rows
            self._rows.add(rows)
            yield from _whole_rows(rows)
        columns = self._constant(f"{out}_int8", whole), self._constant(f"{out}_scales", scales)
        yield from _product(rows, columns, out)

    def _constant(self, name: str, array: NDArray[Any]) -> str:
        from onnx import numpy_helper

        self.constants.append(numpy_helper.from_array(array, name))
        return name


def _whole_rows(rows: str) -> Iterator[Any]:
    from onnx import TensorProto, helper

    yield helper.make_node("Abs", [rows], [f"{rows}_abs"])
    yield helper.make_node("ReduceMax", [f"{rows}_abs"], [f"{rows}_most"], axes=[-1], keepdims=1)
    yield helper.make_node("Mul", [f"{rows}_most", "int8_step"], [f"{rows}_step"])
    yield helper.make_node("Max", [f"{rows}_step", "int8_least"], [f"{rows}_scale"])
    yield helper.make_node("Div", [rows, f"{rows}_scale"], [f"{rows}_scaled"])
    yield helper.make_node("Round", [f"{rows}_scaled"], [f"{rows}_round"])
    yield helper.make_node("Add", [f"{rows}_round", "int8_shift"], [f"{rows}_shifted"])
    yield helper.make_node("Cast", [f"{rows}_shifted"], [f"{rows}_int8"], to=TensorProto.UINT8)


def _product(rows: str, columns: tuple[str, str], out: str) -> Iterator[Any]:
    from onnx import TensorProto, helper

    whole, scales = columns
    yield helper.make_node("MatMulInteger", [f"{rows}_int8", whole, "int8_middle"], [f"{out}_whole"])
    yield helper.make_node("Cast", [f"{out}_whole"], [f"{out}_float"], to=TensorProto.FLOAT)
    yield helper.make_node("Mul", [f"{out}_float", f"{rows}_scale"], [f"{out}_by_rows"])
    yield helper.make_node("Mul", [f"{out}_by_rows", scales], [out])
