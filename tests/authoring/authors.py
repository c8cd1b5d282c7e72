"""Four authors: what each writes into the project that `imagora plugin new` began, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Author:
    """A plugin's name and kind, and edits: a file, what stood there, and what is written instead.

    line: the line of the recipe that is changed, and what it becomes.
    """

    name: str
    kind: str
    edits: tuple[tuple[str, str, str], ...]
    line: tuple[str, str]

    def write(self, project: Path) -> int:
        """Make the edits, and count the lines that were written by hand."""
        written = 0
        for file, before, after in self.edits:
            path = project / f"imagora_{self.name}" / file
            text = path.read_text("utf-8")
            assert text.count(before) == 1, (file, before)
            path.write_text(text.replace(before, after), "utf-8")
            stood = [line.strip() for line in before.splitlines()]
            written += sum(1 for line in after.splitlines() if line.strip() and line.strip() not in stood)
        return written


GENERATOR = Author(
    "first_words",
    "generator",
    (
        ("__init__.py", '"what it does, in a few words"', '"quotes the first words of the best passages"'),
        (
            "__init__.py",
            """    passages: int = Field(default=1, ge=1, description="How many passages are quoted.")
""",
            """    passages: int = Field(default=2, ge=1, description="How many passages are quoted.")
    words: int = Field(default=6, ge=1, description="How many words of each are quoted.")
""",
        ),
        (
            "__init__.py",
            "FirstWords(passages=options.passages)",
            "FirstWords(**options.model_dump())",
        ),
        ("generator.py", "    passages: int\n", "    passages: int\n    words: int\n"),
        (
            "generator.py",
            '"""Quotes the first passages, each with its number."""',
            '"""Quotes the first words of passages."""',
        ),
        (
            "generator.py",
            r'" ".join(re.sub(r"\[\d+\]", "", passage.get_content()).split())',
            "self.shortened(passage.get_content())",
        ),
        (
            "generator.py",
            "    def chat(self",
            r'''    def shortened(self, text: str) -> str:
        """Give the first words of a text, without numbers that look like citations."""
        words = re.sub(r"\[\d+\]", "", text).split()
        return " ".join(words[: self.words]) + (" …" if len(words) > self.words else "")

    def chat(self''',
        ),
    ),
    ("generator: {use: extractive}", "generator: {use: first_words}"),
)
RETRIEVER = Author(
    "near_best",
    "retriever",
    (
        ("__init__.py", '"what it does, in a few words"', '"only passages that are nearly as good as the best"'),
        (
            "__init__.py",
            """    top_k: int""",
            """    least: float = Field(default=0, ge=0, le=1, description="The least share of the best score.")
    top_k: int""",
        ),
        (
            "__init__.py",
            "NearBest(options.top_k, context.embedders, context.index)",
            "NearBest(options.top_k, options.least, context.embedders, context.index)",
        ),
        (
            "retriever.py",
            "def __init__(self, top_k: int, embedders: Mapping[str, Embedder], index: Index) -> None:",
            "def __init__(self, top_k: int, least: float, embedders: Mapping[str, Embedder], index: Index) -> None:",
        ),
        (
            "retriever.py",
            "self.top_k, self.embedders, self.index = top_k, embedders, index",
            "self.top_k, self.least, self.embedders, self.index = top_k, least, embedders, index",
        ),
        (
            "retriever.py",
            "        return [passage_of(hit) for hit in hits]\n",
            """        best = max((hit.score for hit in hits), default=0.0)
        return [passage_of(hit) for hit in hits if hit.score >= self.least * best]
""",
        ),
    ),
    ("retriever: {use: hybrid}", "retriever: {use: near_best, least: 0.99}"),
)
RERANKER = Author(
    "shortest",
    "reranker",
    (
        ("__init__.py", '"what it does, in a few words"', '"the shortest passage first"'),
        ("reranker.py", "Puts passages first that have more of the query's words.", "Puts short passages first."),
        (
            "reranker.py",
            "        return len(asked & _words(text)) / (len(asked) or 1)\n",
            "        return 1 / (1 + len(text.split()))\n",
        ),
    ),
    ("rerankers: []", "rerankers: [{use: shortest}]"),
)
GUARDRAIL = Author(
    "no_prices",
    "guardrail",
    (
        ("__init__.py", '"what it does, in a few words"', '"prices do not pass"'),
        ("__init__.py", r'default=r"\b[A-Z]{2}-\d{4}\b"', r'default=r"\d+ euros?\b"'),
        (
            "contract.py",
            '(("see ticket AB-1234", "AB-1234"), ("CD-5678 is open", "CD-5678"), ("EF-9012", "EF-9012"))',
            '(("it costs 12 euros", "12 euros"), ("1 euro each", "1 euro"), ("from 99 euros on", "99 euros"))',
        ),
    ),
    ("guardrails: {answer: []}", "guardrails: {answer: [{use: no_prices}]}"),
)
AUTHORS = (GENERATOR, RETRIEVER, RERANKER, GUARDRAIL)
