"""Every method with hostile arguments: it raises one of our errors and writes nothing, or stores the exact value.

Methods and their arguments are found by reflection, so new ones are covered without an edit. Each repository gets 150
calls; ``SKILLTREE_HOSTILE=10000`` makes 10,000.
"""

import inspect
import os
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from functools import cache
from time import monotonic
from typing import get_args, get_type_hints
from unicodedata import normalize
from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from pydantic.alias_generators import to_camel
from typing_extensions import is_typeddict

from _async.factories import TABLES, add_achievement, add_skills, add_tree, add_user, all_rows_fingerprint, rows, value
from hostile import HOSTILE
from skilltree import AsyncDatabase
from skilltree._async.database import AsyncRepositories
from skilltree._async.repository import AsyncRepository
from skilltree._core.arguments import checks_of
from skilltree._core.invariants import INVARIANTS
from skilltree.errors import DatabaseFailure, PermissionDenied, SkillTreeError
from skilltree.models.base import Document, Model

MOST_SECONDS = 5
CALLS = int(os.environ.get("SKILLTREE_HOSTILE", "150"))
NOW = datetime.now(UTC)
UNKNOWN = UUID(int=7)

# Valid values by the name or type of an argument. The other arguments need them, or a call fails too early.
BY_NAME = {
    "slug": ["web", "new"],
    "email": ["ada@example.org", "new@example.org"],
    "username": ["ada", "new"],
    "password": ["correct horse"],
    "current": ["correct horse"],
    "new": ["battery staple"],
    "token": ["x" * 64],
    "bcrypt_cost": [4],
    "timezone": ["Europe/Lisbon"],
    "address": ["127.0.0.1", "::1"],
    "color": ["#4F46E5"],
    "badge_color": ["#4F46E5"],
    "node_size": [1],
    "text": ["html", '"web page" or -css'],
    "after": [None],
    "position": [(1.5, -2.0)],
    "on_batch": [None, lambda progress, learners: None],
    "invariants": [*INVARIANTS],
    "content": [
        {"type": "simple", "modules": [{"title": "", "type": "video", "estimatedMinutes": 1, "resources": []}]}
    ],
    "resources": [[{"type": "link", "title": "x", "url": "#page=2"}]],
    "assessments": [{"passingScore": 50, "questions": [{"prompt": "?", "type": "text", "answers": ["x"]}]}],
    "criteria": [{"type": "xp_threshold", "threshold": 10}],
    "layout_config": [{"theme": "modern", "zoom": [1, {"x": None}]}],
    "theme_config": [{"icon": "x"}],
    "preferences": [{"theme": "dark", "shown": {"tips": True}}],
    "device_info": [{"os": "x"}],
    "evidence": [{"type": "text", "content": "x", "metadata": {"pages": [1, 2]}}],
    "struggling_indicators": [{"hintsUsed": 1}],
    "tree": [{"slug": "web", "name": "Web", "category": "Programming", "skills": [{"key": "html", "name": "HTML"}]}],
}
DOCUMENTS = {name for name, examples in BY_NAME.items() if isinstance(examples[0], dict)} | {"resources", "rows"}
# A failed log-in is counted, and a backfill keeps the batches that it has reported.
WRITES_BEFORE_IT_REFUSES = {"authenticate", "log_in", "change_password", "request_email_change", "backfill"}
CALLERS_OWN = {"on_batch", "rows"}
BY_TYPE = {
    str: ["text"],
    int: [1, 5],
    float: [1.5],
    bool: [True, False],
    datetime: [NOW - timedelta(hours=1)],
    date: [NOW.date(), NOW.date() - timedelta(days=2)],
    timedelta: [timedelta(hours=1)],
}


class Unconnected(AsyncRepositories):
    async def run(self, steps):
        raise AssertionError("nothing is run here")

    def stream(self, step):
        raise AssertionError("nothing is run here")


REPOSITORIES = {name: getattr(Unconnected(), name) for name in Unconnected.attached}


# These change the schema, which this test does not restore. test_audit tests their arguments.
OF_THE_SCHEMA = {"ensure_partitions", "drop_partitions"}


def methods_of(repository):
    methods = {name for name, _ in inspect.getmembers(repository, inspect.ismethod) if not name.startswith("_")}
    return sorted(methods - OF_THE_SCHEMA - {*dir(AsyncRepository)})


def arguments_of(method):
    """Return the arguments of a method with their types, and the names of those that must be given."""
    hints = get_type_hints(inspect.unwrap(method.__func__))
    arguments, needed = {}, set()
    for name, parameter in inspect.signature(method).parameters.items():
        fields = next(filter(is_typeddict, get_args(hints[name])), None)
        arguments |= {name: hints[name]} if fields is None else get_type_hints(fields)
        if parameter.default is parameter.empty and parameter.kind is not parameter.VAR_KEYWORD:
            needed.add(name)
    return arguments, needed


class SampleRows:
    """Rows that the calls work on. They are restored after each call that wrote something."""

    def __init__(self, url, connection, databases):
        self.url = url
        self.connection = connection
        self.databases = databases

    async def build(self, db):
        ada, bob = await add_user(db), await add_user(db, "bob")
        tree = await add_tree(db)
        html, css, layout = await add_skills(db, tree, "html", "css", layout=["html"])
        achievement = await add_achievement(db)
        await db.progress.complete_skill(ada.id, html.id)
        started = await db.sessions.start(ada.id)
        self.learner = ada
        self.ids = {
            "UserId": [ada.id, bob.id],
            "CategoryId": [tree.category_id],
            "TreeId": [tree.id],
            "SkillId": [html.id, css.id, layout.id],
            "AchievementId": [achievement.id],
            "SessionId": [started.session.id],
        }
        await self.connection.execute("create schema kept")
        self.columns = {
            table: ", ".join(
                name
                for (name,) in await rows(
                    self.connection,
                    "select attname from pg_attribute"
                    " where attrelid = %s::regclass and attnum > 0 and not attisdropped and attgenerated = ''",
                    table,
                )
            )
            for table in TABLES
        }
        for table, columns in self.columns.items():
            await self.connection.execute(f"create table kept.{table} as select {columns} from {table}")
        self.print = await all_rows_fingerprint(self.connection)

    async def restore(self):
        statements = [f"delete from {table}" for table in TABLES]
        statements += [
            f"insert into {table} ({columns}) overriding system value select {columns} from kept.{table}"
            for table, columns in self.columns.items()
        ]
        await self.connection.execute(
            f"begin; set local session_replication_role = replica; {'; '.join(statements)}; commit"
        )

    async def transactions(self):
        """Return how many transaction ids have been assigned. Every transaction that writes gets one."""
        return await value(self.connection, "select pg_snapshot_xmax(pg_current_snapshot())::text::bigint")

    def valid_values(self, name, hint):
        """Return valid values for an argument."""
        if name == "rows":
            _, bob = self.ids["UserId"]
            return [[{"user_id": bob, "skill_id": self.ids["SkillId"][1], "status": "IN_PROGRESS"}], []]
        if name in BY_NAME:
            return BY_NAME[name]
        kinds = [kind for kind in (get_args(hint) or (hint,)) if kind is not type(None)]
        for kind in kinds:
            kind_of_ids = getattr(kind, "__name__", "")
            if kind_of_ids in self.ids:
                found = [*self.ids[kind_of_ids], UNKNOWN]
                return [[], found[:1], found[:2]] if "Sequence" in str(hint) else found
            if kind in BY_TYPE:
                return [[], ["text"]] if "Sequence" in str(hint) or "list" in str(hint) else BY_TYPE[kind]
            if isinstance(kind, type) and issubclass(kind, Enum):
                return [*kind, next(iter(kind)).value]
        return [{}]


@pytest.fixture
async def sample(_clone_async, connection):
    async with (
        AsyncDatabase(_clone_async, max_size=2, statement_timeout=MOST_SECONDS) as db,
        AsyncDatabase(f"{_clone_async} user=skilltree_app", max_size=2, statement_timeout=MOST_SECONDS) as app,
    ):
        sample = SampleRows(_clone_async, connection, (db, app))
        await sample.build(db)
        yield sample
        await connection.execute("drop schema kept cascade")


def repositories_for(sample, role):
    db, app = sample.databases
    return {
        "owner": lambda: db,
        "learner": lambda: app.as_user(sample.learner.id),
        "service": app.as_service,
        "nobody": lambda: app,
    }[role]()


@pytest.mark.parametrize("name", REPOSITORIES)
@settings(
    max_examples=CALLS,
    deadline=None,
    database=None,
    derandomize="SKILLTREE_HOSTILE" not in os.environ,
    suppress_health_check=[*HealthCheck],
)
@given(data=st.data())
async def test_hostile_arguments_are_refused_by_name_or_stored_as_given(sample, name, data):
    method = data.draw(st.sampled_from(methods_of(REPOSITORIES[name])), "method")
    role = data.draw(st.sampled_from(["owner", "learner", "service", "nobody"]), "as")
    call = getattr(getattr(repositories_for(sample, role), name), method)
    positional, named = draw_arguments(sample, data, call)
    before, started = await sample.transactions(), monotonic()

    error = None
    try:
        result = await answer_of(call, positional, named)
    except SkillTreeError as refusal:
        error = refusal
    except psycopg.Error:
        raise
    except Exception as own:
        # An exception raised by the caller's own function or generator passes through unchanged.
        if CALLERS_OWN.isdisjoint(named):
            raise
        error = own

    event(f"{method}: {'accepted' if error is None else type(error).__name__}")
    has_written = await sample.transactions() != before
    try:
        if error is None:
            assert_kept(result, named)
        else:
            assert not isinstance(error, DatabaseFailure) or isinstance(error, PermissionDenied), repr(error)
            assert not isinstance(error, SkillTreeError) or len(str(error)) < 5000
            if has_written and method not in WRITES_BEFORE_IT_REFUSES:
                assert await all_rows_fingerprint(sample.connection) == sample.print
    finally:
        if has_written:
            await sample.restore()
    assert monotonic() - started < 2 * MOST_SECONDS


async def answer_of(call, positional, named):
    answer = call(*positional, **named)
    if hasattr(answer, "ag_frame") or hasattr(answer, "gi_frame"):
        # An export is a stream.
        async for _ in answer:
            pass
        return None
    return await answer


def draw_arguments(sample, data, call):
    """Draw arguments for a method: one or two hostile ones, the others valid or not given."""
    arguments, needed = arguments_of(call)
    hostile = data.draw(st.sets(st.sampled_from(sorted(arguments)), min_size=1, max_size=2)) if arguments else ()
    named = {}
    for argument, hint in arguments.items():
        if argument in hostile:
            named[argument] = draw_hostile(sample, data, argument, hint)
        elif argument in needed or argument == "bcrypt_cost" or data.draw(st.booleans(), f"give {argument}"):
            choices = sample.valid_values(argument, hint)
            named[argument] = choices[data.draw(st.integers(0, len(choices) - 1), argument)]
    return ([named.pop("invariants")] if "invariants" in named else []), named


def draw_hostile(sample, data, argument, hint):
    """Draw a hostile value: of any type, of the right type, or inside a valid document."""
    if argument in DOCUMENTS and data.draw(st.booleans(), f"spoil {argument}"):
        return with_hostile_value(data, sample.valid_values(argument, hint)[0])
    fit = data.draw(st.booleans(), f"fit {argument}") and hostile_of_type(argument, hint)
    names = fit or list(HOSTILE)
    return HOSTILE[data.draw(st.sampled_from(names), argument)]()


@cache
def hostile_of_type(argument, hint):
    """Return the hostile values that have the right type."""

    def probe(self, argument):
        pass

    probe.__annotations__ = {"argument": hint}
    check = checks_of(probe)["argument"]
    return [name for name, make in HOSTILE.items() if check is not None and fits(check, make())]


def fits(check, value):
    try:
        check(value)
    except Exception:
        return False
    return True


def with_hostile_value(data, document):
    """Return the document with a hostile value at a random place."""
    kinds = ["replace"]
    if isinstance(document, (dict, list)) and document:
        kinds += ["within"] * 2
    if isinstance(document, dict):
        kinds += ["add"]
    kind = data.draw(st.sampled_from(kinds))
    if kind == "within":
        place = data.draw(st.sampled_from(sorted(document) if isinstance(document, dict) else [0]))
        inner = {place: with_hostile_value(data, document[place])}
        return {**document, **inner} if isinstance(document, dict) else [inner[0], *document[1:]]
    hostile = HOSTILE[data.draw(st.sampled_from(list(HOSTILE)))]()
    return hostile if kind == "replace" else {**document, "more": hostile}


def assert_kept(result, named):
    """Check that the stored values are exactly the given ones, neither rounded nor truncated."""
    for name, wanted in named.items():
        if isinstance(result, Model) and name in type(result).model_fields and wanted is not None:
            kept = getattr(result, name)
            if name in DOCUMENTS:
                assert_document_kept(kept, wanted)
            elif isinstance(kept, tuple):
                assert sorted(kept) == sorted(wanted)
            elif name in {"first_name", "last_name"}:
                # Text is normalised and stripped; an empty text is stored as null.
                assert (kept or "") == normalize("NFC", real_value(wanted)).strip(" ")
            else:
                assert kept == real_value(wanted)
                assert isinstance(kept, bool) == isinstance(wanted, bool)


def real_value(value):
    """Return the real value of an object whose methods may lie."""
    kinds = {str: str.__str__, float: float.__float__, int: int.__int__}
    return next((read(value) for kind, read in kinds.items() if isinstance(value, kind)), value)


def assert_document_kept(kept, wanted):
    if isinstance(kept, Document) and type(wanted) is dict:
        dumped = kept.model_dump(mode="json", by_alias=True, exclude_unset=True)
        given = {real_value(key): real_value(item) for key, item in wanted.items()}
        assert dumped == {key if key in dumped else to_camel(key): item for key, item in given.items()}
