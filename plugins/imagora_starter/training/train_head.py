"""Train the starter's picture head on Debian's openclipart and write the weights the plugin ships.

apt install openclipart-png openclipart-svg
PYTHONPATH=plugins python -m imagora_starter.training.train_head
"""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from itertools import compress
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from timm.layers.mlp import Mlp

from imagora_starter.training.clipart import Drawing, drawings, is_development
from imagora_starter.training.conse import Mix, class_texts, conse, mixed, unit, without
from imagora_starter.training.features import view_features
from imagora_starter.training.head import Study, apply, folded, train
from imagora_starter.training.kernel import Kernel, class_patterns, taught
from imagora_starter.training.minilm import Words, model_folder
from imagora_starter.training.ranking import recall
from imagora_starter.training.tower import Floats, classifier, weights_file

WEIGHTS = Path(__file__).parents[1] / "weights" / "picture_head.safetensors"
SENTENCE = 2
"""Which of a drawing's captions is 'A name.'"""


def main() -> None:
    """From drawings to weights, with the figures of the development set on the way."""
    options = arguments()
    torch.set_num_threads(2)
    options.cache.mkdir(parents=True, exist_ok=True)
    mix, words = Mix(), Words(options.cache)
    found = list(drawings(options.openclipart))[: options.limit]
    kept_back = np.array([is_development(drawing, options.seed) for drawing in found])
    print(f"{(~kept_back).sum()} drawings to learn from, {kept_back.sum()} for development")
    features = view_features(found, options.views, options.seed, options.cache)
    wordings = np.stack([words.embed(texts) for texts in zip(*(drawing.captions for drawing in found), strict=True)])
    learnt = features[:, ~kept_back]
    shared = shared_direction(wordings[SENTENCE, ~kept_back])
    class_text = without(class_texts(words.embed), shared)
    head = trained(learnt, unit(without(unit(wordings[:, ~kept_back].mean(axis=0)), shared)), class_text, options)
    folded(head, learnt[0].mean(axis=0), shared)
    judged = kept_back & ~has_copy(features[0], ~kept_back)
    classes = conse(logits(features[0, judged]), class_text, mix.temperature)
    report(head, list(compress(found, judged)), features[0, judged], classes, words)
    header = mix.to_metadata() | {
        "seed": str(options.seed),
        "training_drawings": str((~kept_back).sum()),
        "training_views": str(options.views),
        "efficientnet_lite0_sha256": checksum(weights_file()),
        "minilm_sha256": checksum(model_folder(options.cache) / "model.safetensors"),
    }
    save(head, class_text, header, options.out)


def shared_direction(sentences: Floats) -> Floats:
    """The direction of the mean sentence, along which no picture gets anything.

    All sentences lie some way along it, so it says nothing about which picture is meant. Taking it off pictures
    ranks them as taking it off the words would, and the words stay MiniLM's own.
    """
    mean = sentences.mean(axis=0)
    return np.asarray(mean / np.linalg.norm(mean), np.float32)


def trained(learnt: Floats, texts: Floats, class_text: Floats, options: argparse.Namespace) -> Mlp:
    """The head for centred features: the teacher is fitted to the plain views, the head to the teacher."""
    patterns = class_patterns(learnt[0], classifier()[0])
    mean = learnt[0].mean(axis=0)
    teacher = taught(learnt[0] - mean, texts, patterns, unit(class_text), Kernel())
    study = replace(Study(), rounds=options.rounds)
    return train(learnt - mean, patterns, teacher, study, options.seed)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="train the starter's picture head")
    parser.add_argument("--openclipart", type=Path, default=Path("/usr/share/openclipart"))
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "imagora-starter-training")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--limit", type=int, help="how many drawings at most")
    parser.add_argument("--views", type=int, default=4, help="how many views of each drawing")
    parser.add_argument("--rounds", type=int, default=Study.rounds, help="how often each input is seen")
    return parser.parse_args()


def logits(features: Floats) -> Floats:
    """ImageNet logits of pooled features."""
    weight, bias = classifier()
    return features @ weight.T + bias


def has_copy(features: Floats, learnt: NDArray[np.bool_], alike: float = 0.85) -> NDArray[np.bool_]:
    """Which drawings look like one that is learnt from: the same artist often drew a thing twice."""
    rows = unit(features)
    return np.asarray((rows @ rows[learnt].T).max(axis=1) >= alike)


def report(head: Mlp, kept_back: Sequence[Drawing], features: Floats, classes: Floats, words: Words) -> None:
    """Print words-to-picture recall on the development set for several weights of ConSE."""
    mine, names = apply(head, features), [drawing.name for drawing in kept_back]
    asked = words.embed([f"A {name}." for name in dict.fromkeys(names)])
    print(f"{len(names)} pictures, {len(asked)} queries")
    print("development set           R@1  R@10    MRR")
    print(f"ConSE alone             {recall(classes, asked, names)}")
    for weight in (0.0, 0.25, 0.5, 0.75, 1.0):
        print(f"MLP + {weight:4.2f} ConSE        {recall(mixed(mine, classes, weight), asked, names)}")


def save(head: Mlp, class_text: Floats, header: dict[str, str], out: Path) -> None:
    """Write head and class texts as fp16, with a header that says how they are used and made."""
    tensors = {key: value.half().contiguous() for key, value in head.state_dict().items()}
    tensors["class_text"] = torch.from_numpy(class_text).half()
    out.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, out, metadata=header)
    print(f"wrote {out}: {out.stat().st_size / 1e6:.1f} MB")


def checksum(file: Path) -> str:
    """SHA-256 of a file, so that weights are never joined to towers they were not trained with."""
    return sha256(file.read_bytes()).hexdigest()


if __name__ == "__main__":
    main()
