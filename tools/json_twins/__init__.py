"""Generates what ``db.json`` consists of, from the read methods, their queries and their models: ``docs/json.md``."""
