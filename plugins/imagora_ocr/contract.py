"""What `imagora plugin test ocr` runs: the preparer, on few items, because it is slow."""

import pytest
from imagora import Item
from imagora.testing import PreparerContract
from imagora.testing.golden import ITEMS


class TestOcr(PreparerContract):
    """One drawing, words alone, and a drawing alone."""

    component = "ocr"

    @pytest.fixture
    def items(self) -> list[Item]:
        return [ITEMS[0], Item("only words", "some words"), Item("only a picture", picture=ITEMS[1].picture)]
