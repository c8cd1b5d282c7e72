"""A GGUF file of a Llama-like model, read as it is: four and eight bits with their scales."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Q4_1, Q8_0 = 20, 34
"""Bytes of a block of 32 weights: two halves (scale, minimum) and 16 bytes; one half and 32 bytes."""


class Gguf:
    """The weights and facts of one file."""

    def __init__(self, file: Path) -> None:
        from gguf import GGUFReader

        reader = GGUFReader(file)
        self._fields = reader.fields
        self._tensors = {tensor.name: tensor for tensor in reader.tensors}
        self.layers = int(self.said("llama.block_count"))
        self.width = int(self.said("llama.embedding_length"))
        self.heads = int(self.said("llama.attention.head_count"))
        self.key_heads = int(self.said("llama.attention.head_count_kv"))
        self.head = self.width // self.heads
        self.context = int(self.said("llama.context_length"))
        self.rope_base = float(self.said("llama.rope.freq_base"))
        self.epsilon = float(self.said("llama.attention.layer_norm_rms_epsilon"))
        self.vocabulary = int(self.said("llama.vocab_size"))

    def said(self, key: str) -> Any:
        """Give what the file says of itself under a key."""
        return self._fields[key].contents()

    @cached_property
    def special(self) -> list[int]:
        """The numbers of the tokens that are no text."""
        return [number for number, kind in enumerate(self.said("tokenizer.ggml.token_type")) if kind == 3]  # noqa: PLR2004 - GGUF's number for control tokens

    def floats(self, name: str) -> Floats:
        """Give a tensor that is kept as it is."""
        return np.asarray(self._tensors[f"{name}.weight"].data, dtype=np.float32)

    def four_bits(self, name: str) -> tuple[NDArray[np.uint8], Floats, Floats]:
        """Give a matrix as numbers, two a byte (rows x blocks x 16), and scales and least weights (rows x blocks)."""
        blocks = self._blocks(name, Q4_1)
        scales, least = (np.ascontiguousarray(blocks[..., at : at + 2]).view(np.float16)[..., 0] for at in (0, 2))
        # GGUF has weight i and weight i + 16 of a block in one byte, MatMulNBits two neighbours.
        low, high = blocks[..., 4:] & 15, blocks[..., 4:] >> 4
        numbers = np.concatenate([low, high], axis=-1)
        packed = numbers[..., 0::2] | (numbers[..., 1::2] << 4)
        return packed, scales.astype(np.float32), least.astype(np.float32)

    def eight_bits(self, name: str) -> tuple[NDArray[np.int8], Floats]:
        """Give a matrix as signed bytes (rows x columns) and scales (rows x blocks)."""
        blocks = self._blocks(name, Q8_0)
        scales = np.ascontiguousarray(blocks[..., :2]).view(np.float16)[..., 0].astype(np.float32)
        return np.ascontiguousarray(blocks[..., 2:]).view(np.int8).reshape(len(blocks), -1), scales

    def _blocks(self, name: str, size: int) -> NDArray[np.uint8]:
        data = np.asarray(self._tensors[f"{name}.weight"].data, dtype=np.uint8)
        return data.reshape(data.shape[0], -1, size)
