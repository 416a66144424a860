"""Query files in the form in which they are sent."""

import pytest

from skilltree._core.queries import numbered, read
from skilltree.errors import MissingParameter


@pytest.mark.parametrize(
    ("statement", "sent", "parameters"),
    [
        (b"select 1", b"select 1", ()),
        (b"select %(b)s, %(a)s, %(b)s", b"select $1, $2, $1", ("b", "a")),
        (b"select mod(5, 2), 5 %% 2, '%%(a)s'", b"select mod(5, 2), 5 % 2, '%(a)s'", ()),
        ("select '\u00fc', %(a)s".encode(), "select '\u00fc', $1".encode(), ("a",)),
    ],
)
def test_parameters_are_numbered_in_the_order_of_their_first_use(
    statement: bytes, sent: bytes, parameters: tuple[str, ...]
) -> None:
    assert numbered(statement) == (sent, parameters)


def test_values_are_sent_in_that_order_without_unused_ones() -> None:
    query = read("progress/missing_prerequisites")

    assert query.parameters == ("skill_id", "user_id")
    assert query.values({"user_id": 1, "skill_id": 2, "tree_id": 3}) == [2, 1]
    with pytest.raises(MissingParameter, match="missing_prerequisites.sql needs the parameter user_id"):
        query.values({"skill_id": 2})
