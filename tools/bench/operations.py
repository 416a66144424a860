"""The measured operations, their arguments, and how the results of different peers are compared."""

from collections.abc import Callable, Sequence
from datetime import datetime
from enum import Enum
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from psycopg import Connection
from pydantic import BaseModel

from skilltree.models.achievements import EarnedAchievement
from skilltree.models.base import Page
from skilltree.models.progress import Completion, MissingPrerequisite, TreeProgress
from skilltree.models.trees import LoadedTree, Tree, TreeHit
from tools.bench.data import SEARCHED, SLUG, Data
from tools.bench.peers import Peer
from tools.bench.statements import Loaded

Finish = Callable[[object], Any]
"""A function that awaits the result of an async peer."""


class Operation(NamedTuple):
    """A method of the peers, its arguments, and how many calls are timed together."""

    name: str
    title: str
    batch: int
    arguments: Callable[[Data], tuple[object, ...]]

    def call(self, peer: Peer) -> Callable[..., object]:
        """Return the method of a peer."""
        method: Callable[..., object] = getattr(peer, self.name)
        return method


OPERATIONS = (
    Operation("get", "get a tree by id", 40, lambda data: (data.tree_id,)),
    Operation("load", "load a tree of 100 skills", 2, lambda data: (SLUG, data.learner)),
    Operation("page", "page of 50 trees", 5, lambda data: ()),
    Operation("search", "search trees", 3, lambda data: (SEARCHED,)),
    Operation("progress", "progress in a tree", 20, lambda data: (data.learner, data.tree_id)),
    Operation("missing", "missing prerequisites", 3, lambda data: (data.learner, data.goal)),
    Operation("complete", "complete a skill", 4, lambda data: (data.new_learner(), data.root)),
    Operation("bulk", "10,000 rows of progress", 1, lambda data: (data.bulk(), data.tree_id)),
)

# The columns of rows that are tuples, in the order of the statements.
_TREE = tuple(Tree.model_fields)
_SKILL = (
    *("id", "skill_tree_id", "parent_skill_id", "name", "short_name", "description", "learning_objectives"),
    *("skill_type", "difficulty", "estimated_minutes", "xp_value", "dependencies", "dependents", "position_x"),
    *("position_y", "node_size", "content", "resources", "assessments", "is_active", "is_optional", "is_milestone"),
    *("created_at", "updated_at", "created_by", "updated_by"),
)
_WORK = (
    *("id", "user_id", "skill_id", "skill_tree_id", "status", "progress_percent", "time_spent_minutes"),
    *("attempts_count", "failed_attempts", "completion_method", "completion_score", "evidence_data", "unlocked_at"),
    *("started_at", "last_activity_at", "completed_at", "struggling_indicators", "engagement_score", "created_at"),
    "updated_at",
)
_TREE_PROGRESS = tuple(TreeProgress.model_fields)
_HIT = tuple(TreeHit.model_fields)
_MISSING = tuple(MissingPrerequisite.model_fields)
_AWARD = tuple(EarnedAchievement.model_fields)
# Fields that a loaded tree leaves out of its skills, because they are equal for all or belong to the tree.
_NOT_LOADED = {"skill_tree_id", "is_active", "created_at", "updated_at", "created_by", "updated_by"}
_ONLY_STORED = {"id", "user_id", "skill_id", "skill_tree_id", "created_at", "updated_at"}
_OF_THE_MOMENT = {name for name in _WORK + _TREE_PROGRESS if name.endswith("_at")} | {"id", "user_id"}


class Disagreement(Exception):
    """The work of a peer differs from the floor's."""


def check(peers: Sequence[Peer], operations: Sequence[Operation], data: Data, finish: Finish) -> None:
    """Run every operation of every peer once. Raises Disagreement if a result or a written row differs."""
    for operation in operations:
        expected: Any = None
        for peer in peers:
            arguments = operation.arguments(data)
            seen = [_SEEN[operation.name](finish(operation.call(peer)(*arguments)))]
            if operation.name == "complete":
                seen += data.written(UUID(str(arguments[0])))
            if operation.name == "bulk":
                seen.append(brought(data.connection, arguments[0]))
            expected = expected or seen
            if seen != expected:
                raise Disagreement(f"{peer.name}: {operation.title}: {_first_difference(expected, seen)}")


def brought(connection: Connection[Any], rows: Any) -> list[tuple[object, ...]]:
    """Return a summary of the imported rows."""
    return connection.execute(
        """select count(*), count(distinct user_id), sum(progress_percent), sum(time_spent_minutes), min(status),
            max(status), sum(attempts_count), min(completion_method), count(completed_at), count(evidence_data)
        from user_skill_progress where user_id = any(%s)""",
        [list({row["user_id"] for row in rows})],
    ).fetchall()


def _get(tree: Any) -> object:
    return _named(tree, _TREE)


def _load(loaded: Any) -> object:
    if isinstance(loaded, LoadedTree):
        loaded = Loaded(loaded, [(skill, skill.progress) for skill in loaded.skills], loaded.progress)
    skills = [
        (
            _named(skill, _SKILL, without=_NOT_LOADED),
            _named(work, _WORK, without=_ONLY_STORED),
        )
        for skill, work in loaded.skills
    ]
    return [_named(loaded.tree, _TREE), skills, _named(loaded.progress, _TREE_PROGRESS)]


def _page(page: Any) -> object:
    items, cursor = (page.items, page.next_cursor) if isinstance(page, Page) else page
    return [_named(tree, _TREE) for tree in items], cursor is None


def _search(hits: Any) -> object:
    return [_named(hit, _HIT) for hit in hits]


def _progress(counted: Any) -> object:
    if isinstance(counted, BaseModel):
        counted = tuple(dict(counted).values())
    return _plain(msgspec.structs.astuple(counted) if isinstance(counted, msgspec.Struct) else counted)


def _missing(rows: Any) -> object:
    return [_named(row, _MISSING) for row in rows]


def _complete(done: Any) -> object:
    figures = tuple(name for name in Completion.model_fields if "xp" in name or "level" in name or "streak" in name)
    return [
        _named(done.progress, _WORK, without=_OF_THE_MOMENT),
        _named(done.tree_progress, _TREE_PROGRESS, without=_OF_THE_MOMENT),
        [_named(skill, ("id", "name")) for skill in done.unlocked],
        [_named(award, _AWARD, without={"xp", "earned_at"}) for award in done.achievements],
        [getattr(done, name) for name in figures],
    ]


_SEEN: dict[str, Callable[[Any], object]] = {
    "get": _get,
    "load": _load,
    "page": _page,
    "search": _search,
    "progress": _progress,
    "missing": _missing,
    "complete": _complete,
    "bulk": int,
}


def _named(row: Any, columns: Sequence[str], *, without: set[str] | frozenset[str] = frozenset()) -> object:
    """Return a row as values by name: of a tuple, a model or an ORM's object."""
    if row is None:
        return None
    names = [name for name in columns if name not in without]
    if hasattr(row, names[-1]):
        return {name: _plain(getattr(row, name)) for name in names}
    found = dict(zip(columns, row, strict=True))
    return {name: _plain(found[name]) for name in names}


def _plain(value: object) -> object:  # noqa: PLR0911 (a list of cases)
    """Return a value in plain Python types, without those of its driver."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", by_alias=True, exclude_unset=True)
    if isinstance(value, msgspec.Struct):
        return msgspec.json.decode(msgspec.json.encode(value))
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, float):
        return round(value, 6)
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return value


def _first_difference(expected: Any, seen: Any, path: str = "") -> str:
    if isinstance(expected, dict) and isinstance(seen, dict) and expected.keys() == seen.keys():
        pairs = [(name, expected[name], seen[name]) for name in expected]
    elif isinstance(expected, (list, tuple)) and isinstance(seen, (list, tuple)) and len(expected) == len(seen):
        pairs = [(str(place), *pair) for place, pair in enumerate(zip(expected, seen, strict=True))]
    else:
        return f"at {path or 'the top'} {seen!r:.300}, not {expected!r:.300}"
    return next(_first_difference(one, other, f"{path}/{name}") for name, one, other in pairs if one != other)
