"""The differences between a live database and what its migrations create."""

from skilltree.migrate.drift import Difference, Drift, drift

__all__ = ["Difference", "Drift", "drift"]
