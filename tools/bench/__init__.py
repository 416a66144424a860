"""Benchmarks against peers, on the same database, interleaved: ``make bench``."""
