"""Generates the twins of query files for a cluster."""
