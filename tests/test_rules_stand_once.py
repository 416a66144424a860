"""The rules of the domain stand in one place: docs/decisions/0084-each-rule-once.md lists where."""

import re
from pathlib import Path

QUERIES = Path(__file__).parents[1] / "queries"

MOST_LINES = 350
# Each with its reason in the decision.
LONGER = {"catalog/fingerprint", "progress/complete_skill", "trees/import_tree"}

SATISFIED = re.compile(r"'COMPLETED',\s*'SKIPPED'|'SKIPPED',\s*'COMPLETED'")


def files() -> dict[str, str]:
    return {str(path.relative_to(QUERIES).with_suffix("")): path.read_text() for path in QUERIES.glob("*/*.sql")}


def test_only_the_schema_says_when_a_skill_is_satisfied() -> None:
    assert [name for name, text in files().items() if SATISFIED.search(text)] == []


def test_only_the_decision_s_query_files_are_long() -> None:
    assert {name for name, text in files().items() if text.count("\n") > MOST_LINES} == LONGER
