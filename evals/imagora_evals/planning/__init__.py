"""`imagora plan`: what a recipe needs of machines for so many items and queries, each figure with its formula."""
