"""`imagora sweep`: values of a recipe's options tried against each other, and the chosen ones as a recipe."""
