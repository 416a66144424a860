"""The graphs of skills and of trees: what the database refuses from any client, also under concurrency.

``{"css": ["html"]}`` is a graph in which css depends on html. The checks compute every rule again with networkx.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import pairwise
from uuid import UUID, uuid4

import networkx as nx
import psycopg
import pytest
from psycopg import sql
from pytest_postgresql.executors import NoopExecutor

from conftest import _database
from skilltree import Database
from skilltree._core.driver_errors import from_driver, translated
from skilltree.errors import (
    CyclicDependency,
    CyclicParents,
    CyclicPrerequisites,
    GraphError,
    InvalidValue,
    OneSidedDependency,
    SkillCannotMove,
    SkillNotFound,
    SkillTreeError,
    UnknownDependency,
    UnknownParent,
    UnknownPrerequisite,
    UnsupportedIsolation,
)
from skilltree.models.ids import CategoryId, SkillId, TreeId

ROUNDS = 50
GENEROUS_SECONDS = 20

Connection = psycopg.Connection[tuple[object, ...]]


@pytest.fixture(scope="module")
def url(template: NoopExecutor) -> Iterator[str]:
    for database in _database(template, "graph", clone=True):
        # The races below cause deadlocks. A short timeout detects them at once.
        yield f"{database} options='-c deadlock_timeout=20ms'"


@pytest.fixture(scope="module")
def db(url: str) -> Iterator[Database]:
    with Database(url, min_size=2) as database:
        yield database


@pytest.fixture
def connection(url: str) -> Iterator[Connection]:
    with psycopg.connect(url) as connection:
        yield connection
        connection.rollback()


@pytest.fixture(scope="module")
def category_id(db: Database) -> CategoryId:
    return db.categories.create(name="Everything", slug="everything").id


@pytest.fixture
def tree_id(db: Database, category_id: CategoryId) -> TreeId:
    return new_tree(db, category_id)


def new_tree(db: Database, category_id: CategoryId, prerequisites: Sequence[TreeId] = ()) -> TreeId:
    slug = f"tree-{uuid4()}"
    return db.trees.create(category_id, name=slug, slug=slug, prerequisites=prerequisites).id


class Skills(dict[str, SkillId]):
    """The skills of a tree by name."""

    def named(self, ids: Sequence[UUID | str]) -> list[str]:
        names = {id_: name for name, id_ in self.items()}
        return [names.get(id_, "?") for id_ in ids]  # type: ignore[call-overload]


def add_skills(db: Database, tree_id: TreeId, *names: str, **dependencies: Sequence[str]) -> Skills:
    """Create skills: first those without dependencies, then each with its dependencies."""
    skills = Skills()
    for name, needed in [*((name, ()) for name in names), *dependencies.items()]:
        created = db.skills.create(tree_id, name=name, dependencies=[skills[one] for one in needed])
        skills[name] = created.id
    return skills


def insert_graph(connection: Connection, tree_id: TreeId, graph: Mapping[str, Sequence[str]]) -> Skills:
    """Insert a graph by plain SQL in one statement, with both sides of each edge."""
    skills = Skills({name: SkillId(uuid4()) for name in graph})
    dependents: dict[str, list[SkillId]] = {name: [] for name in graph}
    for name, needed in graph.items():
        for one in needed:
            dependents[one].append(skills[name])
    statement = "copy skills (id, skill_tree_id, name, dependencies, dependents) from stdin"
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for name, needed in graph.items():
            copy.write_row((skills[name], tree_id, name, [skills[one] for one in needed], dependents[name]))
    return skills


def chain(length: int) -> dict[str, list[str]]:
    """Return a graph in which each skill depends on the one before it."""
    return {str(place): [str(place - 1)] if place else [] for place in range(length)}


def write_edge(connection: Connection, skill: UUID, needed: UUID) -> None:
    """Write both sides of an edge by plain SQL."""
    connection.execute("update skills set dependencies = dependencies || %s where id = %s", [needed, skill])
    connection.execute("update skills set dependents = dependents || %s where id = %s", [skill, needed])


def cut_edge(connection: Connection, skill: UUID, needed: UUID) -> None:
    connection.execute("update skills set dependencies = array_remove(dependencies, %s) where id = %s", [needed, skill])
    connection.execute("update skills set dependents = array_remove(dependents, %s) where id = %s", [skill, needed])


def set_column(connection: Connection, skill: UUID, column: str, value: object) -> None:
    statement = sql.SQL("update skills set {} = %s where id = %s").format(sql.Identifier(column))
    connection.execute(statement, [value, skill])


def verify_now(connection: Connection) -> None:
    connection.execute("set constraints all immediate")


def commit(connection: Connection) -> None:
    with translated():
        connection.commit()


def dependencies_of(db: Database, skill_id: SkillId) -> list[SkillId]:
    return list(db.skills.get(skill_id).dependencies)


def graph_of(db: Database, tree_id: TreeId) -> "nx.DiGraph[UUID]":
    """Return the graph of a tree, with edges from skills to dependencies. Fail if it violates a rule."""
    skills = {skill.id: skill for skill in db.skills.list_for_tree(tree_id, include_inactive=True)}
    graph: nx.DiGraph[UUID] = nx.DiGraph()
    graph.add_nodes_from(skills)
    graph.add_edges_from((id_, needed) for id_, skill in skills.items() for needed in skill.dependencies)
    inverse = {(needing, id_) for id_, skill in skills.items() for needing in skill.dependents}
    parents: nx.DiGraph[UUID] = nx.DiGraph(
        [(id_, skill.parent_skill_id) for id_, skill in skills.items() if skill.parent_skill_id]
    )
    assert set(graph) == set(skills), "a dependency is not a skill of the tree"
    assert set(graph.edges) == inverse, "dependents are not the inverse of dependencies"
    assert sum(len(skill.dependencies) for skill in skills.values()) == len(graph.edges), "a dependency occurs twice"
    assert sum(len(skill.dependents) for skill in skills.values()) == len(inverse), "a dependent occurs twice"
    assert nx.is_directed_acyclic_graph(graph), "there is a cycle"
    assert set(parents) <= set(skills), "a parent is not a skill of the tree"
    assert nx.is_directed_acyclic_graph(parents), "there is a cycle of parents"
    return graph


def prerequisites_of(db: Database, *tree_ids: TreeId) -> "nx.DiGraph[UUID]":
    """Return the graph of all trees. Fail if it violates a rule."""
    graph: nx.DiGraph[UUID] = nx.DiGraph()
    everything = db.trees.list(published=None, limit=1000).items
    graph.add_nodes_from(tree.id for tree in everything)
    assert set(tree_ids) <= set(graph)
    graph.add_edges_from((tree.id, needed) for tree in everything for needed in tree.prerequisites)
    assert len(graph) == len(everything), "a prerequisite is not a tree"
    assert nx.is_directed_acyclic_graph(graph), "there is a cycle"
    return graph


def assert_path_is_a_cycle(path: Sequence[object], edges: set[tuple[object, object]]) -> None:
    assert path[0] == path[-1]
    assert len(set(path)) == len(path) - 1
    assert set(pairwise(path)) <= edges


# --- legal edits -----------------------------------------------------------------------------------------------------


def test_an_edge_written_on_both_sides_by_plain_sql_is_accepted(
    db: Database, connection: Connection, tree_id: TreeId
) -> None:
    skills = add_skills(db, tree_id, "html", "css")

    write_edge(connection, skills["css"], skills["html"])
    connection.commit()

    assert list(graph_of(db, tree_id).edges) == [(skills["css"], skills["html"])]


def test_an_edge_removed_on_both_sides_by_plain_sql_is_accepted(
    db: Database, connection: Connection, tree_id: TreeId
) -> None:
    skills = add_skills(db, tree_id, "html", css=["html"])

    cut_edge(connection, skills["css"], skills["html"])
    connection.commit()

    assert list(graph_of(db, tree_id).edges) == []


def test_an_edge_reversed_in_one_transaction_is_accepted(db: Database, connection: Connection, tree_id: TreeId) -> None:
    skills = add_skills(db, tree_id, "html", css=["html"])

    write_edge(connection, skills["html"], skills["css"])
    cut_edge(connection, skills["css"], skills["html"])
    connection.commit()

    assert list(graph_of(db, tree_id).edges) == [(skills["html"], skills["css"])]


def test_the_repository_writes_both_sides_of_an_edge(db: Database, tree_id: TreeId) -> None:
    skills = add_skills(db, tree_id, "html", "css", layout=["html"])

    db.skills.add_dependency(skills["layout"], skills["css"])
    db.skills.remove_dependency(skills["layout"], skills["html"])
    db.skills.set_dependencies(skills["css"], [skills["html"]])

    assert set(graph_of(db, tree_id).edges) == {(skills["layout"], skills["css"]), (skills["css"], skills["html"])}


def test_a_dependency_added_twice_is_stored_once(db: Database, tree_id: TreeId) -> None:
    skills = add_skills(db, tree_id, "html", css=["html"])

    again = db.skills.add_dependency(skills["css"], skills["html"])

    assert again.dependencies == (skills["html"],)
    assert graph_of(db, tree_id).number_of_edges() == 1


def test_removing_a_dependency_that_does_not_exist_changes_nothing(db: Database, tree_id: TreeId) -> None:
    skills = add_skills(db, tree_id, "html", "css")

    same = db.skills.remove_dependency(skills["css"], skills["html"])

    assert same.dependencies == ()


def test_deleting_a_skill_removes_it_from_the_arrays_of_others(db: Database, tree_id: TreeId) -> None:
    skills = add_skills(db, tree_id, "html", css=["html"], layout=["html", "css"])

    db.skills.delete(skills["css"])

    assert list(graph_of(db, tree_id).edges) == [(skills["layout"], skills["html"])]


def test_the_order_of_dependencies_is_kept(db: Database, tree_id: TreeId) -> None:
    skills = add_skills(db, tree_id, "a", "b", "c", "last")
    given = [skills["c"], skills["a"], skills["b"]]

    changed = db.skills.set_dependencies(skills["last"], given)

    assert list(changed.dependencies) == given


def test_changing_text_or_state_of_a_skill_does_not_check_the_graph(
    db: Database, connection: Connection, tree_id: TreeId
) -> None:
    skills = add_skills(db, tree_id, "html", css=["html"])
    connection.execute("set session characteristics as transaction isolation level repeatable read")
    connection.commit()

    connection.execute("update skills set name = 'CSS', is_active = false where id = %s", [skills["css"]])
    connection.commit()

    assert db.skills.get(skills["css"]).name == "CSS"


# --- refused edits ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("css", "dependencies"), ["html", "js"]),
        (("css", "dependencies"), []),
        (("html", "dependents"), ["css", "js"]),
        (("html", "dependents"), []),
        (("js", "dependencies"), ["html"]),
        (("js", "dependents"), ["html"]),
    ],
)
def test_an_edge_on_one_side_only_is_refused_at_commit(
    db: Database, connection: Connection, tree_id: TreeId, place: tuple[str, str], value: list[str]
) -> None:
    skills = add_skills(db, tree_id, "html", "js", css=["html"])
    skill, column = place
    set_column(connection, skills[skill], column, [skills[one] for one in value])

    with pytest.raises(OneSidedDependency) as caught:
        commit(connection)

    assert len(caught.value.ids) == 2
    assert set(caught.value.ids) < set(skills.values())
    assert list(graph_of(db, tree_id).edges) == [(skills["css"], skills["html"])]


@pytest.mark.parametrize("column", ["dependencies", "dependents"])
def test_an_unknown_skill_id_is_refused(db: Database, connection: Connection, tree_id: TreeId, column: str) -> None:
    skills = add_skills(db, tree_id, "html")
    nobody = uuid4()
    set_column(connection, skills["html"], column, [nobody])

    with pytest.raises(UnknownDependency) as caught:
        commit(connection)

    assert caught.value.ids == (nobody,)
    assert graph_of(db, tree_id).number_of_edges() == 0


def test_an_edge_to_another_tree_is_refused_even_on_both_sides(
    db: Database, connection: Connection, category_id: CategoryId
) -> None:
    here, there = new_tree(db, category_id), new_tree(db, category_id)
    html, css = add_skills(db, here, "html")["html"], add_skills(db, there, "css")["css"]
    write_edge(connection, css, html)

    with pytest.raises(UnknownDependency) as caught:
        commit(connection)

    assert set(caught.value.ids) <= {html, css}
    assert graph_of(db, here).number_of_edges() == graph_of(db, there).number_of_edges() == 0


def test_the_repository_refuses_unknown_skills_and_skills_of_other_trees(
    db: Database, tree_id: TreeId, category_id: CategoryId
) -> None:
    skills = add_skills(db, tree_id, "html")
    foreign = add_skills(db, new_tree(db, category_id), "css")["css"]
    html, nobody = skills["html"], SkillId(uuid4())

    with pytest.raises(SkillNotFound):
        db.skills.add_dependency(html, nobody)
    with pytest.raises(SkillNotFound):
        db.skills.add_dependency(nobody, html)
    with pytest.raises(UnknownDependency):
        db.skills.add_dependency(html, foreign)
    with pytest.raises(UnknownDependency):
        db.skills.set_dependencies(html, [nobody])
    with pytest.raises(UnknownDependency):
        db.skills.set_dependencies(html, [foreign])
    with pytest.raises(UnknownDependency):
        db.skills.create(tree_id, name="new", dependencies=[nobody])
    with pytest.raises(UnknownDependency):
        db.skills.create(tree_id, name="new", dependencies=[foreign])

    assert list(graph_of(db, tree_id)) == [html]
    assert graph_of(db, tree_id).number_of_edges() == 0
    assert db.skills.get(foreign).dependents == ()


@pytest.mark.parametrize("ids", [["html", "html"], ["html", None], [None]])
def test_duplicate_and_null_dependencies_are_refused(db: Database, tree_id: TreeId, ids: list[str | None]) -> None:
    skills = add_skills(db, tree_id, "html", "css")
    given = [skills[one] if one else None for one in ids]

    with pytest.raises(InvalidValue) as caught:
        db.skills.set_dependencies(skills["css"], given)  # type: ignore[arg-type]

    assert caught.value.field == "dependencies"
    assert graph_of(db, tree_id).number_of_edges() == 0


@pytest.mark.parametrize("length", [1, 2, 3, 50, 1000])
def test_a_cycle_of_any_length_is_refused_with_its_path(
    db: Database, connection: Connection, tree_id: TreeId, length: int
) -> None:
    skills = insert_graph(connection, tree_id, chain(length))
    connection.commit()
    edges: set[tuple[object, object]] = set(graph_of(db, tree_id).edges)
    started = time.monotonic()

    with pytest.raises(CyclicDependency) as caught:
        db.skills.add_dependency(skills["0"], skills[str(length - 1)])

    assert time.monotonic() - started < GENEROUS_SECONDS
    assert len(caught.value.path) == length + 1
    assert_path_is_a_cycle(caught.value.path, {*edges, (skills["0"], skills[str(length - 1)])})
    assert set(graph_of(db, tree_id).edges) == edges


@pytest.mark.parametrize("length", [1, 2, 3, 50, 1000])
def test_a_cycle_inserted_by_one_statement_is_refused_with_its_path(
    db: Database, connection: Connection, tree_id: TreeId, length: int
) -> None:
    skills = insert_graph(connection, tree_id, {**chain(length), "0": [str(length - 1)]})

    with pytest.raises(CyclicDependency) as caught:
        commit(connection)

    edges: set[tuple[object, object]] = {(skills[str(n)], skills[str((n - 1) % length)]) for n in range(length)}
    assert_path_is_a_cycle(caught.value.path, edges)
    assert len(caught.value.path) == length + 1
    assert len(graph_of(db, tree_id)) == 0


def test_the_message_of_a_cycle_names_its_skills_and_a_remedy(db: Database, tree_id: TreeId) -> None:
    skills = add_skills(db, tree_id, "html", css=["html"], layout=["css"])

    with pytest.raises(CyclicDependency) as caught:
        db.skills.add_dependency(skills["html"], skills["layout"])

    path = skills.named(caught.value.path)
    assert " → ".join(path) in str(caught.value)
    assert list(pairwise(path * 2)).count(("html", "layout")) >= 1
    assert "Remove one of these dependencies" in str(caught.value)


def test_a_cycle_beside_a_large_correct_graph_is_found(db: Database, connection: Connection, tree_id: TreeId) -> None:
    skills = insert_graph(connection, tree_id, {**chain(500), "a": ["499"], "b": ["a"], "z": ["b"]})
    connection.commit()

    with pytest.raises(CyclicDependency) as caught:
        db.skills.add_dependency(skills["a"], skills["z"])

    assert set(skills.named(caught.value.path)) == {"a", "b", "z"}


def test_a_skill_cannot_depend_on_itself(db: Database, tree_id: TreeId) -> None:
    html = add_skills(db, tree_id, "html")["html"]
    own_id = SkillId(uuid4())

    with pytest.raises(CyclicDependency) as added:
        db.skills.add_dependency(html, html)
    with pytest.raises(CyclicDependency) as replaced:
        db.skills.set_dependencies(html, [html])
    with pytest.raises(CyclicDependency) as created:
        db.skills.create(tree_id, name="own", id=own_id, dependencies=[own_id])

    assert added.value.path == replaced.value.path == (html, html)
    assert created.value.path == (own_id, own_id)
    assert list(graph_of(db, tree_id)) == [html]


def test_a_skill_cannot_move_to_another_tree(db: Database, connection: Connection, category_id: CategoryId) -> None:
    here, there = new_tree(db, category_id), new_tree(db, category_id)
    html = add_skills(db, here, "html")["html"]

    with pytest.raises(SkillCannotMove) as caught, translated():
        set_column(connection, html, "skill_tree_id", there)

    assert "cannot move" in str(caught.value)
    connection.rollback()
    assert db.skills.get(html).skill_tree_id == here


# --- the three faults of the specification's validateSkillDependencies -----------------------------------------------


def test_specification_fault_accepts_cycles_by_looking_in_the_wrong_direction(db: Database, tree_id: TreeId) -> None:
    """It tests whether the skill already needs the new dependency, not whether the dependency needs the skill."""
    skills = add_skills(db, tree_id, "html", css=["html"])

    with pytest.raises(CyclicDependency):
        db.skills.set_dependencies(skills["html"], [skills["css"]])

    assert list(graph_of(db, tree_id).edges) == [(skills["css"], skills["html"])]


def test_specification_fault_refuses_legal_edges_by_looking_in_the_wrong_direction(
    db: Database, tree_id: TreeId
) -> None:
    """A direct edge to an indirect dependency closes no cycle. Neither does writing the same dependencies again."""
    skills = add_skills(db, tree_id, "html", css=["html"], layout=["css"])

    db.skills.set_dependencies(skills["layout"], [skills["css"]])
    db.skills.set_dependencies(skills["layout"], [skills["css"], skills["html"]])

    assert set(graph_of(db, tree_id).successors(skills["layout"])) == {skills["css"], skills["html"]}


@pytest.mark.parametrize("length", [10, 11, 12, 13, 100])
def test_specification_fault_stops_at_depth_10(
    db: Database, connection: Connection, tree_id: TreeId, length: int
) -> None:
    skills = insert_graph(connection, tree_id, chain(length))
    connection.commit()

    with pytest.raises(CyclicDependency) as caught:
        db.skills.set_dependencies(skills["0"], [skills[str(length - 1)]])

    assert len(caught.value.path) == length + 1


def test_specification_fault_accepts_a_cycle_from_two_concurrent_transactions(
    db: Database, url: str, tree_id: TreeId
) -> None:
    """Neither transaction sees a cycle before the other has committed."""
    skills = add_skills(db, tree_id, "a", "c", b=["c"], d=["a"])
    with psycopg.connect(url) as one, psycopg.connect(url) as other:
        write_edge(one, skills["a"], skills["b"])
        write_edge(other, skills["c"], skills["d"])
        one.commit()

        with pytest.raises(CyclicDependency) as caught:
            commit(other)

    assert set(caught.value.path) == set(skills.values())
    assert graph_of(db, tree_id).number_of_edges() == 3


# --- large trees -----------------------------------------------------------------------------------------------------


def wide_and_deep(size: int) -> dict[str, list[str]]:
    """Return a graph in which each skill depends on up to three earlier skills, near and far."""
    return {
        str(place): sorted({str(place - step) for step in (1, 7, place // 2 + 1) if 0 < step <= place})
        for place in range(size)
    }


def curriculum(graph: Mapping[str, Sequence[str]]) -> dict[str, object]:
    return {
        "slug": f"large-{uuid4()}",
        "name": "Large",
        "category": "Everything",
        "skills": [{"key": name, "name": name, "dependencies": list(needed)} for name, needed in graph.items()],
    }


def test_a_chain_of_1000_skills_is_edited_in_time(db: Database, connection: Connection, tree_id: TreeId) -> None:
    started = time.monotonic()
    skills = insert_graph(connection, tree_id, chain(1000))
    connection.commit()

    ancestors = db.skills.ancestors(skills["999"])
    path = db.skills.learning_path(skills["999"])
    db.skills.remove_dependency(skills["500"], skills["499"])
    db.skills.add_dependency(skills["500"], skills["499"])

    assert [one.depth for one in ancestors] == list(range(1, 1000))
    assert [step.level for step in path] == list(range(1000))
    assert time.monotonic() - started < GENEROUS_SECONDS


def test_a_tree_of_5000_skills_is_inserted_edited_and_deleted_in_time(
    db: Database, connection: Connection, tree_id: TreeId
) -> None:
    started = time.monotonic()
    skills = insert_graph(connection, tree_id, wide_and_deep(5000))
    connection.commit()
    copied = time.monotonic()
    assert copied - started < GENEROUS_SECONDS

    db.skills.delete(skills["2500"])
    assert len(graph_of(db, tree_id)) == 4999
    with pytest.raises(CyclicDependency):
        db.skills.add_dependency(skills["0"], skills["4999"])
    edited = time.monotonic()
    assert edited - copied < GENEROUS_SECONDS

    db.trees.delete(tree_id)

    assert time.monotonic() - edited < GENEROUS_SECONDS
    assert db.skills.list_for_tree(tree_id, include_inactive=True) == []


def test_a_tree_of_5000_skills_is_imported_in_time(db: Database) -> None:
    given = curriculum(wide_and_deep(5000))
    started = time.monotonic()

    report = db.trees.import_tree(given)

    assert time.monotonic() - started < GENEROUS_SECONDS
    assert len(report.added) == 5000
    assert graph_of(db, report.tree_id).number_of_edges() == sum(map(len, wide_and_deep(5000).values()))
    assert db.trees.import_tree(given).is_unchanged


# --- deferred checks -------------------------------------------------------------------------------------------------


def test_changes_after_set_constraints_immediate_are_checked(
    db: Database, connection: Connection, tree_id: TreeId
) -> None:
    skills = add_skills(db, tree_id, "html", css=["html"], layout=["css"])
    connection.execute("update skills set name = 'CSS' where id = %s", [skills["css"]])
    verify_now(connection)

    with pytest.raises(psycopg.DatabaseError) as caught:
        set_column(connection, skills["html"], "dependencies", [skills["layout"]])

    assert isinstance(from_driver(caught.value), CyclicDependency)


def test_changes_after_set_constraints_immediate_and_deferred_are_checked_at_commit(
    db: Database, connection: Connection, tree_id: TreeId
) -> None:
    skills = add_skills(db, tree_id, "html", css=["html"], layout=["css"])
    cut_edge(connection, skills["layout"], skills["css"])
    verify_now(connection)
    connection.execute("set constraints all deferred")
    write_edge(connection, skills["html"], skills["css"])

    with pytest.raises(CyclicDependency) as caught:
        commit(connection)

    assert set(caught.value.path) == {skills["html"], skills["css"]}
    assert graph_of(db, tree_id).number_of_edges() == 2


def test_set_constraints_immediate_between_the_two_sides_is_refused(
    db: Database, connection: Connection, tree_id: TreeId
) -> None:
    skills = add_skills(db, tree_id, "html", "css")
    set_column(connection, skills["css"], "dependencies", [skills["html"]])

    with pytest.raises(OneSidedDependency), translated():
        verify_now(connection)

    connection.rollback()
    assert graph_of(db, tree_id).number_of_edges() == 0


def test_a_cycle_in_a_rolled_back_savepoint_is_ignored(db: Database, connection: Connection, tree_id: TreeId) -> None:
    skills = add_skills(db, tree_id, "html", "js", css=["html"])
    connection.execute("savepoint attempt")
    write_edge(connection, skills["html"], skills["css"])
    connection.execute("rollback to savepoint attempt")
    write_edge(connection, skills["js"], skills["css"])

    commit(connection)

    assert set(graph_of(db, tree_id).edges) == {(skills["css"], skills["html"]), (skills["js"], skills["css"])}


def test_a_cycle_before_a_rolled_back_savepoint_is_refused(
    db: Database, connection: Connection, tree_id: TreeId
) -> None:
    skills = add_skills(db, tree_id, "html", "js", css=["html"])
    write_edge(connection, skills["html"], skills["css"])
    connection.execute("savepoint attempt")
    write_edge(connection, skills["js"], skills["css"])
    connection.execute("rollback to savepoint attempt")

    with pytest.raises(CyclicDependency):
        commit(connection)

    assert list(graph_of(db, tree_id).edges) == [(skills["css"], skills["html"])]


def test_a_cycle_in_a_released_savepoint_is_refused(db: Database, connection: Connection, tree_id: TreeId) -> None:
    skills = add_skills(db, tree_id, "html", css=["html"])
    connection.execute("savepoint attempt")
    write_edge(connection, skills["html"], skills["css"])
    connection.execute("release savepoint attempt")

    with pytest.raises(CyclicDependency):
        commit(connection)

    assert list(graph_of(db, tree_id).edges) == [(skills["css"], skills["html"])]


def test_an_edge_with_one_side_in_a_savepoint_is_accepted(
    db: Database, connection: Connection, tree_id: TreeId
) -> None:
    skills = add_skills(db, tree_id, "html", "css")
    set_column(connection, skills["css"], "dependencies", [skills["html"]])
    connection.execute("savepoint attempt")
    set_column(connection, skills["html"], "dependents", [skills["css"]])
    connection.execute("release savepoint attempt")

    commit(connection)

    assert graph_of(db, tree_id).number_of_edges() == 1


def test_an_edge_whose_other_side_was_rolled_back_is_refused(
    db: Database, connection: Connection, tree_id: TreeId
) -> None:
    skills = add_skills(db, tree_id, "html", "css")
    set_column(connection, skills["css"], "dependencies", [skills["html"]])
    connection.execute("savepoint attempt")
    set_column(connection, skills["html"], "dependents", [skills["css"]])
    connection.execute("rollback to savepoint attempt")

    with pytest.raises(OneSidedDependency):
        commit(connection)

    assert graph_of(db, tree_id).number_of_edges() == 0


def test_a_refused_edit_in_a_nested_unit_of_work_rolls_back_only_itself(db: Database, tree_id: TreeId) -> None:
    skills = add_skills(db, tree_id, "html", "js", css=["html"])

    with db.transaction() as unit:
        unit.skills.add_dependency(skills["js"], skills["css"])
        with pytest.raises(SkillNotFound), unit.transaction() as inner:
            inner.skills.add_dependency(skills["html"], skills["css"])
            inner.skills.add_dependency(skills["html"], SkillId(uuid4()))

    assert set(graph_of(db, tree_id).edges) == {(skills["css"], skills["html"]), (skills["js"], skills["css"])}


@pytest.mark.parametrize("broken", [0, 1, 2])
def test_every_tree_changed_in_a_transaction_is_checked(
    db: Database, connection: Connection, category_id: CategoryId, broken: int
) -> None:
    trees = [new_tree(db, category_id) for _ in range(3)]
    skills = [add_skills(db, tree, "html", css=["html"], js=["css"]) for tree in trees]
    for place, of_tree in enumerate(skills):
        if place == broken:
            write_edge(connection, of_tree["html"], of_tree["js"])
        else:
            write_edge(connection, of_tree["js"], of_tree["html"])

    with pytest.raises(CyclicDependency) as caught:
        commit(connection)

    assert set(caught.value.path) == set(skills[broken].values())
    assert [graph_of(db, tree).number_of_edges() for tree in trees] == [2, 2, 2]


def test_correct_edits_of_several_trees_in_one_transaction_are_accepted(
    db: Database, connection: Connection, category_id: CategoryId
) -> None:
    trees = [new_tree(db, category_id) for _ in range(3)]
    skills = [add_skills(db, tree, "html", "css") for tree in trees]
    for of_tree in skills:
        write_edge(connection, of_tree["css"], of_tree["html"])

    commit(connection)

    assert [graph_of(db, tree).number_of_edges() for tree in trees] == [1, 1, 1]


# --- deleted skills --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("gone", ["html", "css"])
def test_a_skill_that_its_neighbour_refers_to_cannot_be_deleted(
    db: Database, connection: Connection, tree_id: TreeId, gone: str
) -> None:
    skills = add_skills(db, tree_id, "html", css=["html"])
    connection.execute("delete from skills where id = %s", [skills[gone]])

    with pytest.raises(UnknownDependency) as caught:
        commit(connection)

    assert caught.value.ids == (skills[gone],)
    assert len(graph_of(db, tree_id)) == 2


def test_a_skill_can_be_deleted_with_its_edges_in_one_transaction(
    db: Database, connection: Connection, tree_id: TreeId
) -> None:
    skills = add_skills(db, tree_id, "html", css=["html"])
    connection.execute("delete from skills where id = %s", [skills["html"]])
    set_column(connection, skills["css"], "dependencies", [])

    commit(connection)

    assert list(graph_of(db, tree_id)) == [skills["css"]]


def test_changing_and_deleting_a_skill_in_one_transaction_still_checks_the_rest(
    db: Database, connection: Connection, tree_id: TreeId
) -> None:
    skills = add_skills(db, tree_id, "html", "last", css=["html"])
    write_edge(connection, skills["html"], skills["css"])
    set_column(connection, skills["last"], "dependencies", [skills["css"]])
    connection.execute("delete from skills where id = %s", [skills["last"]])

    with pytest.raises(CyclicDependency):
        commit(connection)

    assert graph_of(db, tree_id).number_of_edges() == 1


def test_a_skill_created_and_deleted_in_one_transaction_leaves_no_trace(
    db: Database, connection: Connection, tree_id: TreeId
) -> None:
    skills = add_skills(db, tree_id, "html")
    created = insert_graph(connection, tree_id, {"css": []})
    write_edge(connection, created["css"], skills["html"])
    cut_edge(connection, created["css"], skills["html"])
    connection.execute("delete from skills where id = %s", [created["css"]])

    commit(connection)

    assert list(graph_of(db, tree_id)) == [skills["html"]]
    assert db.skills.get(skills["html"]).dependents == ()


def test_a_skill_deleted_and_inserted_again_is_accepted_if_its_edges_agree(
    db: Database, connection: Connection, tree_id: TreeId
) -> None:
    skills = add_skills(db, tree_id, "html", css=["html"])
    connection.execute("delete from skills where id = %s", [skills["html"]])
    connection.execute(
        "insert into skills (id, skill_tree_id, name, dependents) values (%s, %s, 'HTML 5', %s)",
        [skills["html"], tree_id, [skills["css"]]],
    )

    commit(connection)

    assert list(graph_of(db, tree_id).edges) == [(skills["css"], skills["html"])]


def test_all_skills_of_a_tree_can_be_deleted_at_once(db: Database, connection: Connection, tree_id: TreeId) -> None:
    insert_graph(connection, tree_id, wide_and_deep(50))
    connection.commit()
    connection.execute("delete from skills where skill_tree_id = %s", [tree_id])

    commit(connection)

    assert len(graph_of(db, tree_id)) == 0


def test_the_id_of_a_skill_with_edges_cannot_change(db: Database, connection: Connection, tree_id: TreeId) -> None:
    skills = add_skills(db, tree_id, "html", css=["html"])
    set_column(connection, skills["html"], "id", uuid4())

    with pytest.raises(GraphError):
        commit(connection)

    assert list(graph_of(db, tree_id).edges) == [(skills["css"], skills["html"])]


def test_the_id_of_a_skill_can_change_together_with_its_edges(
    db: Database, connection: Connection, tree_id: TreeId
) -> None:
    skills = add_skills(db, tree_id, "html", css=["html"])
    new_id = uuid4()
    set_column(connection, skills["html"], "id", new_id)
    set_column(connection, skills["css"], "dependencies", [new_id])

    commit(connection)

    assert list(graph_of(db, tree_id).edges) == [(skills["css"], new_id)]


# --- hostile clients -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "forged", ["'{}'", "array[0, 0]", "array[9223372036854775807, 9223372036854775807]", "graph_change"]
)
def test_a_forged_change_stamp_hides_no_cycle(
    db: Database, connection: Connection, tree_id: TreeId, forged: str
) -> None:
    skills = add_skills(db, tree_id, "html", css=["html"], js=["css"])
    for skill, column, value in [("html", "dependencies", "css"), ("css", "dependents", "html")]:
        connection.execute(
            f"update skills set graph_change = {forged}, {column} = {column} || %s where id = %s",
            [skills[value], skills[skill]],
        )
    connection.execute(f"update skills set graph_change = {forged} where id = %s", [skills["js"]])

    with pytest.raises(CyclicDependency):
        commit(connection)

    assert graph_of(db, tree_id).number_of_edges() == 2


def test_a_change_stamp_cannot_be_inserted_or_set(db: Database, connection: Connection, tree_id: TreeId) -> None:
    forged = [2**62, 2**62]
    connection.execute("insert into skills (skill_tree_id, name, graph_change) values (%s, 'x', %s)", [tree_id, forged])
    connection.execute("update skills set graph_change = %s where skill_tree_id = %s", [forged, tree_id])

    marks = connection.execute("select graph_change from skills where skill_tree_id = %s", [tree_id]).fetchall()

    assert marks != [(forged,)]


@pytest.mark.parametrize("level", ["repeatable read", "serializable"])
def test_the_skill_graph_can_be_edited_at_read_committed_only(
    db: Database, url: str, tree_id: TreeId, level: str
) -> None:
    skills = add_skills(db, tree_id, "html", "css")
    other = Database(f"{url[:-1]} -c default_transaction_isolation={level.replace(' ', chr(92) + chr(92) + ' ')}'")

    with other, pytest.raises(UnsupportedIsolation) as caught:
        other.skills.add_dependency(skills["css"], skills["html"])

    assert "READ COMMITTED" in str(caught.value)
    assert graph_of(db, tree_id).number_of_edges() == 0


@pytest.mark.parametrize("level", [psycopg.IsolationLevel.REPEATABLE_READ, psycopg.IsolationLevel.SERIALIZABLE])
@pytest.mark.parametrize(
    "edit",
    [
        "delete from skills where skill_tree_id = %s",
        "update skills set parent_skill_id = null, dependencies = '{}' where skill_tree_id = %s and name = 'css'",
        "insert into skills (skill_tree_id, name) values (%s, 'js')",
    ],
)
def test_no_kind_of_graph_edit_is_accepted_at_another_isolation_level(
    db: Database, connection: Connection, tree_id: TreeId, level: psycopg.IsolationLevel, edit: str
) -> None:
    add_skills(db, tree_id, "html", css=["html"])
    connection.isolation_level = level
    connection.execute(edit, [tree_id])

    with pytest.raises(UnsupportedIsolation):
        commit(connection)

    assert graph_of(db, tree_id).number_of_edges() == 1


@pytest.mark.parametrize("level", [psycopg.IsolationLevel.REPEATABLE_READ, psycopg.IsolationLevel.SERIALIZABLE])
def test_prerequisites_can_be_edited_at_read_committed_only(
    db: Database, connection: Connection, category_id: CategoryId, level: psycopg.IsolationLevel
) -> None:
    first, second = new_tree(db, category_id), new_tree(db, category_id)
    connection.isolation_level = level
    connection.execute("update skill_trees set prerequisites = %s where id = %s", [[first], second])

    with pytest.raises(UnsupportedIsolation):
        commit(connection)

    assert db.trees.get(second).prerequisites == ()


# --- parents ---------------------------------------------------------------------------------------------------------


def test_a_parent_must_be_a_skill_of_the_same_tree(db: Database, tree_id: TreeId, category_id: CategoryId) -> None:
    skills = add_skills(db, tree_id, "web", "html")
    foreign = add_skills(db, new_tree(db, category_id), "css")["css"]

    db.skills.update(skills["html"], parent_skill_id=skills["web"])
    for wrong in (foreign, SkillId(uuid4())):
        with pytest.raises(UnknownParent):
            db.skills.update(skills["html"], parent_skill_id=wrong)
        with pytest.raises(UnknownParent):
            db.skills.create(tree_id, name="new", parent_skill_id=wrong)

    assert db.skills.get(skills["html"]).parent_skill_id == skills["web"]
    assert len(graph_of(db, tree_id)) == 2


@pytest.mark.parametrize("length", [1, 2, 3, 50])
def test_a_cycle_of_parents_is_refused_with_its_path(
    db: Database, connection: Connection, tree_id: TreeId, length: int
) -> None:
    skills = insert_graph(connection, tree_id, {str(place): [] for place in range(length)})
    edges: set[tuple[object, object]] = {(skills[str(n)], skills[str(n - 1)]) for n in range(1, length)}
    for child, parent in edges:
        connection.execute("update skills set parent_skill_id = %s where id = %s", [parent, child])
    connection.commit()

    with pytest.raises(CyclicParents) as caught:
        db.skills.update(skills["0"], parent_skill_id=skills[str(length - 1)])

    assert len(caught.value.path) == length + 1
    assert_path_is_a_cycle(caught.value.path, {*edges, (skills["0"], skills[str(length - 1)])})
    assert db.skills.get(skills["0"]).parent_skill_id is None


def test_deleting_a_parent_leaves_its_children_without_one(db: Database, tree_id: TreeId) -> None:
    skills = add_skills(db, tree_id, "web", "html", "css")
    for child in ("html", "css"):
        db.skills.update(skills[child], parent_skill_id=skills["web"])

    db.skills.delete(skills["web"])

    assert [db.skills.get(skills[child]).parent_skill_id for child in ("html", "css")] == [None, None]
    assert {db.skills.get(skills[child]).skill_tree_id for child in ("html", "css")} == {tree_id}


def test_a_cycle_of_parents_and_dependencies_together_is_allowed(db: Database, tree_id: TreeId) -> None:
    skills = add_skills(db, tree_id, "web", html=["web"])

    db.skills.update(skills["web"], parent_skill_id=skills["html"])

    assert db.skills.get(skills["web"]).parent_skill_id == skills["html"]
    assert graph_of(db, tree_id).number_of_edges() == 1


# --- prerequisites of trees ------------------------------------------------------------------------------------------


def test_prerequisites_of_a_tree_must_be_trees(db: Database, category_id: CategoryId) -> None:
    first = new_tree(db, category_id)
    nobody = TreeId(uuid4())

    with pytest.raises(UnknownPrerequisite) as changed:
        db.trees.set_prerequisites(first, [nobody])
    with pytest.raises(UnknownPrerequisite) as created:
        new_tree(db, category_id, [nobody])

    assert changed.value.ids == created.value.ids == (nobody,)
    assert db.trees.get(first).prerequisites == ()


@pytest.mark.parametrize("length", [1, 2, 3, 20])
def test_a_cycle_of_prerequisites_is_refused_with_its_path(db: Database, category_id: CategoryId, length: int) -> None:
    trees = [new_tree(db, category_id)]
    while len(trees) < length:
        trees.append(new_tree(db, category_id, [trees[-1]]))
    edges: set[tuple[object, object]] = set(prerequisites_of(db, *trees).edges)

    with pytest.raises(CyclicPrerequisites) as caught:
        db.trees.set_prerequisites(trees[0], [trees[-1]])

    assert len(caught.value.path) == length + 1
    assert_path_is_a_cycle(caught.value.path, {*edges, (trees[0], trees[-1])})
    assert set(prerequisites_of(db).edges) == edges


def test_duplicate_and_null_prerequisites_are_refused(db: Database, category_id: CategoryId) -> None:
    first, second = new_tree(db, category_id), new_tree(db, category_id)

    for given in ([first, first], [first, None]):
        with pytest.raises(InvalidValue) as caught:
            db.trees.set_prerequisites(second, given)  # type: ignore[arg-type]
        assert caught.value.field == "prerequisites"

    assert db.trees.get(second).prerequisites == ()


def test_deleting_a_tree_removes_it_from_the_prerequisites_of_others(db: Database, category_id: CategoryId) -> None:
    first, second = new_tree(db, category_id), new_tree(db, category_id)
    third = new_tree(db, category_id, [first, second])

    db.trees.delete(first)

    assert db.trees.get(third).prerequisites == (second,)


def test_plain_sql_cannot_delete_a_tree_that_others_need(
    db: Database, connection: Connection, category_id: CategoryId
) -> None:
    first = new_tree(db, category_id)
    second = new_tree(db, category_id, [first])
    connection.execute("delete from skill_trees where id = %s", [first])

    with pytest.raises(UnknownPrerequisite) as caught:
        commit(connection)

    assert caught.value.ids == (first,)
    assert db.trees.get(second).prerequisites == (first,)


def test_two_concurrent_halves_of_a_prerequisite_cycle_are_not_both_accepted(
    db: Database, url: str, category_id: CategoryId
) -> None:
    first, second = new_tree(db, category_id), new_tree(db, category_id)
    with psycopg.connect(url) as one, psycopg.connect(url) as other:
        one.execute("update skill_trees set prerequisites = %s where id = %s", [[first], second])
        other.execute("update skill_trees set prerequisites = %s where id = %s", [[second], first])
        one.commit()

        with pytest.raises(CyclicPrerequisites):
            commit(other)

    assert (second, first) in prerequisites_of(db).edges


# --- races -----------------------------------------------------------------------------------------------------------


Action = Callable[[], object]


class Race:
    """Runs two actions at the same time, repeatedly, in two threads with one connection each."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(2)
        self._start = threading.Barrier(2, timeout=30)

    def close(self) -> None:
        self._threads.shutdown()

    def run(self, *actions: Action) -> list[SkillTreeError | None]:
        """Return the error of each action, or ``None``. Raise any error that is not a SkillTreeError."""
        futures: list[Future[SkillTreeError | None]] = [
            self._threads.submit(self._attempt, action) for action in actions
        ]
        return [future.result(timeout=60) for future in futures]

    def _attempt(self, action: Action) -> SkillTreeError | None:
        self._start.wait()
        try:
            action()
        except SkillTreeError as error:
            return error
        return None


@pytest.fixture
def race() -> Iterator[Race]:
    race = Race()
    yield race
    race.close()


def committing_together(db: Database, *works: Callable[[Database], object]) -> list[Action]:
    """Return units of work that commit at the same time."""
    done = threading.Barrier(len(works), timeout=30)

    def run(work: Callable[[Database], object]) -> None:
        with db.transaction() as unit:
            work(unit)  # type: ignore[arg-type]
            done.wait()

    return [lambda work=work: run(work) for work in works]  # type: ignore[misc]


def kinds(errors: Sequence[SkillTreeError | None]) -> list[str]:
    return sorted(type(error).__name__ for error in errors if error is not None)


def test_one_of_two_concurrent_halves_of_a_cycle_is_refused(db: Database, tree_id: TreeId, race: Race) -> None:
    skills = add_skills(db, tree_id, "html", "css")
    html, css = skills["html"], skills["css"]

    for _ in range(ROUNDS):
        errors = race.run(
            lambda: db.skills.add_dependency(html, css),
            lambda: db.skills.add_dependency(css, html),
        )
        assert kinds(errors) == ["CyclicDependency"]
        assert graph_of(db, tree_id).number_of_edges() == 1
        db.skills.set_dependencies(html, [])
        db.skills.set_dependencies(css, [])


def test_one_of_two_halves_of_a_cycle_committed_at_the_same_time_is_refused(
    db: Database, tree_id: TreeId, race: Race
) -> None:
    skills = add_skills(db, tree_id, "a", "c", b=["c"], d=["a"])

    for _ in range(ROUNDS):
        errors = race.run(
            *committing_together(
                db,
                lambda unit: unit.skills.add_dependency(skills["a"], skills["b"]),
                lambda unit: unit.skills.add_dependency(skills["c"], skills["d"]),
            )
        )
        assert kinds(errors) == ["CyclicDependency"]
        assert graph_of(db, tree_id).number_of_edges() == 3
        db.skills.remove_dependency(skills["a"], skills["b"])
        db.skills.remove_dependency(skills["c"], skills["d"])


def test_one_of_two_concurrent_halves_of_a_prerequisite_cycle_is_refused(
    db: Database, category_id: CategoryId, race: Race
) -> None:
    first, second = new_tree(db, category_id), new_tree(db, category_id)

    for _ in range(ROUNDS):
        errors = race.run(
            *committing_together(
                db,
                lambda unit: unit.trees.set_prerequisites(first, [second]),
                lambda unit: unit.trees.set_prerequisites(second, [first]),
            )
        )
        assert kinds(errors) == ["CyclicPrerequisites"]
        assert len(db.trees.get(first).prerequisites + db.trees.get(second).prerequisites) == 1
        db.trees.set_prerequisites(first, [])
        db.trees.set_prerequisites(second, [])

    prerequisites_of(db, first, second)


def test_one_of_two_concurrent_halves_of_a_parent_cycle_is_refused(db: Database, tree_id: TreeId, race: Race) -> None:
    skills = add_skills(db, tree_id, "html", "css")
    html, css = skills["html"], skills["css"]

    for _ in range(ROUNDS):
        errors = race.run(
            lambda: db.skills.update(html, parent_skill_id=css),
            lambda: db.skills.update(css, parent_skill_id=html),
        )
        assert kinds(errors) == ["CyclicParents"]
        graph_of(db, tree_id)
        db.skills.update(html, parent_skill_id=None)
        db.skills.update(css, parent_skill_id=None)


def test_one_of_two_halves_of_a_parent_cycle_committed_at_the_same_time_is_refused(
    db: Database, url: str, tree_id: TreeId, race: Race
) -> None:
    skills = add_skills(db, tree_id, "html", "css")
    html, css = skills["html"], skills["css"]
    statement = "update skills set parent_skill_id = %s where id = %s"

    with psycopg.connect(url) as one, psycopg.connect(url) as other:
        for _ in range(ROUNDS):
            one.execute(statement, [css, html])
            other.execute(statement, [html, css])
            errors = race.run(lambda: commit(one), lambda: commit(other))
            assert kinds(errors) == ["CyclicParents"]
            graph_of(db, tree_id)
            one.execute("update skills set parent_skill_id = null where skill_tree_id = %s", [tree_id])
            one.commit()


@pytest.mark.parametrize("doomed", ["html", "css"])
def test_adding_a_dependency_while_a_skill_is_deleted_keeps_the_graph_correct(
    db: Database, tree_id: TreeId, race: Race, doomed: str
) -> None:
    base = add_skills(db, tree_id, "base", "top")

    for _ in range(ROUNDS):
        skills = add_skills(db, tree_id, "html", "css")
        db.skills.add_dependency(skills["html"], base["base"])
        db.skills.add_dependency(base["top"], skills["css"])
        added, deleted = race.run(
            lambda: db.skills.add_dependency(skills["css"], skills["html"]),  # noqa: B023 (it runs in this round)
            lambda: db.skills.delete(skills[doomed]),  # noqa: B023
        )
        assert deleted is None
        assert added is None or isinstance(added, SkillNotFound)
        graph_of(db, tree_id)
        db.skills.delete(skills["css" if doomed == "html" else "html"])

    assert len(graph_of(db, tree_id)) == 2


def test_replacing_dependencies_while_one_is_added_loses_no_edit(db: Database, tree_id: TreeId, race: Race) -> None:
    skills = add_skills(db, tree_id, "a", "b", "c", "last")
    last, a, b, c = skills["last"], skills["a"], skills["b"], skills["c"]
    outcomes = set()

    for _ in range(ROUNDS):
        db.skills.set_dependencies(last, [a])
        errors = race.run(
            lambda: db.skills.set_dependencies(last, [b]),
            lambda: db.skills.add_dependency(last, c),
        )
        assert errors == [None, None]
        outcomes.add(frozenset(skills.named(dependencies_of(db, last))))
        graph_of(db, tree_id)

    assert outcomes <= {frozenset("b"), frozenset("bc")}


def test_concurrent_replacements_of_dependencies_end_as_one_of_the_two(
    db: Database, tree_id: TreeId, race: Race
) -> None:
    skills = add_skills(db, tree_id, "a", "b", "c", "last")
    outcomes = set()

    for _ in range(ROUNDS):
        errors = race.run(
            lambda: db.skills.set_dependencies(skills["last"], [skills["a"], skills["b"]]),
            lambda: db.skills.set_dependencies(skills["last"], [skills["c"], skills["b"]]),
        )
        assert errors == [None, None]
        outcomes.add(frozenset(skills.named(dependencies_of(db, skills["last"]))))
        graph_of(db, tree_id)

    assert outcomes <= {frozenset("ab"), frozenset("bc")}


def test_concurrent_add_and_remove_of_a_dependency_keep_the_graph_correct(
    db: Database, tree_id: TreeId, race: Race
) -> None:
    skills = add_skills(db, tree_id, "html", "css")

    for _ in range(ROUNDS):
        errors = race.run(
            lambda: db.skills.add_dependency(skills["css"], skills["html"]),
            lambda: db.skills.remove_dependency(skills["css"], skills["html"]),
        )
        assert errors == [None, None]
        assert graph_of(db, tree_id).number_of_edges() <= 1


def test_dependencies_added_concurrently_to_one_skill_are_both_kept(db: Database, tree_id: TreeId, race: Race) -> None:
    skills = add_skills(db, tree_id, "a", "b", "last")
    last = skills["last"]

    for _ in range(ROUNDS):
        errors = race.run(
            lambda: db.skills.add_dependency(last, skills["a"]),
            lambda: db.skills.add_dependency(last, skills["b"]),
        )
        assert errors == [None, None]
        assert set(dependencies_of(db, last)) == {skills["a"], skills["b"]}
        db.skills.set_dependencies(last, [])

    graph_of(db, tree_id)


def test_a_skill_created_while_its_dependency_is_deleted_is_refused_or_has_none(
    db: Database, tree_id: TreeId, race: Race
) -> None:
    for _ in range(ROUNDS):
        html = add_skills(db, tree_id, "html")["html"]
        created, deleted = race.run(
            lambda: db.skills.create(tree_id, name="css", dependencies=[html]),  # noqa: B023 (it runs in this round)
            lambda: db.skills.delete(html),  # noqa: B023
        )
        assert deleted is None
        assert created is None or isinstance(created, UnknownDependency)
        assert graph_of(db, tree_id).number_of_edges() == 0


def test_a_tree_deleted_while_it_becomes_a_prerequisite_leaves_no_reference(
    db: Database, category_id: CategoryId, race: Race
) -> None:
    last = new_tree(db, category_id)
    deletions = set()

    for _ in range(ROUNDS):
        doomed = new_tree(db, category_id)
        db.trees.set_prerequisites(last, [])
        _, deleted = race.run(
            lambda: db.trees.set_prerequisites(last, [doomed]),  # noqa: B023 (it runs in this round)
            lambda: db.trees.delete(doomed),  # noqa: B023
        )
        deletions.add(deleted and type(deleted))
        assert db.trees.get(last).prerequisites == (() if deleted is None else (doomed,))

    prerequisites_of(db, last)
    assert deletions == {None}, "the deletion of a tree was refused because of a prerequisite set at the same time"
