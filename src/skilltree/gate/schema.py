"""The gate's description of a database: read from a server, or from the committed file."""

import json
from dataclasses import asdict, dataclass, field

Columns = dict[str, str]
"""Column name to type. `` not null`` after the type means never null, `` ?`` means unknown."""

_OWNERS = {"users": "id", "audit_log": "subject_id"}
"""The columns with the user's id that have another name."""


@dataclass(frozen=True)
class Described:
    """A statement as the server describes it: types of parameters and result columns, and a digest of its text."""

    digest: str
    parameters: dict[str, str]
    columns: list[str]


@dataclass(frozen=True)
class Schema:
    """Tables, views, enums, functions, and every query file that the server can prepare."""

    tables: dict[str, Columns] = field(default_factory=dict)
    views: dict[str, Columns] = field(default_factory=dict)
    enums: dict[str, list[str]] = field(default_factory=dict)
    functions: dict[str, str] = field(default_factory=dict)
    queries: dict[str, Described] = field(default_factory=dict)
    volatile: list[str] = field(default_factory=list)
    """The functions of ours, and of the application, that may write."""
    owners: dict[str, str] = field(default_factory=dict)
    """The tables with a foreign key to a learner's account, and its column."""

    def relation(self, name: str) -> Columns | None:
        """Return the columns of a table or view."""
        return self.tables.get(name) or self.views.get(name)

    def table_function(self, name: str) -> list[tuple[str, str]] | None:
        """Return the columns of one of our functions that returns a table."""
        result = next((result for known, result in self.functions.items() if known.startswith(f"{name}(")), "")
        if not result.startswith("TABLE("):
            return None
        return [(column, kind) for column, _, kind in (part.partition(" ") for part in result[6:-1].split(", "))]

    def owner_column(self, name: str) -> str | None:
        """Return the column of a per-user table or view that holds the user's id."""
        if name in _OWNERS:
            return _OWNERS[name]
        return "user_id" if "user_id" in (self.relation(name) or {}) else None


def to_text(schema: Schema) -> str:
    """Return the text to commit: always the same for the same schema, with one item a line."""
    return json.dumps(asdict(schema), indent=2, ensure_ascii=False) + "\n"


def from_text(text: str) -> Schema:
    """Return the schema of a description. Raises ValueError for any other text."""
    try:
        fields = json.loads(text)
        queries = {name: Described(**described) for name, described in fields.pop("queries").items()}
        return Schema(**fields, queries=queries)
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"not a description of the schema: {error}") from error
