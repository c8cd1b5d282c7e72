"""A recipe as text: each value with who said it, what it stands over, and the defaults."""
