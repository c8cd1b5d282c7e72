"""What `imagora plugin test early_fusion` runs: the embedder around the starter's."""

from importlib.util import find_spec
from typing import ClassVar

import pytest
from imagora.testing import EmbedderContract


@pytest.mark.skipif(not find_spec("timm"), reason="it needs an embedder of pictures: pip install 'imagora[starter]'")
class TestEarlyFusion(EmbedderContract):
    """Pictures and words as the embedder within it has them."""

    component = "early_fusion"
    options: ClassVar = {"of": {"use": "starter"}}
    pictures = True
