"""The toy plugin's embedders, which ship with the contracts."""

from imagora.testing.toy_embedders import OTHER_WORDS, PALETTE, ToyColour, ToyWords, words_of

__all__ = ["OTHER_WORDS", "PALETTE", "ToyColour", "ToyWords", "words_of"]
