"""Recipes: YAML read with positions, inherited, checked against the catalog, and turned into a plan."""
