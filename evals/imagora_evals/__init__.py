"""What is measured of Imagora, and how: each module is run with `python -m imagora_evals.NAME` and prints a table."""
