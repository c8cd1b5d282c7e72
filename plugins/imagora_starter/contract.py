"""What `imagora plugin test starter` runs: the embedder and the generator out of packages."""

from imagora.testing import EmbedderContract, GeneratorContract


class TestStarter(EmbedderContract):
    """Pictures and words of one space. It knows photographs of single objects, and drawn shapes hardly."""

    component = "starter"
    pictures = meaning = True


class TestExtractive(GeneratorContract):
    """It quotes passages, and cites only them."""

    component = "extractive"
    cites_only_passages = True
