"""Recognizers that find what Presidio's own miss, or that reach no network where Presidio's do."""
