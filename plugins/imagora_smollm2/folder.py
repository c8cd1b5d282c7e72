"""What onnxruntime-genai reads: a folder with the graph, its own config and the tokenizer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .graph import write
from .weights import Gguf

TOKENS = "tokenizer.json"


def fill(source: Path, folder: Path) -> None:
    """Write everything that one GGUF file becomes."""
    gguf = Gguf(source)
    write(gguf, folder / "model.onnx")
    for name, said in (
        ("genai_config.json", _config(gguf)),
        (TOKENS, _tokenizer(gguf)),
        ("tokenizer_config.json", _about_tokens(gguf)),
    ):
        (folder / name).write_text(json.dumps(said), encoding="utf-8")


def _config(gguf: Gguf) -> dict[str, Any]:
    decoder = {
        "session_options": {"log_id": "smollm2", "provider_options": []},
        "filename": "model.onnx",
        "head_size": gguf.head,
        "hidden_size": gguf.width,
        "inputs": {
            "input_ids": "input_ids",
            "attention_mask": "attention_mask",
            "past_key_names": "past_key_values.%d.key",
            "past_value_names": "past_key_values.%d.value",
        },
        "outputs": {
            "logits": "logits",
            "present_key_names": "present.%d.key",
            "present_value_names": "present.%d.value",
        },
        "num_attention_heads": gguf.heads,
        "num_hidden_layers": gguf.layers,
        "num_key_value_heads": gguf.key_heads,
    }
    model = {
        "type": "llama",
        "context_length": gguf.context,
        "vocab_size": gguf.vocabulary,
        "decoder": decoder,
        "bos_token_id": int(gguf.said("tokenizer.ggml.bos_token_id")),
        "eos_token_id": int(gguf.said("tokenizer.ggml.eos_token_id")),
        "pad_token_id": int(gguf.said("tokenizer.ggml.padding_token_id")),
    }
    return {"model": model, "search": {"max_length": gguf.context, "past_present_share_buffer": True}}


def _tokenizer(gguf: Gguf) -> dict[str, Any]:
    # SmolLM2 splits digits one by one, then as GPT-2 does; GGUF says so by a name.
    tokens = gguf.said("tokenizer.ggml.tokens")
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    added = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [{"id": number, "content": tokens[number], **added} for number in gguf.special],
        "normalizer": None,
        "pre_tokenizer": {
            "type": "Sequence",
            "pretokenizers": [{"type": "Digits", "individual_digits": True}, byte_level],
        },
        "post_processor": None,
        "decoder": byte_level,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": {token: number for number, token in enumerate(tokens)},
            "merges": gguf.said("tokenizer.ggml.merges"),
        },
    }


def _about_tokens(gguf: Gguf) -> dict[str, Any]:
    tokens = gguf.said("tokenizer.ggml.tokens")
    ends = {f"{name}_token": tokens[int(gguf.said(f"tokenizer.ggml.{name}_token_id"))] for name in ("bos", "eos")}
    return {
        "tokenizer_class": "GPT2Tokenizer",
        "add_prefix_space": False,
        "model_max_length": gguf.context,
        "chat_template": gguf.said("tokenizer.chat_template"),
        "unk_token": tokens[0],
        "clean_up_tokenization_spaces": False,
        **ends,
    }
