"""A convolutional network in 8 bits, such as those for pictures, fitted to a few examples.

Unlike a transformer's, the numbers between such a network's layers stay within known bounds: most come out of a ReLU6.
So each of its tensors has one scale for all pictures, a picture has the same vector beside any others, and ONNX Runtime
goes from one convolution to the next without leaving 8 bits. What the weights lose by rounding is made good in two
ways: where a channel is summed by itself (depthwise), they are rounded so that their sum stays what it was; and what is
then still missing on average, over the examples, is added to the bias (Nagel et al. 2019, arXiv:1906.04721, 4.2).
EfficientNet-Lite0 without both kept .90 of its ten nearest pictures, with both .94, and .75 and .92 with 7 bits.

The first convolution keeps its 32 bits: its weights reach so far that it alone lost more than all others, and of three
channels it is no sooner done in 8.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .calibration import Feed, Floats, Seen, in_pictures, observed, plain_model
from .int8 import MOST_WEIGHT

VERSION = "1"
"""Changes with what is computed below, so that it is in the name of an export and in an embedder's identity."""
_LEVELS = 255
"""Steps between the bounds of a tensor, 0 among them: it is what convolutions pad with."""
_MOST_ALONE = 127
"""Weights of a depthwise convolution use all their bits: every processor adds its products in 32."""
_MOST_BIAS = 2.0**30


def quantise_convolutions(source: Path, target: Path, examples: Iterable[Feed]) -> None:
    """Write a copy of an ONNX model whose convolutions, but for those of the input itself, compute in 8 bits.

    They see all channels (groups: 1) or each its own (depthwise).
    examples: what it is fitted to, one picture each; see `imagora_onnx.calibration.Feed`.
    """
    import onnx

    model = plain_model(source)
    seen = observed(model, examples)
    writing = _Writing(model.graph, seen)
    for node in list(model.graph.node):
        writing.add(node)
    del model.graph.node[:]
    model.graph.node.extend(writing.nodes)
    used = {name for node in writing.nodes for name in node.input}
    kept = [array for array in (*model.graph.initializer, *writing.constants) if array.name in used]
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)
    onnx.checker.check_model(model)
    onnx.save(model, str(target))


class _Writing:
    """Writes a graph anew, node by node; where a tensor is in 8 bits, what reads it is given it from there."""

    def __init__(self, graph: Any, seen: dict[str, Seen]) -> None:
        from onnx import numpy_helper

        self._arrays = {array.name: numpy_helper.to_array(array) for array in graph.initializer}
        self._seen, self._readers = seen, {name: node for node in graph.node for name in node.input}
        self._pictures = {node.output[0] for node in in_pictures(graph)}
        self._scales: dict[str, Any] = {}
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def add(self, node: Any) -> None:
        """Write one node, in 8 bits where all that it reads is."""
        reads, out = node.input[0], node.output[0]
        if out in self._pictures and node.op_type == "Conv" and reads in self._scales:
            self._convolution(node)
        else:
            self._as_it_is(node)
        follower = self._readers.get(out)
        if out in self._pictures and (follower is None or follower.op_type not in ("Clip", "Relu")):
            self._in_8_bits(out, self._seen[out].least, self._seen[out].most)
        elif node.op_type == "Clip" and reads in self._seen:
            low, high = (float(self._arrays[name]) for name in node.input[1:3])
            self._in_8_bits(out, low, high)
        elif node.op_type == "Relu" and reads in self._seen:
            self._in_8_bits(out, 0.0, self._seen[reads].most)

    def _convolution(self, node: Any) -> None:
        from onnx import helper

        reads, weights = node.input[0], self._arrays[node.input[1]]
        bias = self._arrays[node.input[2]] if len(node.input) > 2 else np.zeros(len(weights), np.float32)  # noqa: PLR2004
        alone = weights.shape[1] == 1
        most, step = _MOST_ALONE if alone else MOST_WEIGHT, self._scales[reads]
        scales = np.abs(weights).max((1, 2, 3)) / most
        # A channel of hardly any weight may have a bias all the same, which is counted in the same steps.
        scales = np.maximum(scales, np.maximum(np.abs(bias) / (step * _MOST_BIAS), 1e-12)).astype(np.float32)
        by_channel = scales.reshape(-1, 1, 1, 1)
        whole = (_rounded_with_sum if alone else np.round)(weights / by_channel).clip(-most, most)
        wrong = (whole * by_channel - weights).sum((2, 3))  # over the places that a window has
        means = self._seen[reads].means()
        bias = bias - (wrong[:, 0] * means if alone else wrong @ means)
        parts = [
            self._constant(f"{node.output[0]}_weights", whole.astype(np.int8), scales),
            self._constant(f"{node.output[0]}_bias", np.round(bias / (scales * step)).astype(np.int32), scales * step),
        ]
        new = helper.make_node("Conv", [f"{reads}_from_8", *parts], node.output, node.name)
        new.attribute.extend(node.attribute)
        self.nodes.append(new)

    def _as_it_is(self, node: Any) -> None:
        for place, name in enumerate(node.input):
            if name in self._scales:
                node.input[place] = f"{name}_from_8"
        self.nodes.append(node)

    def _in_8_bits(self, name: str, least: float, most: float) -> None:
        from onnx import helper, numpy_helper

        scale = np.float32(max(max(most, 0.0) - min(least, 0.0), 1e-6) / _LEVELS)
        zero = np.uint8(round(-min(least, 0.0) / scale))
        self.constants += [
            numpy_helper.from_array(np.asarray(scale), f"{name}_scale"),
            numpy_helper.from_array(np.asarray(zero), f"{name}_zero"),
        ]
        self._scales[name], by = scale, [f"{name}_scale", f"{name}_zero"]
        self.nodes.append(helper.make_node("QuantizeLinear", [name, *by], [f"{name}_in_8"]))
        self.nodes.append(helper.make_node("DequantizeLinear", [f"{name}_in_8", *by], [f"{name}_from_8"]))

    def _constant(self, name: str, whole: NDArray[Any], scales: Floats) -> str:
        """Write whole numbers and what they stand for; ONNX Runtime takes them into the convolution."""
        from onnx import helper, numpy_helper

        by = [f"{name}_scale", f"{name}_zero"]
        for kept, array in zip([name, *by], (whole, scales, np.zeros(len(scales), whole.dtype)), strict=True):
            self.constants.append(numpy_helper.from_array(array, kept))
        self.nodes.append(helper.make_node("DequantizeLinear", [name, *by], [f"{name}_from_8"], axis=0))
        return f"{name}_from_8"


def _rounded_with_sum(weights: Floats) -> Floats:
    """Round numbers (channels x ...) so that the sum of each channel is the nearest to what it was."""
    rows = weights.reshape(len(weights), -1)
    rounded = np.round(rows)
    left = rows - rounded
    for row, missing in enumerate(np.round(left.sum(1)).astype(int)):
        nearest = np.argsort(-np.sign(missing) * left[row], kind="stable")[: abs(missing)]
        rounded[row, nearest] += np.sign(missing)
    return rounded.reshape(weights.shape)
