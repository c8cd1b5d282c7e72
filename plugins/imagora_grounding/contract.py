"""What `imagora plugin test grounding` runs: the guardrail drops sentences that no passage supports."""

import asyncio
from typing import ClassVar

from imagora import Passage
from imagora.stages import Guardrail, Place, Scope, Verdict
from imagora.testing import GuardrailContract
from imagora.testing.golden import PICTURES
from llama_index.core.schema import TextNode

_KNOWN = (*(f"a drawing of a {words}" for words in PICTURES), "It is a drawing of a red circle.", "Straße two blanks")


class TestGrounding(GuardrailContract):
    """A number, a name and a whole sentence that the passages do not have."""

    component = "grounding"
    options: ClassVar = {"action": "drop"}
    places = ("answer",)
    dirty_texts = (
        ("The red circle weighs 77 kg. It is a red circle.", "77 kg"),
        ("It is a red circle. It was painted by Ada Brunn.", "Ada Brunn"),
        ("Elephants live in herds and eat grass. It is a red circle.", "Elephants"),
    )

    def check(self, stage: Guardrail, texts: list[str], place: Place = "query") -> list[Verdict]:
        """Check them against passages that tell of the golden set."""
        shown = tuple(Passage(node=TextNode(text=words), score=1.0) for words in _KNOWN)
        return asyncio.run(stage.acheck(texts, place, Scope(passages=shown)))
