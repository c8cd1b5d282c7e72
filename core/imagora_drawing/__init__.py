"""A recipe as a picture: the road of an item and the road of a query, as SVG or as Mermaid text, made here."""
