"""Tools on recipes: what a change of one costs, what one ran with, how it looks."""
