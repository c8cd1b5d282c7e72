"""What is measured of Imagora: each module is run with `python -m imagora_benchmarks.NAME` and prints a table."""
