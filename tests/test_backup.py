"""Backups are restored, or refused by the name of what is wrong. Moments of one story are restored from copies."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

import backups
from backups import Story
from skilltree import Database
from skilltree.backup import dumps, erasures, restore, retention, take
from skilltree.backup.failures import (
    BackupDamaged,
    FolderBusy,
    NotEmpty,
    RolesMissing,
    ServerUnsuitable,
    TargetUnreachable,
    WalMissing,
)
from skilltree.backup.folder import Folder, Record
from skilltree.backup.positions import SEGMENT
from skilltree.backup.server import running
from skilltree.errors import StillReferenced
from skilltree.migrate.roles import statements


@pytest.fixture(scope="session")
def story(request: pytest.FixtureRequest) -> Story:
    """The story, which one of the run's processes tells."""
    shared = Path(os.environ["SKILLTREE_TEST_MEMORY"])
    with (shared / "story.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        file = shared / "story.json"
        if not file.exists():
            told = backups.tell(shared / "story", int(request.config.getoption("pg")))
            file.write_text(told.model_dump_json())
    return Story.model_validate_json(file.read_text())


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that the server's user can reach, unlike those of pytest."""
    with tempfile.TemporaryDirectory(dir=os.environ["SKILLTREE_TEST_MEMORY"]) as name:
        Path(name).chmod(0o711)
        yield Path(name)


@pytest.fixture
def folder(story: Story) -> Iterator[Folder]:
    """A copy of the folder. Files are shared: a test that damages one writes a new file."""
    with tempfile.TemporaryDirectory(dir=os.environ["SKILLTREE_TEST_MEMORY"]) as name:
        path = Path(name) / "backups"
        shutil.copytree(story.folder, path, copy_function=lambda one, other: Path(other).hardlink_to(one))
        yield Folder(path)


@pytest.fixture
def restored(folder: Folder, place: Path) -> Iterator[Callable[..., psycopg.Connection]]:
    """A function that restores the newest backup before a moment, and returns a connection to its server."""

    def connection(to: datetime | None = None, *, by_command: bool = False) -> psycopg.Connection:
        data, record = place / "restored", restore.choose(folder, to=to)
        if by_command:
            [told] = backups.skilltree("", folder, "restore", str(data), "--to", str(to))
            assert told == {"backup": record.name, "restored to": str(to), "erased again": "0"}
        else:
            restore.into(folder, record, data, to=to, application=backups.application(), sync=False)
        url = stack.enter_context(running(data, record.server, {}, sync=False))
        return stack.enter_context(psycopg.connect(url, autocommit=True))

    with ExitStack() as stack:
        yield connection


def value(connection: psycopg.Connection, query: str, *values: object) -> object:
    return connection.execute(query, values).fetchall()[0][0]


def replaced(file: Path, content: bytes) -> None:
    """Give a file other content, without changing the original, which it shares."""
    file.unlink()
    file.write_bytes(content)


# --- the drill -------------------------------------------------------------------------------------------------------


def test_a_drill_restores_the_newest_backup_and_finds_it_equal_to_its_source(story):
    found = story.sound

    assert found["shortfalls"] == []
    assert (found["backup"], found["compared_with"]) == (story.second, "source")
    assert found["tables"] > 30
    assert found["rows"] > 100
    assert found["rpo_seconds"] < 5
    assert 0 < found["rto_seconds"] < 60


def test_a_drill_names_what_is_short(story):
    told = {each["check"]: each["told"] for each in story.damaged["shortfalls"]}

    # The source has lost the same, so that the two are equal.
    assert told.keys() == {"drift", "doctor"}
    assert "user_scores" in told["drift"]


def test_a_drill_without_its_source_compares_with_the_backup_and_names_rows_that_differ(folder, story):
    """The record of the backup is written anew, as if the table had had a row more."""
    record = folder.servers()[-1]
    users = record.census.tables["public.users"]
    tables = record.census.tables | {"public.users": users.model_copy(update={"rows": users.rows + 1})}
    changed = record.model_copy(update={"census": record.census.model_copy(update={"tables": tables})})
    folder.place(record).rename(folder.path / "aside")
    folder.finish(folder.path / "aside", changed)

    told = backups.skilltree("", folder, "drill", "--no-source", "--to", str(story.before_erasures), code=1)

    assert told["shortfalls"] == [
        {"check": "compare", "told": f"public.users has {users.rows} rows instead of {users.rows + 1}"}
    ]
    assert (told["compared_with"], told["rpo_seconds"], told["erased_again"]) == ("backup", None, 2)


# --- a moment --------------------------------------------------------------------------------------------------------


def test_a_restore_to_just_before_a_table_was_dropped_has_the_table(restored, story):
    connection = restored(story.before_drop, by_command=True)

    assert value(connection, "select count(*) from user_scores") == story.scores > 0
    assert value(connection, "select count(*) from user_activity_days") == 0


def test_a_restore_to_just_before_rows_were_deleted_has_the_rows(restored, story):
    connection = restored(story.before_deletion)

    assert value(connection, "select count(*) from user_activity_days") == story.days > 0


def test_a_restore_to_the_end_has_what_was_written_after_a_promotion(restored, story):
    connection = restored()

    done = "select count(*) from user_skill_progress where user_id = %s and status = 'COMPLETED'"
    assert value(connection, done, story.ada) == 2
    assert value(connection, "select to_regclass('user_scores')") is None
    assert not value(connection, "select pg_is_in_recovery()")


def test_index_only_scans_of_a_restored_server_find_no_rows_that_are_gone(restored):
    found = restored().info.dsn

    with psycopg.connect(found, dbname="postgres", autocommit=True) as connection:
        connection.execute("set enable_seqscan = off")
        connection.execute("set enable_bitmapscan = off")
        plan = [
            line for (line,) in connection.execute("explain select count(a) from moving where a < 1000000").fetchall()
        ]
        rows = value(connection, "select count(a) from moving where a < 1000000")

    assert any("Index Only Scan" in line for line in plan)
    assert rows == 1000


def test_erased_learners_stay_erased_after_a_restore_to_a_moment_before(restored, folder, story):
    assert [each.is_kept for each in erasures.listed(folder)] == [True, False]
    for learner in (story.ada, story.grace, story.hopper):
        assert str(learner) not in folder.erasures.read_text()

    connection = restored(story.before_erasures)

    assert value(connection, "select count(*) from users where id = %s", story.ada) == 1
    assert value(connection, "select count(*) from users where id = any(%s)", [story.grace, story.hopper]) == 0
    assert value(connection, "select count(*) from users where username like 'deleted-%%'") == 1
    assert value(connection, "select array_agg(user_id) from notes") == [story.ada]
    info = connection.info
    with Database(make_conninfo("", host=info.host, user=info.user, dbname=info.dbname), max_size=1) as db:
        assert db.doctor.examine() == []


def test_rows_of_an_application_whose_queries_are_not_known_stop_a_restore(folder, place, story):
    record = restore.choose(folder, to=story.before_erasures)

    with pytest.raises(StillReferenced, match="notes"):
        restore.into(folder, record, place / "restored", to=story.before_erasures, sync=False)

    assert list(place.iterdir()) == []


def test_a_restore_to_before_the_promotion_has_nothing_of_later(restored, story):
    connection = restored(story.before_promotion)

    done = "select count(*) from user_skill_progress where user_id = %s and status = 'COMPLETED'"
    assert value(connection, done, story.ada) == 1


def test_a_segment_that_is_missing_after_the_moment_does_not_matter(restored, folder, story):
    last_segments(folder)[-2].unlink()

    assert value(restored(story.before_drop), "select count(*) from user_scores") == story.scores


# --- damage ----------------------------------------------------------------------------------------------------------


def newest(folder: Folder) -> Record:
    return folder.servers()[-1]


def file_of(folder: Folder, record: Record) -> Path:
    """Return a copied file of some size, the table of roles."""
    return next(file for file in sorted((folder.content(record) / "global").iterdir()) if file.stat().st_size >= 8192)


def last_segments(folder: Folder) -> list[Path]:
    found = sorted(file for file in folder.wal.iterdir() if SEGMENT.fullmatch(file.name))
    return [file for file in found if file.name.startswith(found[-1].name[:8])]


def a_file_is_missing(folder: Folder) -> str:
    file = file_of(folder, newest(folder))
    file.unlink()
    return f"{newest(folder).name} is damaged: .*{file.name}"


def a_file_is_truncated(folder: Folder) -> str:
    file = file_of(folder, newest(folder))
    replaced(file, file.read_bytes()[:-4096])
    return f"{newest(folder).name} is damaged: .*{file.name}"


def a_bit_of_a_file_is_flipped(folder: Folder) -> str:
    file = file_of(folder, newest(folder))
    content = bytearray(file.read_bytes())
    content[5000] ^= 1
    replaced(file, bytes(content))
    return f"{newest(folder).name} is damaged: .*{file.name}"


def the_manifest_is_edited(folder: Folder) -> str:
    file = folder.seal_of(newest(folder))
    replaced(file, file.read_bytes().replace(b'"Size": 8192', b'"Size": 8193', 1))
    return f"{newest(folder).name} is damaged: .*backup_manifest was changed"


def the_record_is_edited(folder: Folder) -> str:
    file = folder.place(newest(folder)) / "backup.json"
    replaced(file, file.read_bytes().replace(b'"rows": ', b'"rows": 1', 1))
    return "backup.json was edited"


def two_backups_are_in_the_wrong_order(folder: Folder) -> str:
    one, other = (folder.content(record) for record in folder.servers())
    one.rename(one.with_name("aside"))
    other.rename(one)
    one.with_name("aside").rename(other)
    return f"({'|'.join(each.name for each in folder.servers())}) is damaged: .* belongs to another backup"


def the_parent_is_missing(folder: Folder) -> str:
    shutil.rmtree(folder.place(folder.servers()[0]))
    return "is incremental, and its parent .* is missing"


def a_segment_is_missing(folder: Folder) -> str:
    file = last_segments(folder)[-3]
    file.unlink()
    return f"{file.name} is missing"


def a_segment_is_truncated(folder: Folder) -> str:
    file = last_segments(folder)[-3]
    replaced(file, file.read_bytes()[:5000])
    return f"{file.name} is damaged: it has 5000 bytes"


def a_segment_has_other_content(folder: Folder) -> str:
    file = last_segments(folder)[-3]
    content = file.read_bytes()
    replaced(file, content[:300000] + b"\0" * 100000 + content[400000:])
    return f"{file.name} is damaged"


def the_history_of_a_timeline_is_missing(folder: Folder) -> str:
    (folder.wal / "00000002.history").unlink()
    return "00000002.history is missing"


def the_list_of_erasures_is_damaged(folder: Folder) -> str:
    replaced(folder.erasures, folder.erasures.read_bytes()[:-20])
    return "has a line that is no erasure"


DAMAGE: list[Callable[[Folder], str]] = [
    a_file_is_missing,
    a_file_is_truncated,
    a_bit_of_a_file_is_flipped,
    the_manifest_is_edited,
    the_record_is_edited,
    two_backups_are_in_the_wrong_order,
    the_parent_is_missing,
    a_segment_is_missing,
    a_segment_is_truncated,
    a_segment_has_other_content,
    the_history_of_a_timeline_is_missing,
    the_list_of_erasures_is_damaged,
]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "damage" in metafunc.fixturenames:
        has_increments = int(metafunc.config.getoption("pg")) >= 17
        cases = [each for each in DAMAGE if has_increments or each is not the_parent_is_missing]
        metafunc.parametrize("damage", cases, ids=lambda case: case.__name__)


def test_damage_is_refused_by_name(folder, place, damage):
    told = damage(folder)

    with pytest.raises((BackupDamaged, WalMissing), match=told):
        restore.into(folder, restore.choose(folder, to=None), place / "restored", sync=False)

    # Nobody can start a server that is restored in part.
    assert list(place.iterdir()) == []


def test_verify_names_every_backup_that_is_damaged(folder, story):
    a_bit_of_a_file_is_flipped(folder)
    dump = folder.content(folder.find(story.dump))
    replaced(dump, dump.read_bytes()[:-100])

    told = backups.skilltree("", folder, "backup", "verify", code=1)

    outcomes = {each["backup"]: each["outcome"] for each in told}
    assert outcomes.pop(story.first) == "whole"
    assert outcomes.keys() == {story.second, story.dump}
    assert all("is damaged" in outcome for outcome in outcomes.values())


def test_a_moment_before_the_first_backup_is_refused(folder, story):
    with pytest.raises(TargetUnreachable, match="is before the first backup: what can be restored begins at"):
        restore.choose(folder, to=story.begun)


def test_a_moment_after_the_end_of_the_log_is_refused(folder, place):
    late = datetime.now(UTC) - timedelta(seconds=0.01)

    with pytest.raises(TargetUnreachable, match="the write-ahead log ends before this moment: its last transaction"):
        restore.into(folder, restore.choose(folder, to=late), place / "restored", to=late, sync=False)

    assert list(place.iterdir()) == []


@pytest.mark.parametrize(
    ("moment", "told"),
    [
        (datetime.now(UTC) + timedelta(days=1), "is in the future"),
        (datetime(2026, 1, 1), "has no time zone"),  # noqa: DTZ001 (what is refused)
    ],
)
def test_a_moment_that_is_none_is_refused(folder, moment, told):
    with pytest.raises(TargetUnreachable, match=told):
        restore.choose(folder, to=moment)


def test_a_folder_that_is_not_empty_is_refused(folder, tmp_path):
    file = tmp_path / "restored" / "precious"
    file.parent.mkdir()
    file.write_text("mine")

    told = backups.skilltree("", folder, "restore", str(file.parent), code=1)

    assert told["error"]["type"] == "NotEmpty"
    assert str(file.parent) in told["error"]["message"]
    assert [each.name for each in file.parent.iterdir()] == ["precious"]


# --- taking and keeping ----------------------------------------------------------------------------------------------


def test_a_killed_backup_is_never_taken_for_one(story, folder):
    assert len(story.left_by_the_killed_backup) == 1
    assert story.listed_after_the_killed_backup == [story.first]
    assert [each.name for each in folder.servers()] == [story.first, story.second]
    assert not list((folder.path / "unfinished").iterdir())


def test_an_incremental_backup_without_its_conditions_is_refused(story, request):
    has_increments = int(request.config.getoption("pg")) >= 17

    assert ("needs an earlier one" if has_increments else "has no incremental backups") in story.refused_increment


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"system_identifier": "7"}, "has the backups of another server: .* and this one's is 7"),
        ({"database": "other"}, "has the backups for the database skilltree, not other"),
    ],
)
def test_a_folder_serves_one_database_from_its_first_backup_on(folder, tmp_path, changed, told):
    ours = folder.servers()[0].server
    others = ours.model_copy(update=changed)
    with pytest.raises(ServerUnsuitable, match=told):
        folder.belong_to(others)

    unused = Folder(tmp_path / "unused")
    unused.belong_to(others)
    # As after a first backup that failed.
    unused.belong_to(ours)
    (unused.wal / "000000010000000000000001").touch()
    with pytest.raises(ServerUnsuitable, match=told):
        unused.belong_to(others)


def test_two_commands_do_not_change_a_folder_at_once(folder):
    with folder.alone("backups"), pytest.raises(FolderBusy, match="another process works on backups"):
        retention.prune(folder, keep=1, keep_dumps=0)

    assert len(folder.records()) == 3


def test_what_a_kept_backup_needs_is_kept(folder, story, request):
    has_increments = int(request.config.getoption("pg")) >= 17
    segments = len(list(folder.wal.iterdir()))

    told = backups.skilltree("", folder, "backup", "prune", "--keep", "1", "--keep-dumps", "0")
    gone = [each["removed"] for each in told]

    # The second backup builds on the first one.
    assert [name for name in gone if not SEGMENT.fullmatch(name)] == (
        [story.dump] if has_increments else [story.first, story.dump]
    )
    assert [each.name for each in folder.records()] == ([story.first] if has_increments else []) + [story.second]
    assert len(list(folder.wal.iterdir())) == segments - len(gone) + (1 if has_increments else 2)
    for record in folder.records():
        take.verify(folder, record)


# --- dumps -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def bare_url(new_host: str) -> str:
    """The URL of an empty database on a new server."""
    with psycopg.connect(host=new_host, user="postgres", dbname="postgres", autocommit=True) as connection:
        connection.execute("create database elsewhere")
    return make_conninfo("", host=new_host, user="postgres", dbname="elsewhere")


def test_a_dump_is_restored_on_a_new_server_that_first_lacks_the_roles(folder, story, bare_url):
    record = folder.find(story.dump)

    with pytest.raises(
        RolesMissing, match="lacks the roles app_engine.*skilltree roles --owner migrator --database elsewhere"
    ):
        dumps.into(folder, record, bare_url)
    with psycopg.connect(bare_url, autocommit=True) as connection:
        assert value(connection, "select count(*) from pg_class where relnamespace = 'public'::regnamespace") == 0
        connection.execute("create role migrator login")
        connection.execute(statements("migrator", "elsewhere"))
    [told] = backups.skilltree("", folder, "restore", bare_url, "--backup", record.name)
    with pytest.raises(NotEmpty, match="the database is not empty: it has"):
        dumps.into(folder, record, bare_url)

    # The dump is from before the erasures.
    assert told["erased again"] == "2"
    with psycopg.connect(bare_url) as connection:
        assert value(connection, "select count(*) from users where id = any(%s)", [story.grace, story.hopper]) == 0
        assert value(connection, "select count(*) from users where id = %s", story.ada) == 1
        # A dump has no grants on the database. On a new one, everybody may connect.
        everybody = (
            "select count(*) from pg_database, aclexplode(datacl) where datname = current_database() and grantee = 0"
        )
        assert value(connection, everybody) == 0


def test_a_damaged_dump_is_refused(folder, story, empty_url):
    file = folder.content(folder.find(story.dump))
    replaced(file, file.read_bytes()[:-100])

    with pytest.raises(BackupDamaged, match=f"{story.dump} is damaged"):
        dumps.into(folder, folder.find(story.dump), empty_url)
