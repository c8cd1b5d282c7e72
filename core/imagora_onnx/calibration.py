"""What examples show of a convolutional network: between which bounds its tensors stay, and around which means."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Feed = Mapping[str, Floats]
"""Inputs of a model by name, one picture each (1 x channels x height x width)."""


@dataclass
class Seen:
    """What examples showed of a tensor: its bounds, and the mean of each channel."""

    least: float = 0.0
    most: float = 0.0
    total: Any = 0.0
    examples: int = 0

    def add(self, tensor: Floats) -> None:
        """Count one example's numbers (1 x channels x height x width)."""
        self.least, self.most = min(self.least, float(tensor.min())), max(self.most, float(tensor.max()))
        self.total = self.total + tensor.mean((0, 2, 3), dtype=np.float64)
        self.examples += 1

    def means(self) -> Any:
        """Give the mean of each channel."""
        return self.total / self.examples


def plain_model(source: Path) -> Any:
    """Give a model as ONNX Runtime reads it on any processor: padding within convolutions, constants worked out."""
    import onnx
    import onnxruntime  # type: ignore[import-untyped]  # it ships no types

    options = _quiet()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    with TemporaryDirectory() as scratch:
        plain = Path(scratch) / "plain.onnx"
        options.optimized_model_filepath = str(plain)
        onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
        return onnx.load(str(plain))


def observed(model: Any, examples: Iterable[Feed]) -> dict[str, Seen]:
    """Run the examples, and look at what goes into convolutions and additions, and at what comes out of them."""
    import onnx
    import onnxruntime

    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    del watched.graph.output[:]
    names = list(dict.fromkeys(name for node in in_pictures(model.graph) for name in (node.input[0], node.output[0])))
    for name in names:
        watched.graph.output.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None))
    session = onnxruntime.InferenceSession(watched.SerializeToString(), _quiet(), providers=["CPUExecutionProvider"])
    seen = {name: Seen() for name in names}
    for feed in examples:
        for name, tensor in zip(names, session.run(names, dict(feed)), strict=True):
            seen[name].add(tensor)
    return seen


def _quiet() -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # it warns of every constant that it could do without
    return options


def in_pictures(graph: Any) -> list[Any]:
    """Give the convolutions and additions of a graph in which pictures are still pictures."""
    pictures, found = {one.name for one in graph.input}, []
    for node in graph.node:
        counted = node.input[:1] if node.op_type in ("Conv", "Clip", "Relu") else node.input
        if node.op_type in ("Conv", "Clip", "Relu", "Add") and pictures.issuperset(counted):
            pictures.update(node.output)
            found += [node] if node.op_type in ("Conv", "Add") else []
    return found
