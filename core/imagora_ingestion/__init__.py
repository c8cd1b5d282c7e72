"""The road of an item: from a source through decoder, preparers and embedders to an index, with a ledger."""
