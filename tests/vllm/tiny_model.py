"""Write a tiny LLaVA with random weights, a megabyte, that vLLM serves: `tiny_model.py FOLDER`, run with vLLM's Python.

What it writes makes no sense, but all that a vision-language model has is there: a vision tower, a projector, a
language model, a tokenizer with a chat template and a processor; so other pictures lead to other words.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import CLIPVisionConfig, LlamaConfig, LlavaConfig, LlavaForConditionalGeneration, LlavaProcessor
from transformers import PreTrainedTokenizerFast as FastTokenizer
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

POSITIONS = 16384
SIDE, PATCH = 56, 14
TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n"
    "{% if message.content is string %}{{ message.content }}{% else %}{% for part in message.content %}"
    "{{ '<image>\n' if part.type == 'image' else part.text }}"
    "{% endfor %}{% endif %}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
TAUGHT = (
    "A red bicycle leans on the wall of a bakery in the morning.",
    "Three boats lie in a small harbour under a grey sky.",
    "Say what the pictures show, and cite each passage by its number, such as [1] and [2].",
)


def tokenizer() -> FastTokenizer:
    """Give a byte-level tokenizer, so that there is no text that it cannot take."""
    learned = Tokenizer(models.BPE())
    learned.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    learned.decoder = decoders.ByteLevel()
    special = ["<unk>", "<|im_start|>", "<|im_end|>", "<image>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=480, special_tokens=special, initial_alphabet=alphabet)
    learned.train_from_iterator(TAUGHT * 10, trainer)
    ends = {"bos_token": "<|im_start|>", "eos_token": "<|im_end|>", "pad_token": "<|im_end|>", "unk_token": "<unk>"}
    made = FastTokenizer(tokenizer_object=learned, **ends, extra_special_tokens={"image_token": "<image>"})
    made.chat_template = TEMPLATE
    return made


def config(words: FastTokenizer) -> LlavaConfig:
    """Give a model of two layers on each side."""
    ends = {"bos_token_id": words.bos_token_id, "eos_token_id": words.eos_token_id, "pad_token_id": words.eos_token_id}
    small = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2}
    eyes = CLIPVisionConfig(**small, image_size=SIDE, patch_size=PATCH, projection_dim=64)
    # A wide initial range: with the usual narrow one every prompt leads to nearly the same words.
    heads = {"num_key_value_heads": 1, "head_dim": 32, "max_position_embeddings": POSITIONS, "initializer_range": 0.2}
    speaks = LlamaConfig(**small, **heads, **ends, vocab_size=512, tie_word_embeddings=False)
    return LlavaConfig(
        vision_config=eyes,
        text_config=speaks,
        image_token_index=words.convert_tokens_to_ids("<image>"),
        image_seq_length=(SIDE // PATCH) ** 2,
        vision_feature_layer=-1,
        vision_feature_select_strategy="default",
        tie_word_embeddings=False,
    )


def write(folder: Path) -> None:
    """Write all that vLLM reads."""
    torch.manual_seed(4)
    words = tokenizer()
    model = LlavaForConditionalGeneration(config(words))
    # Never the likeliest token: an answer goes on until it is as long as it may be, or a grammar ends it.
    torch.nn.init.zeros_(model.lm_head.weight[words.eos_token_id])
    model.save_pretrained(folder)
    # vLLM looks for the names that the hub's checkpoints have.
    weights = folder / "model.safetensors"
    old, new = "vision_tower.", "vision_tower.vision_model."
    named = {name if new in name else name.replace(old, new, 1): value for name, value in load_file(weights).items()}
    save_file(named, weights, metadata={"format": "pt"})
    square = {"height": SIDE, "width": SIDE}
    pictures = CLIPImageProcessorPil(size={"shortest_edge": SIDE}, crop_size=square)
    processor = LlavaProcessor(
        image_processor=pictures,
        tokenizer=words,
        patch_size=PATCH,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=TEMPLATE,
    )
    processor.save_pretrained(folder)
    words.save_pretrained(folder)
    ends = {"bos_token_id": words.bos_token_id, "eos_token_id": words.eos_token_id, "pad_token_id": words.eos_token_id}
    (folder / "generation_config.json").write_text(json.dumps(ends))


if __name__ == "__main__":
    write(Path(sys.argv[1]))
