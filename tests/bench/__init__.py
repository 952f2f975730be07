"""Benchmarks: `make bench`. Medians of five, interleaved, ratios from one run; absolute figures are this machine's."""
