"""The reference of the schema: for each area, a diagram of its tables, and their columns."""

import json
import re
from pathlib import Path
from xml.sax.saxutils import escape

ROOT = Path(__file__).parents[2]

AREAS = {
    "Accounts": ("users", "user_profiles", "user_sessions", "user_tokens", "login_attempts"),
    "Catalogue": ("skill_categories", "skill_trees", "skills"),
    "Progress": ("user_skill_tree_progress", "user_skill_progress", "begun_trees", "user_activity_days"),
    "XP and achievements": ("levels", "xp_events", "achievements", "user_achievements", "achievement_backfills"),
    "Leaderboards": ("user_scores", "leaderboard_counts"),
    "Upkeep": ("audit_log", "shared_audit_log", "skilltree_migrations"),
}
_WIDTH, _GAP, _LINE, _HEAD = 340, 90, 20, 30
_TABLE = re.compile(r"^create (?:unlogged )?table (\w+) \((.*?)^\)", re.MULTILINE | re.DOTALL)
_REFERENCE = re.compile(r"FOREIGN KEY \(([\w, ]+)\) REFERENCES (\w+)\(")


def references() -> list[tuple[str, str, str]]:
    """Return each foreign key: its table, its columns, and the table that it refers to."""
    schema = (ROOT / "schema.sql").read_text()
    return [
        (table, columns, other) for table, body in _TABLE.findall(schema) for columns, other in _REFERENCE.findall(body)
    ]


def schema_pages() -> dict[str, str]:
    """Return the page and its diagrams, by their names below reference/."""
    tables: dict[str, dict[str, str]] = json.loads((ROOT / "queries" / "schema.json").read_text())["tables"]
    placed = {table for area in AREAS.values() for table in area}
    if placed != set(tables):
        raise ValueError(f"AREAS in tools/site/schema.py must have each table: {sorted(placed ^ set(tables))}")
    keys = references()
    pages: dict[str, str] = {}
    sections: list[str] = []
    for area, names in AREAS.items():
        file = f"schema-{area.lower().replace(' ', '-')}.svg"
        inside = [key for key in keys if key[0] in names and key[2] in names]
        pages[file] = _diagram(area, {name: tables[name] for name in names}, inside)
        words = "; ".join(
            f"`{table}.{columns}` refers to `{other}`" for table, columns, other in keys if table in names
        )
        listed = "".join(_table(name, tables[name]) for name in names)
        described = f"{words}.\n\n" if words else ""
        sections.append(f"## {area}\n\n![The tables of {area}]({file})\n\n{described}{listed}")
    pages["schema.md"] = (
        "# Schema\n\nThe tables of each area, from the schema of a migrated database. `schema.sql` in the checkout has"
        " all of it: constraints, functions, policies, grants. [Migrations](../migrations.md) gives the reasons.\n\n"
        + "\n".join(sections)
    )
    return pages


def _table(name: str, columns: dict[str, str]) -> str:
    rows = "\n".join(f"| `{column}` | {kind} |" for column, kind in columns.items())
    return f"### {name}\n\n| column | type |\n|---|---|\n{rows}\n\n"


def _diagram(area: str, tables: dict[str, dict[str, str]], keys: list[tuple[str, str, str]]) -> str:
    """Draw boxes in two columns, and a line from each foreign key to its table."""
    tops: dict[str, tuple[int, int]] = {}
    bottoms = [20, 20]
    for name, columns in tables.items():
        side = 0 if bottoms[0] <= bottoms[1] else 1
        tops[name] = (20 + side * (_WIDTH + _GAP), bottoms[side])
        bottoms[side] += _HEAD + _LINE * len(columns) + 10 + 30
    height, width = max(bottoms), 2 * _WIDTH + _GAP + 40
    drawn = []
    for table, key, other in keys:
        row = [*tables[table]].index(key.split(", ")[0])
        x, y = tops[table]
        to_x, to_y = tops[other]
        y, to_y = y + _HEAD + _LINE * row + 12, to_y + _HEAD // 2
        right = to_x > x or (to_x == x and x == 20)  # noqa: PLR2004 (the left column)
        start = x + _WIDTH if right else x
        end = to_x if to_x > x else to_x + _WIDTH if to_x < x else start
        bend = 40 if right else -40
        back = end - 40 if to_x > x else end + 40 if to_x < x else start + bend
        drawn.append(f'<path d="M{start} {y} C{start + bend} {y} {back} {to_y} {end} {to_y}" marker-end="url(#to)"/>')
    boxes = "".join(_box(name, columns, *tops[name]) for name, columns in tables.items())
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
        f' role="img" font-family="system-ui, sans-serif" font-size="13"><title>{escape(area)}</title>'
        '<defs><marker id="to" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
        '<path d="M0 0L8 4L0 8z" fill="#2f6f9f"/></marker></defs>'
        f'<rect width="{width}" height="{height}" fill="#fff"/>{boxes}'
        f'<g fill="none" stroke="#2f6f9f" stroke-width="1.5">{"".join(drawn)}</g></svg>'
    )


def _box(name: str, columns: dict[str, str], x: int, y: int) -> str:
    height = _HEAD + _LINE * len(columns) + 10
    lines = "".join(
        f'<text x="{x + 12}" y="{y + _HEAD + _LINE * number + 16}" fill="#222">{escape(column)}'
        f'<tspan fill="#5a5a5a"> {escape(_short(kind))}</tspan></text>'
        for number, (column, kind) in enumerate(columns.items())
    )
    return (
        f'<rect x="{x}" y="{y}" width="{_WIDTH}" height="{height}" rx="4" fill="#f7f9fb" stroke="#8aa"/>'
        f'<rect x="{x}" y="{y}" width="{_WIDTH}" height="{_HEAD}" rx="4" fill="#1f4e6f"/>'
        f'<text x="{x + 12}" y="{y + 20}" fill="#fff" font-weight="600">{escape(name)}</text>{lines}'
    )


def _short(kind: str) -> str:
    return kind.removesuffix(" not null").replace("timestamp with time zone", "timestamptz")
