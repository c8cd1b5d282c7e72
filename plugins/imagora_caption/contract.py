"""What `imagora plugin test caption` runs: captions by the toy generator, which sees nothing."""

from typing import ClassVar

from imagora.testing import PreparerContract


class TestCaption(PreparerContract):
    """It is asked for what it does with a generator's words, not for what the generator sees."""

    component = "caption"
    options: ClassVar = {"check_sight": False}
