"""Frozen Pydantic models, one module per aggregate."""
