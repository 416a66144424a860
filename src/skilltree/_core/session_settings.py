"""The settings of a session that statements and their results depend on, whatever server, role or environment set."""

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
"""What a pooler keeps for each of its clients, wherever their next transaction runs."""

ISOLATION = "default_transaction_isolation"
"""What each transaction that we begin says for itself."""

_OPTION = re.compile(r"(?:-c\s*|--)([A-Za-z_-]+)=")


def options(parts: dict[str, object]) -> str:
    """Return the options of a connection string, or those that libpq takes from the environment without any."""
    return str(parts.get("options") or os.environ.get("PGOPTIONS") or "")


def kept(parts: dict[str, object]) -> frozenset[str]:
    """Return the settings that a connection string sets itself, in lower case: those are what somebody wants."""
    return frozenset(name.lower().replace("-", "_") for name in _OPTION.findall(str(parts.get("options") or "")))


def pinned(names: Iterable[str]) -> dict[str, object]:
    """Return the parameters that set these settings."""
    listed = list(names)
    return {"names": listed, "settings": [PINNED[name] for name in listed]}
