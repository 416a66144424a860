"""Benchmarks against other libraries, on the same database and in turns: ``make bench``."""
