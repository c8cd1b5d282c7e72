"""The toy plugin's index, which ships with the contracts."""

from imagora.testing.toy_index import ToyGenerations, ToyMemory, holds, named, write

__all__ = ["ToyGenerations", "ToyMemory", "holds", "named", "write"]
