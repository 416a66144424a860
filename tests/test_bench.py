import json
import os
import time
from collections.abc import Sequence
from uuid import UUID
from xml.etree import ElementTree

import psycopg
import pytest

from skilltree import Database
from skilltree.migrate.partition import examine
from tools.bench import (
    before,
    chart,
    cores,
    distributed,
    instructions,
    measure,
    partition,
    report,
    scale,
    scale_chart,
    scale_data,
    scale_report,
)
from tools.bench.__main__ import run
from tools.bench.by_psycopg import Psycopg
from tools.bench.data import Data
from tools.bench.measure import Loop
from tools.bench.operations import OPERATIONS, Disagreement, check

PEERS = {"psycopg", "skilltree", "aiosql", "SQLAlchemy", "Django", "asyncpg", "aiosql on asyncpg"}
MODEL_PEERS = {
    *("psycopg", "skilltree", "psycopg + Pydantic", "asyncpg + Pydantic", "SQLModel", "SQLSpec + msgspec"),
}
SVG = "{http://www.w3.org/2000/svg}"


class Careless(Psycopg):
    """A peer that leaves out the last missing prerequisite."""

    def missing(self, user_id: UUID, skill_id: UUID) -> Sequence[object]:
        found = super().missing(user_id, skill_id)
        assert isinstance(found, list)
        return found[:-1]


class Lax(Psycopg):
    """A peer that writes half of the rows."""

    def bulk(self, rows: list[dict[str, object]], tree_id: UUID) -> int:
        return 2 * super().bulk(rows[::2], tree_id)


def test_all_peers_return_and_write_the_same_and_the_report_shows_their_times(migrated_url, tmp_path, monkeypatch):
    # Other tests need connections as well.
    monkeypatch.setattr(measure, "CONNECTIONS", 2)
    (tmp_path / "benchmarks.md").write_text("before\n<!-- bench -->\nold\n<!-- /bench -->\nafter\n")

    figures = run(migrated_url, operations=[each.name for each in OPERATIONS], rounds=1, seconds=0.02, rows=500)
    report.write(tmp_path, report.written(figures, "make bench"))
    picture = ElementTree.fromstring(chart.svg(figures.near))  # noqa: S314 (our own)

    page = (tmp_path / "benchmarks.md").read_text()
    assert {each.peer for each in figures.many} == PEERS
    assert {each.peer for each in figures.models} == {each.peer for each in figures.models_many} == MODEL_PEERS
    assert {each.peer for each in figures.uvloop} == {each.peer for each in figures.uvloop_many}
    assert {each.peer for each in figures.uvloop} == (PEERS | MODEL_PEERS) - {"aiosql", "Django"}
    for measured in (figures.near, figures.models):
        assert {each.operation for each in measured} == {each.name for each in OPERATIONS}
    every = (figures.near, figures.many, figures.models, figures.models_many, figures.uvloop, figures.uvloop_many)
    assert all(each.seconds > 0 for measured in every for each in measured)
    assert page.startswith("before\n<!-- bench -->\n\n`make bench`, PostgreSQL ")
    assert page.endswith("<!-- /bench -->\nafter\n")
    assert "old" not in page
    for operation in OPERATIONS:
        assert f"| {operation.title} |" in page
    bars = [title.text for title in picture.iter(f"{SVG}title")]
    drawn = [each for each in figures.near if each.peer in chart.COLOURS]
    assert sorted(bars) == sorted(f"{each.peer}: {each.ratio:.2f}" for each in drawn)


@pytest.mark.parametrize("placement", [cores.APART, cores.SHARED])
def test_client_and_server_are_pinned_to_cores_and_released(migrated_url, placement):
    before = os.sched_getaffinity(0)
    with psycopg.connect(migrated_url) as connection:
        backend = connection.info.backend_pid

        with cores.placed(connection, placement) as done:
            own, theirs = os.sched_getaffinity(0), os.sched_getaffinity(backend)

        assert done == placement
        assert own.isdisjoint(theirs) if placement == cores.APART else (own == theirs and len(own) == 1)
        assert os.sched_getaffinity(0) == os.sched_getaffinity(backend) == before


def test_a_server_that_cannot_be_pinned_is_left_to_the_scheduler(migrated_url, monkeypatch):
    before = os.sched_getaffinity(0)
    with psycopg.connect(migrated_url) as connection:
        monkeypatch.setattr(cores, "_processes", lambda connection: [])
        with cores.placed(connection, cores.APART) as done:
            assert (done, os.sched_getaffinity(0)) == (cores.FREE, before)


@pytest.mark.parametrize(("kind", "operation"), [(Careless, "missing"), (Lax, "bulk")])
def test_a_peer_with_different_results_is_named(migrated_url, kind, operation):
    loop = Loop()
    with Database(migrated_url) as db, psycopg.connect(migrated_url, autocommit=True) as connection:
        data = Data(db, connection)
        these = [each for each in OPERATIONS if each.name == operation]
        wrong = kind(migrated_url, 1)
        wrong.name = "hurried"

        with (
            loop.opened([Psycopg(migrated_url, 1), wrong]) as peers,
            pytest.raises(Disagreement, match=f"^hurried: {these[0].title}: at "),
        ):
            check(peers, these, data, loop.finish)
    loop.close()


def measured(peer: str, operation: str, ratio: float) -> report.Measured:
    return report.Measured(operation, peer, False, ratio / 1000, ratio, ratio, ratio)


def test_missed_goals_are_reported():
    near = [
        *(measured("psycopg", "get", 1), measured("skilltree", "get", 1.154), measured("Django", "get", 5)),
        *(measured("psycopg", "load", 1), measured("skilltree", "load", 1.02), measured("Django", "load", 1.01)),
    ]
    figures = report.Figures("PostgreSQL", "free", near, [], (0, 0), [], {}, {})

    rows = report.goals(figures).splitlines()[2:]

    assert rows == [
        "| get a tree by id, sync: at most 1.15 of the floor | 1.15 | met |",
        "| load a tree of 100 skills, sync: at most 1.0 of the floor | 1.02 | **missed** |",
        "| faster than every other peer, one connection | Django, sync: load 0.99 | **missed** |",
    ]


def test_two_checkouts_are_compared_on_one_server(migrated_url: str) -> None:
    # Another test moves the server to one core.
    found = before.compare(before.ROOT, migrated_url, operations=["get"], rounds=2, placement=cores.FREE)

    assert [(each.operation, each.way) for each in found] == [("get", way) for way in ("sync", "async", "as_user")]
    assert all(each.before > 0 and each.low <= each.ratio <= each.high for each in found)
    assert before.shown(found[0]).split()[:2] == ["get", "sync"]


def test_made_up_learners_have_all_that_follows_from_their_work(migrated_url: str) -> None:
    with Database(migrated_url) as db, psycopg.connect(migrated_url, autocommit=True) as connection:
        db.trees.import_tree(scale_data.wide("wide", 30))
        tree = db.trees.load("wide")
        place = scale_data.place_in(tree)

        scale_data.fill(connection, 1, 20, place)
        scale_data.fill(connection, 21, 40, place)

        learners = scale_data.chosen(connection, 50)
        assert len(set(learners)) == 40
        assert db.doctor.examine() == []
        assert [skill.id for skill in place.open] == [
            skill.id for skill in db.trees.load("wide", learners[0]).skills if skill.status == "AVAILABLE"
        ]


def test_growth_is_measured_and_shown_and_what_would_not_fit_is_left_out(migrated_url: str) -> None:
    growths = [
        scale.by_learners(migrated_url, (20, 40, 10**8), 3, most_gigabytes=5),
        scale.by_catalogue(migrated_url, (400,), 3),
    ]
    text = scale_report.written(growths, "bench")
    picture = ElementTree.fromstring(scale_chart.svg(growths))  # noqa: S314 (our own)

    assert [growth.sizes for growth in growths] == [[20, 40], [400]]
    assert all(point.seconds > 0 and point.buffers > 0 for growth in growths for point in growth.points)
    assert growths[0].notes[10**8].startswith("not run: it would take about ")
    assert "| learners | 20 | 40 | time, last to first |" in text
    assert "100,000,000: not run" in text
    assert len([*picture.iter(f"{SVG}polyline")]) == len(growths[0].calls) + len(growths[1].calls)


def test_the_instructions_of_each_part_are_told_apart(migrated_url, capsys):
    with Database(migrated_url) as db, psycopg.connect(migrated_url, autocommit=True) as connection:
        data = Data(db, connection, rows=10)
    arguments = {
        each.name: each.arguments(data) for each in OPERATIONS if each.name in {"get", "page", "progress", "missing"}
    }

    instructions.run(migrated_url, data.learner, arguments)

    parts = [(row, column) for row, column in map(json.loads, capsys.readouterr().out.splitlines())]
    text = instructions.written({part: 1000 * number for number, part in enumerate(parts)})
    assert len({*parts}) == len(parts)
    assert text.splitlines()[0].endswith(
        "| psycopg | psycopg, pool | psycopg + Pydantic | skilltree | skilltree, as_user |"
    )
    assert text.splitlines()[2] == "| get a tree by id | 0 | 1 | 2 | 3 | 4 |"
    assert text.splitlines()[-1] == f"| {parts[-1][0]} | {len(parts) - 1:.1f} |"


def test_tables_are_partitioned_while_clients_work_and_nothing_is_lost(migrated_url):
    outcome = partition.convert(migrated_url, 1_000, clients=2, touched=800, parts=2, quiet_seconds=0.5)

    assert outcome.problems == []
    assert outcome.before
    assert {wait.call for wait in outcome.during} >= {"complete_skill", "record_activity", "sessions.end", "dashboard"}
    assert [*partition.shown(outcome)][-1] == "nothing is lost"
    assert all(each.is_partitioned for each in examine(migrated_url))


def test_a_lost_row_of_a_client_and_one_of_another_learner_are_found(migrated_url, monkeypatch):
    def careless(url, parts):
        with psycopg.connect(url, autocommit=True) as connection:
            begun = connection.execute("select clock_timestamp()").fetchone()
            recent = "select from xp_events where granted_at > %s limit 1"
            while connection.execute(recent, begun).fetchone() is None:
                time.sleep(0.05)
            connection.execute("delete from xp_events where source_kind = 'SKILL'")
        return []

    monkeypatch.setattr(partition, "_partition", careless)

    outcome = partition.convert(migrated_url, 300, clients=2, touched=200, parts=2, quiet_seconds=1)

    assert any(problem.startswith("XP: lost for ") for problem in outcome.problems)
    assert "xp_events: the rows of other learners differ" in outcome.problems
    assert any(problem.startswith("doctor: ") for problem in outcome.problems)


def test_a_plain_and_a_distributed_database_are_compared_call_by_call(deployment, capsys):
    # A cluster is not needed to compare a database with itself.
    with Database(deployment.app_url, max_size=1) as db:
        distributed.measure(db, db, rounds=1)

    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [name for name, *_ in lines] == [
        *distributed.OF_LEARNER,
        *distributed.COMPLETION,
        *distributed.ACROSS,
    ]
    assert all(float(figure) > 0 for _, *figures in lines for figure in figures)
