"""The options of the guardrail `injection`."""

from __future__ import annotations

from typing import Literal

from imagora import Options
from pydantic import Field

ABOUT = """
Patterns in sixteen languages and signs of structure: role markers, chat templates' tokens, tool calls, hidden
characters, encoded text, pictures that carry data away. Each text is read several times: as it is, with lookalike
letters, numerals, scrambled and spaced words made plain, and with what is encoded in it decoded. Patterns find what is
known and its near relatives; an instruction in words of its own can pass, so keep the answer's guardrails, too.
`python -m imagora_benchmarks.injections` measures it.
"""


class InjectionOptions(Options):
    """How sure to be that a text carries an instruction to the model, and what is done with it."""

    action: Literal["mark", "drop", "refuse"] = Field(
        default="mark",
        description="mark: the instruction stays to be read, quoted, its words joined by ^ and its control tokens "
        "broken, so that a model does not follow it; drop: it is cut out; refuse: a passage is left out whole, a "
        "question is refused",
    )
    threshold: float = Field(
        default=0.5,
        gt=0.0,
        le=1.0,
        description="how sure to be, from 0 to 1; one weak sign alone scores 0.3 to 0.45, an order to ignore the "
        "instructions 0.9",
    )
