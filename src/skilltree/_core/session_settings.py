"""The session settings that results depend on. They are pinned, whatever the server, role or environment sets."""

import os
import re
from collections.abc import Iterable

PINNED = {
    "DateStyle": "ISO, MDY",
    "IntervalStyle": "postgres",
    "TimeZone": "UTC",
    "array_nulls": "on",
    "bytea_output": "hex",
    "default_transaction_isolation": "read committed",
    "extra_float_digits": "1",
    "gin_fuzzy_search_limit": "0",
    "plan_cache_mode": "force_generic_plan",
    "row_security": "on",
    "search_path": "public, pg_temp",
    "standard_conforming_strings": "on",
    "transform_null_equals": "off",
}

UNSEEN = ("plan_cache_mode",)
"""What no result depends on. Behind a pooler only transactions carry it: no statement becomes one for its sake."""

FOLLOWED = ("DateStyle", "TimeZone", "standard_conforming_strings")
"""The settings that a pooler tracks for each of its clients, on whatever session their next transaction runs."""

ISOLATION = "default_transaction_isolation"
"""The setting that each of our transactions makes in its own BEGIN."""

_OPTION = re.compile(r"(?:-c\s*|--)([A-Za-z_-]+)=")


def options(parts: dict[str, object]) -> str:
    """Return the options of a connection string, or if it has none, those of the environment variable PGOPTIONS."""
    return str(parts.get("options") or os.environ.get("PGOPTIONS") or "")


def kept(parts: dict[str, object]) -> frozenset[str]:
    """Return the settings that the connection string itself makes, in lower case. They are not pinned."""
    return frozenset(name.lower().replace("-", "_") for name in _OPTION.findall(str(parts.get("options") or "")))


def pinned(names: Iterable[str]) -> dict[str, object]:
    """Return the parameters of the query that pins these settings."""
    listed = list(names)
    return {"names": listed, "settings": [PINNED[name] for name in listed]}
