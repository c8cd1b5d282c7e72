"""A recipe of toys for evals, without any model, and the words of a small suite of coloured squares and notes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

RECIPE: dict[str, Any] = {
    "recipe": 1,
    "embedders": {"image": {"use": "toy_colour"}, "sparse": {"use": "toy_words"}},
    "index": {"use": "toy_memory", "path": "index.json"},
    "retriever": {"use": "toy_retriever", "top_k": 4, "fusion": "weighted"},
    "generator": {"use": "toy_quote"},
}
COLOURS = {"red": (220, 30, 30), "blue": (30, 60, 220), "green": (30, 160, 60)}
QUERIES: list[dict[str, Any]] = [
    {"id": "red", "text": "red", "slices": {"language": "en"}, "answer": "red square"},
    {"id": "note", "text": "lemon", "slices": {"language": "en"}, "answer": "Buy a lemon."},
    {"id": "rot", "text": "rot", "slices": {"language": "de"}},
    {"id": "picture", "pictures": ["asked/blue.png"], "slices": {"kind": "picture"}},
    {"id": "none", "text": "elephants", "slices": {"language": "en"}, "refuse": True},
]
GRADES = "red 0 red.png 2\nnote 0 note.txt 2\nnote 0 red.png 0\nrot 0 red.png 2\npicture 0 blue.png 2\n"


def written(sections: dict[str, Any], name: str = "toys.yaml") -> Path:
    """Write a recipe of toys with other sections; None takes one away."""
    whole = {key: value for key, value in {**RECIPE, **sections}.items() if value is not None}
    Path(name).write_text(json.dumps(whole))
    return Path(name)
