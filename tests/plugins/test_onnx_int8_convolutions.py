"""A convolutional network in 8 bits says nearly what it said in 32, whatever its channels are like."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from imagora_benchmarks.agreement import agreement
from imagora_onnx import calibration, int8_convolutions, running
from imagora_onnx.int8_convolutions import quantise_convolutions
from imagora_starter.calibration_pictures import calibration_pictures
from imagora_starter.embedder import StarterEmbedding
from imagora_starter.options import StarterOptions
from onnx import TensorProto, helper, numpy_helper

from .test_starter_finds_itself import picture_files

WIDE = 12
LEAST = 0.9
"""The overlap of the first ten with 32 bits'."""


def network(file: Path, follower: str) -> None:
    """Write a small one: padding on one side, a depthwise convolution, a channel of no weight, an addition."""
    dice = np.random.default_rng(0)
    weights = {
        "first": dice.normal(size=(WIDE, 3, 3, 3)),
        "alone": dice.normal(size=(WIDE, 1, 3, 3)) * dice.uniform(0.01, 2, size=(WIDE, 1, 1, 1)),
        "middle": dice.normal(size=(WIDE, WIDE, 1, 1)) * 0.2,
        "last": dice.normal(size=(WIDE, WIDE, 1, 1)) * 0.2,
    }
    weights["alone"][0] *= 1e-12
    arrays = {name: array.astype(np.float32) for name, array in weights.items()}
    arrays |= {f"{name}_bias": dice.normal(size=WIDE).astype(np.float32) for name in weights}
    arrays |= {"low": np.float32(0), "high": np.float32(6)}

    def convolution(reads: str, name: str, **attributes: Any) -> onnx.NodeProto:
        return helper.make_node("Conv", [reads, name, f"{name}_bias"], [f"{name}_out"], name, **attributes)

    def bounded(reads: str, gives: str) -> onnx.NodeProto:
        inputs = [reads, "low", "high"] if follower == "Clip" else [reads]
        return helper.make_node(follower, inputs, [gives], gives)

    nodes = [
        convolution("pixels", "first", pads=[0, 0, 1, 1], strides=[2, 2]),
        bounded("first_out", "first_bounded"),
        convolution("first_bounded", "alone", group=WIDE, pads=[1, 1, 1, 1]),
        bounded("alone_out", "alone_bounded"),
        convolution("alone_bounded", "middle"),
        helper.make_node("Add", ["middle_out", "first_bounded"], ["sum"], "sum"),
        convolution("sum", "last"),
        bounded("last_out", "last_bounded"),
        helper.make_node("GlobalAveragePool", ["last_bounded"], ["vectors"], "pool"),
    ]
    ins = helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["n", 3, 32, 32])
    outs = helper.make_tensor_value_info("vectors", TensorProto.FLOAT, ["n", WIDE, 1, 1])
    constants = [numpy_helper.from_array(np.asarray(array), name) for name, array in arrays.items()]
    graph = helper.make_graph(nodes, "g", [ins], [outs], constants)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), str(file))


def said(folder: Path, pictures: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    (vectors,) = running.session(folder, 1).run(None, {"pixels": pictures})
    return np.asarray(vectors)[:, :, 0, 0]


@pytest.fixture(params=["Clip", "Relu"])
def folders(request: pytest.FixtureRequest, tmp_path: Path) -> Sequence[Path]:
    whole, small = tmp_path / "whole", tmp_path / "small"
    for folder in (whole, small):
        folder.mkdir()
    network(whole / "model.onnx", request.param)
    quantise_convolutions(
        whole / "model.onnx", small / "model.onnx", [{"pixels": one[None]} for one in calibration_pictures(32, 32)]
    )
    return whole, small


def test_it_says_nearly_the_same_and_the_same_on_average(folders: Sequence[Path]) -> None:
    pictures = np.stack(list(calibration_pictures(96, 32)))
    right, given = (said(folder, pictures) for folder in folders)
    sizes = np.abs(right).max(axis=1)
    assert (np.abs(given - right).max(axis=1) < 0.05 * sizes).all()
    assert np.abs(given.mean(axis=0) - right.mean(axis=0)).max() < 0.01 * sizes.mean()


def test_it_computes_in_8_bits_but_for_the_first_convolution(folders: Sequence[Path]) -> None:
    kinds = [node.op_type for node in onnx.load(str(folders[1] / "model.onnx")).graph.node]
    assert kinds.count("Conv") == 4
    small = {
        array.name for array in onnx.load(str(folders[1] / "model.onnx")).graph.initializer if array.data_type == 3
    }
    assert {name.split("_")[0] for name in small} == {"alone", "middle", "last"}


def test_a_picture_has_the_same_vector_beside_any_others(folders: Sequence[Path]) -> None:
    pictures = np.stack(list(calibration_pictures(6, 32)))
    alone = np.concatenate([said(folders[1], one[None]) for one in pictures])
    assert np.array_equal(alone, said(folders[1], pictures))


def test_without_its_corrections_the_average_would_be_another(
    folders: Sequence[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the test of the average could not fail."""
    monkeypatch.setattr(calibration.Seen, "means", lambda _: np.zeros(WIDE))
    monkeypatch.setattr(int8_convolutions, "_rounded_with_sum", np.round)
    monkeypatch.setattr(int8_convolutions, "MOST_WEIGHT", 8)
    monkeypatch.setattr(int8_convolutions, "_MOST_ALONE", 8)
    feeds = [{"pixels": one[None]} for one in calibration_pictures(32, 32)]
    other = tmp_path / "other"
    other.mkdir()
    quantise_convolutions(folders[0] / "model.onnx", other / "model.onnx", feeds)
    pictures = np.stack(list(calibration_pictures(96, 32)))
    right, given = said(folders[0], pictures), said(other, pictures)
    assert np.abs(given.mean(axis=0) - right.mean(axis=0)).max() > 0.01 * np.abs(right).max(axis=1).mean()


def test_sums_are_kept_to_the_nearest_whole_number() -> None:
    weights = np.random.default_rng(1).uniform(-60, 60, size=(40, 1, 3, 3)).astype(np.float32)
    rounded = int8_convolutions._rounded_with_sum(weights)
    assert np.array_equal(rounded, np.round(rounded)) and np.abs(rounded - weights).max() < 1.5
    assert np.abs((rounded - weights).sum((1, 2, 3))).max() <= 0.51


def test_the_starters_pictures_rank_in_8_bits_as_in_32(capsys: pytest.CaptureFixture[str]) -> None:
    chosen = [str(file) for file in picture_files("stamps")]
    vectors = [
        np.array(StarterEmbedding(StarterOptions(backend=backend)).get_image_embedding_batch(chosen))
        for backend in ("onnx", "onnx-int8")
    ]
    found = agreement(*(rows[:40] @ rows[40:].T for rows in vectors))
    with capsys.disabled():
        print(f"\nstarter's pictures, onnx-int8: {found}")
    assert found.overlap >= LEAST and found.tau >= LEAST
