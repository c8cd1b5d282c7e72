"""Words-to-picture recall of the starter's encoder on the stamps of Debian's `tuxpaint-stamps-default`.

Queries are the captions (the first line of a stamp's .txt file, English); a caption should find its picture.
Everything but the folder `symbols` (letters, numbers, coins, chess pieces) counts as an object: 538 captioned
pictures and, because some captions stand under several pictures, 498 queries. Nothing was trained or chosen on
these pictures.

    apt install tuxpaint-stamps-default
    PYTHONPATH=plugins python evals/starter_recall.py
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from imagora_starter.training.encoder import Encoder
from imagora_starter.training.minilm import Words
from imagora_starter.training.ranking import Recall, recall
from numpy.typing import NDArray
from PIL import Image

Floats = NDArray[np.float32]
EmbedPictures = Callable[[list[Image.Image]], Floats]
EmbedWords = Callable[[list[str]], Floats]

STARTER = Path(__file__).resolve().parents[1] / "plugins" / "imagora_starter"
LEFT_OUT = ("symbols",)


@dataclass(frozen=True)
class Stamp:
    """One picture with the sentence under it."""

    file: Path
    caption: str


def stamps(root: Path, left_out: Sequence[str] = LEFT_OUT) -> list[Stamp]:
    """The captioned PNG stamps in the order of their file names, without the folders in `left_out`."""
    found = []
    for file in sorted(root.rglob("*.png")):
        text = file.with_suffix(".txt")
        if file.relative_to(root).parts[0] not in left_out and text.exists():
            found.append(Stamp(file, text.read_text("utf-8", "replace").split("\n")[0].strip()))
    return found


def measure(embed_pictures: EmbedPictures, embed_words: EmbedWords, chosen: Sequence[Stamp]) -> Recall:
    """Recall of the stamps' captions under two embedders whose unit vectors share a space."""
    vectors = embed_pictures([Image.open(stamp.file) for stamp in chosen])
    return recall(vectors, embed_words(queries(chosen)), [stamp.caption for stamp in chosen])


def queries(chosen: Sequence[Stamp]) -> list[str]:
    """Each caption once, in the order of the stamps."""
    return list(dict.fromkeys(stamp.caption for stamp in chosen))


def random_vectors(count: int, seed: int = 0) -> Floats:
    """Unit vectors without any meaning, as the floor of the table."""
    rows = np.random.default_rng(seed).standard_normal((count, 384))
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def main() -> None:
    """Print the table for the shipped weights."""
    parser = argparse.ArgumentParser(description="words-to-picture recall of the starter's encoder")
    parser.add_argument("--stamps", type=Path, default=Path("/usr/share/tuxpaint/stamps"))
    parser.add_argument("--weights", type=Path, default=STARTER / "weights" / "picture_head.safetensors")
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "imagora-starter-training")
    options = parser.parse_args()
    chosen, encoder, words = (
        stamps(options.stamps),
        Encoder(options.weights, options.cache),
        Words(options.cache),
    )
    names = words.embed([stamp.file.stem.replace("_", " ").replace("-", " ") for stamp in chosen])
    rows: dict[str, EmbedPictures] = {
        "random": lambda pictures: random_vectors(len(pictures)),
        "ConSE alone": encoder.conse,
        "MLP alone": encoder.mlp,
        "sum": encoder.embed,
        "MiniLM on file names": lambda pictures: names,
    }
    print(f"{len(chosen)} pictures, {len(queries(chosen))} queries\n{'':22}  R@1  R@10    MRR")
    for name, embed_pictures in rows.items():
        print(f"{name:22} {measure(embed_pictures, words.embed, chosen)}", flush=True)


if __name__ == "__main__":
    main()
