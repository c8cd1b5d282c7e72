"""What a recipe can say about the starter's parts, and what they are and are not."""

from __future__ import annotations

from imagora import Options
from pydantic import Field

ABOUT_EMBEDDER = (
    "Is: a real encoder that needs nothing but installed packages. Words go through all-MiniLM-L6-v2 as it is. "
    "Pictures go through EfficientNet-Lite0 (ImageNet); its features are mapped into MiniLM's space by a small head "
    "that was trained on public-domain drawings, and by the names of the ImageNet classes they look like. "
    "Is not: CLIP. It knows single objects; it is weak at colours, counts, scenes, people and abstract words. For "
    "production name a CLIP or SigLIP checkpoint (component 'clip')."
)
ABOUT_EXTRACTIVE = (
    "Is: a generator that picks, from the passages found, the sentences nearest to the question and cites them; where "
    "nothing is near enough it says so. It cannot make anything up. "
    "Is not: a language model. It neither reasons, counts nor rephrases, and it does not look at pictures itself; of a "
    "picture without words it can only say that it matches. For sentences name a vision-language model."
)


class StarterOptions(Options):
    """Options of the picture-and-word encoder."""

    threads: int = Field(default=0, ge=0, le=256, description="Threads for one model call; 0 is one for each core.")
    batch_size: int = Field(
        default=16, ge=1, le=512, description="Pictures or texts that go through the model at once."
    )


class ExtractiveOptions(Options):
    """Options of the extractive generator."""

    sentences: int = Field(default=2, ge=1, le=10, description="How many sentences an answer has at most.")
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
        default=0.2,
        ge=-1,
        le=1,
        description="A picture without words answers if its cosine with the question is at least this (starter).",
    )
