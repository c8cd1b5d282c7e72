"""`imagora bench`: how fast a recipe answers, and how many at once."""
