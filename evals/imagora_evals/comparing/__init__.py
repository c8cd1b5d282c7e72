"""Whether one run is better than another: both on the same suite, paired by query."""
