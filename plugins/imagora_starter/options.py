"""What a recipe can say about the starter's parts, and what they are and are not."""

from __future__ import annotations

from typing import Literal

from imagora import Options
from pydantic import Field

ABOUT_EMBEDDER = (
    "Is: a real encoder that needs nothing but installed packages. Words go through all-MiniLM-L6-v2 as it is; "
    "texts of more than 256 tokens in windows, whose vectors are averaged (at most 64 of them, some 10,000 "
    "words). Pictures go through EfficientNet-Lite0 (ImageNet); a small head, trained on public-domain drawings, "
    "and the names of the ImageNet classes that a picture looks like bring them into MiniLM's space. Both run on "
    "ONNX Runtime; the first use exports them, which takes some seconds.\nIs not: CLIP. It knows single objects; "
    "it is weak at colours, counts, scenes, people, textures and abstract words, and words in other languages "
    "than English. For production name a CLIP or SigLIP checkpoint (component 'clip')."
)
ABOUT_EXTRACTIVE = (
    "Is: a generator that quotes sentences of the passages found, cited, and cannot make anything up. A passage "
    "answers if its words are near the question's (cosine of MiniLM's vectors, plus up to 0.1 for words in "
    "common); its sentences nearest to the question are quoted. A picture without words answers if the retriever "
    "found it near the question, and all that is said is that it matches. Where nothing is near enough, the "
    "answer is that nothing answers.\nIs not: a language model. It neither reasons, counts, negates nor "
    "rephrases, does not look at pictures itself, and does not check that a quoted sentence really answers: one "
    "that is about the same thing is near, too. Judged by 42 questions about the demo's 18 prints on which no "
    "threshold was chosen: the first citation was right for 18 of 19 that words answer, and 16 of 16 that no "
    "print answers got none; of those that only a print without words answers, 3 of 7. The default thresholds are "
    "for MiniLM and the embedder 'starter'. For sentences of its own name a vision-language model."
)


class StarterOptions(Options):
    """Options of the picture-and-word encoder."""

    threads: int = Field(
        default=0,
        ge=0,
        le=256,
        description="Threads for one model call; 0 is one for each core, one for words in 8 bits: more take longer.",
    )
    batch_size: int = Field(
        default=16, ge=1, le=512, description="Pictures or texts that go through the model at once."
    )
    backend: Literal["onnx", "onnx-int8"] = Field(
        default="onnx",
        description="How words and pictures go through their models: onnx with 32-bit numbers, onnx-int8 with 8-bit "
        "ones: words more than twice as fast, pictures one and a half times; other vectors, and so another index.",
    )
    long_text: Literal["split", "cut", "refuse"] = Field(
        default="split",
        description="What becomes of a text of more than the 256 tokens that the model reads: split embeds every part "
        "(at most 64) and takes the mean of their unit vectors, cut drops the end and counts it, refuse is an error.",
    )


class ExtractiveOptions(Options):
    """Options of the extractive generator."""

    sentences: int = Field(
        default=2,
        ge=1,
        le=10,
        description="How many sentences an answer has at most, the lines about pictures without words among them.",
    )
    threads: int = Field(
        default=0, ge=0, le=256, description="Threads for one model call; 0 is one for each core. As the embedder's."
    )
    words_threshold: float = Field(
        default=0.46,
        ge=-1,
        le=1,
        description="A passage with words answers if its words' cosine with the question (MiniLM), plus up to 0.1 for "
        "words in common, is at least this.",
    )
    picture_threshold: float = Field(
        default=0.3,
        ge=-1,
        le=1,
        description="A picture without words answers if its cosine with the question is at least this (starter).",
    )
