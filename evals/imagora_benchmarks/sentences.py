"""Sentences of many subjects, made by code, to look for and to be found."""

from __future__ import annotations

SUBJECTS = (
    *("a red bicycle", "two sleeping cats", "the old lighthouse", "a bowl of lemons", "an empty classroom"),
    *("the night train", "a wooden violin", "three wet dogs", "a broken clock", "the harbour at dawn"),
    *("a field of poppies", "an astronaut", "the invoice for May", "a pair of boots", "a crowded market"),
    *("the frozen lake", "a chess board", "an owl on a branch", "a glass of beer", "the town hall"),
)
DOINGS = (
    *("leans on a wall", "was photographed from above", "is covered with snow", "belongs to my grandmother"),
    *("was painted in 1910", "is for sale at half its price", "stands beside a window", "was found in the attic"),
    *("has to be repaired before Monday", "makes the children laugh"),
)


def sentences() -> list[str]:
    """Give 200 sentences, each once, in a fixed order."""
    return [f"{subject} {doing}" for subject in SUBJECTS for doing in DOINGS]


def questions() -> list[str]:
    """Give 50 questions, none of which is one of the sentences: by halves of them, which many have alike."""
    asked = [f"do you have anything like {subject}?" for subject in SUBJECTS]
    asked += [f"what {doing}?" for doing in DOINGS]
    return [
        *asked,
        *(f"something that {doing}, but {SUBJECTS[place]}" for place, doing in enumerate(DOINGS)),
        *SUBJECTS[:10],
    ]
