"""What a live database has that its migrations do not make, and the other way round."""

from skilltree.migrate.drift import Difference, Drift, drift

__all__ = ["Difference", "Drift", "drift"]
