"""A real cross-encoder in a folder, made from a package: MiniLM's lowest layers with a head that learns for seconds.

It learns one thing, whether a text holds the query's noun, and is tested on nouns that it has not learned with.
"""

import random
from pathlib import Path

import pytest
import torch
from torch.nn.functional import softplus
from transformers import AutoTokenizer, BertForSequenceClassification, PreTrainedTokenizerBase

from .open_clip_folder import write_minilm

LAYERS = 2
STEPS = 100
RATE = 1e-3
NOUNS = [
    "apple",
    "arm",
    "bag",
    "ball",
    "bank",
    "bath",
    "bean",
    "bed",
    "bell",
    "belt",
    "bird",
    "blood",
    "boat",
    "bone",
    "book",
    "bottle",
    "bowl",
    "box",
    "boy",
    "branch",
    "bridge",
    "brush",
    "bucket",
    "bulb",
    "button",
    "cake",
    "card",
    "carriage",
    "cart",
    "chain",
    "cheese",
    "chest",
    "chin",
    "church",
    "circle",
    "cloth",
    "coat",
    "collar",
    "comb",
    "cord",
    "cow",
    "curtain",
    "door",
    "drain",
    "drawer",
    "dress",
    "ear",
    "egg",
    "engine",
    "eye",
    "face",
    "farm",
    "feather",
    "finger",
    "fish",
    "flag",
    "floor",
    "fly",
    "foot",
    "fork",
    "fowl",
    "frame",
    "garden",
    "girl",
    "glove",
    "goat",
    "gun",
    "hair",
    "hammer",
    "hand",
    "hat",
    "head",
    "heart",
    "hook",
    "horn",
    "hospital",
    "island",
    "jewel",
    "kettle",
    "key",
    "knee",
    "knife",
    "knot",
    "leaf",
    "leg",
    "library",
    "line",
    "lip",
    "lock",
    "map",
    "match",
    "monkey",
    "mouth",
    "muscle",
    "nail",
    "neck",
    "needle",
    "nerve",
    "net",
    "nose",
    "nut",
    "office",
    "orange",
    "oven",
    "parcel",
    "pen",
    "pencil",
    "picture",
    "pig",
    "pin",
    "pipe",
    "plane",
    "plate",
    "plough",
    "pocket",
    "pot",
    "potato",
    "prison",
    "pump",
    "rail",
    "rat",
    "receipt",
    "ring",
    "rod",
    "roof",
    "root",
    "sail",
    "school",
    "scissors",
    "screw",
    "seed",
    "sheep",
    "shelf",
    "ship",
    "shirt",
    "shoe",
    "skin",
    "skirt",
    "snake",
    "sock",
    "spade",
    "sponge",
    "spoon",
    "spring",
    "square",
    "stamp",
    "star",
    "station",
    "stem",
    "stick",
    "stocking",
    "stomach",
    "store",
    "street",
    "sun",
    "table",
    "tail",
    "thread",
    "throat",
    "thumb",
    "ticket",
    "toe",
    "tongue",
    "tooth",
    "town",
    "train",
    "tray",
    "trousers",
    "umbrella",
    "wall",
    "watch",
    "wheel",
    "whip",
    "whistle",
    "window",
    "wing",
    "wire",
    "worm",
]
SHAPES = ("a {}", "{}", "the {} on the left", "an old {}\nseen from above", "a drawing of a {}", "{} and a lake")


@pytest.fixture(scope="session")
def cross_encoder_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder, made once for all tests that ask for it."""
    return write_cross_encoder_folder(tmp_path_factory.mktemp("cross_encoder") / "tiny")


def write_cross_encoder_folder(folder: Path) -> Path:
    """Cut MiniLM down, give it a head of one score, teach it and save it."""
    write_minilm(folder)
    torch.manual_seed(7)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = BertForSequenceClassification.from_pretrained(folder, num_labels=1, num_hidden_layers=LAYERS).eval()
    teach(model, tokenizer)
    for file in folder.iterdir():
        if file.is_file():
            file.unlink()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def teach(model: BertForSequenceClassification, tokenizer: PreTrainedTokenizerBase) -> None:
    """Show a query with a text that holds its noun and one that does not, and raise the one above the other."""
    dice = random.Random(7)
    model.bert.embeddings.requires_grad_(False)  # most of the weights, and not needed for nouns that were not shown
    optimiser = torch.optim.AdamW((weight for weight in model.parameters() if weight.requires_grad), lr=RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=STEPS, pct_start=0.2)
    for _ in range(STEPS):
        pairs = [pair for _ in range(12) for pair in lesson(dice)]
        queries, texts = (list(column) for column in zip(*pairs, strict=True))
        scores = model(**tokenizer(queries, texts, padding=True, return_tensors="pt")).logits.view(-1, 2)
        loss = softplus(scores[:, 1] - scores[:, 0]).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()


def lesson(dice: random.Random) -> list[tuple[str, str]]:
    """A query with a text that holds its noun, and the same query with the same text about another noun."""
    asked, other = dice.sample(NOUNS, 2)
    query, shape = dice.choice(SHAPES[:2]).format(asked), dice.choice(SHAPES)
    return [(query, shape.format(asked)), (query, shape.format(other))]
