"""The graph compared with networkx: random edits succeed exactly when the model allows them, and reads agree."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from uuid import UUID, uuid4

import networkx as nx
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from pytest_postgresql.executors import NoopExecutor

from conftest import _database
from skilltree import Database
from skilltree.errors import (
    CyclicDependency,
    CyclicParents,
    InvalidValue,
    SkillNotFound,
    SkillTreeError,
    UnknownDependency,
    UnknownParent,
)
from skilltree.models.ids import CategoryId, SkillId

Graph = nx.DiGraph  # from a skill to each that it needs
Errors = set[type[SkillTreeError]]

_EXAMPLES = settings(
    deadline=None,
    max_examples=60,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
_STEPS = settings(_EXAMPLES, max_examples=25, stateful_step_count=30)


@pytest.fixture(scope="module")
def db(template: NoopExecutor) -> Iterator[Database]:
    for url in _database(template, "graph_model", clone=True):
        with Database(url) as database:
            yield database


@pytest.fixture
def connection(db: Database) -> Iterator[psycopg.Connection[tuple[list[UUID] | None]]]:
    with psycopg.connect(db._url, autocommit=True) as connection:
        yield connection


class SkillGraph(RuleBasedStateMachine):
    """Edits one tree in the database and in networkx alike. Skills are drawn by position, and some are unknown."""

    def __init__(self, db: Database, category_id: CategoryId) -> None:
        super().__init__()
        self.db = db
        slug = f"tree-{uuid4()}"
        self.tree_id = db.trees.create(category_id, name=slug, slug=slug).id
        self.foreign = db.skills.create(self._new_tree(category_id), name="of another tree").id
        self.graph: nx.DiGraph[SkillId] = nx.DiGraph()
        self.parents: dict[SkillId, SkillId] = {}
        self.inactive: set[SkillId] = set()
        self.gone = [self.foreign, SkillId(uuid4())]

    def _new_tree(self, category_id: CategoryId):  # type: ignore[no-untyped-def]
        slug = f"tree-{uuid4()}"
        return self.db.trees.create(category_id, name=slug, slug=slug).id

    # --- drawing and judging

    PLACE = st.integers(0, 40)

    def _skill(self, place: int) -> SkillId:
        """Return a skill of the tree, or rarely one outside the tree."""
        known = sorted(self.graph)
        if place % 20 == 19 or not known:
            return self.gone[place % len(self.gone)]
        return known[place % len(known)]

    def _faults(self, skill: SkillId, dependencies: list[SkillId]) -> Errors:
        """Return the errors that may be raised if these become the dependencies of a skill. Empty if allowed."""
        faults: Errors = set()
        if len(set(dependencies)) < len(dependencies):
            faults.add(InvalidValue)
        if any(one not in self.graph and one != skill for one in dependencies):
            faults.add(UnknownDependency)
        after = self.graph.copy()
        after.remove_edges_from([*after.out_edges(skill)] if skill in after else [])
        after.add_edges_from((skill, one) for one in dependencies if one in self.graph or one == skill)
        if not nx.is_directed_acyclic_graph(after):
            faults.add(CyclicDependency)
        return faults

    def _try(self, faults: Errors, edit: Callable[[], object]) -> bool:
        """Make an edit. If there are faults, it must raise one of them. Return whether it succeeded."""
        if not faults:
            edit()
            return True
        with pytest.raises(tuple(faults)) as caught:
            edit()
        if isinstance(caught.value, CyclicDependency | CyclicParents):
            assert caught.value.path[0] == caught.value.path[-1]
        return False

    # --- edits

    @initialize(count=st.integers(0, 6))
    def some_skills(self, count: int) -> None:
        for _ in range(count):
            self.graph.add_node(self.db.skills.create(self.tree_id, name="skill").id)

    @rule(places=st.lists(PLACE, max_size=4), itself=st.sampled_from([False] * 9 + [True]))
    def create(self, places: list[int], itself: bool) -> None:
        new_id = SkillId(uuid4())
        dependencies = [self._skill(place) for place in places] + [new_id] * itself
        faults = self._faults(new_id, dependencies)

        if self._try(
            faults, lambda: self.db.skills.create(self.tree_id, name="skill", id=new_id, dependencies=dependencies)
        ):
            self.graph.add_node(new_id)
            self.graph.add_edges_from((new_id, one) for one in dependencies)

    @rule(skill=PLACE, prerequisite=PLACE)
    def add_dependency(self, skill: int, prerequisite: int) -> None:
        one, other = self._skill(skill), self._skill(prerequisite)
        faults: Errors
        if not {one, other} <= set(self.graph):
            faults = {SkillNotFound, UnknownDependency}
            if one == other == self.foreign:
                faults = {CyclicDependency}
        else:
            faults = self._faults(one, list(dict.fromkeys([*self.graph.successors(one), other])))

        if self._try(faults, lambda: self.db.skills.add_dependency(one, other)):
            self.graph.add_edge(one, other)

    @rule(skill=PLACE, prerequisite=PLACE)
    def remove_dependency(self, skill: int, prerequisite: int) -> None:
        one, other = self._skill(skill), self._skill(prerequisite)
        known = one in self.graph or one == self.foreign

        if self._try(set() if known else {SkillNotFound}, lambda: self.db.skills.remove_dependency(one, other)):
            self.graph.remove_edges_from([(one, other)])

    @rule(skill=PLACE, places=st.lists(PLACE, max_size=4))
    def set_dependencies(self, skill: int, places: list[int]) -> None:
        one, dependencies = self._skill(skill), [self._skill(place) for place in places]
        if one not in self.graph:
            return
        faults = self._faults(one, dependencies)

        if self._try(faults, lambda: self.db.skills.set_dependencies(one, dependencies)):
            self.graph.remove_edges_from([*self.graph.out_edges(one)])
            self.graph.add_edges_from((one, other) for other in dependencies)

    @rule(skill=PLACE)
    def delete(self, skill: int) -> None:
        one = self._skill(skill)
        if one == self.foreign:
            return

        if self._try(set() if one in self.graph else {SkillNotFound}, lambda: self.db.skills.delete(one)):
            self.graph.remove_node(one)
            self.inactive.discard(one)
            self.parents = {child: parent for child, parent in self.parents.items() if one not in (child, parent)}
            self.gone.append(one)

    @rule(skill=PLACE, active=st.booleans())
    def switch(self, skill: int, active: bool) -> None:
        one = self._skill(skill)
        if one == self.foreign:
            return
        faults: Errors = set() if one in self.graph else {SkillNotFound}

        if self._try(
            faults,
            lambda: self.db.skills.update(one, is_active=True) if active else self.db.skills.deactivate(one),
        ):
            self.inactive = self.inactive - {one} if active else self.inactive | {one}

    @rule(skill=PLACE, parent=st.none() | PLACE)
    def set_parent(self, skill: int, parent: int | None) -> None:
        one, above = self._skill(skill), None if parent is None else self._skill(parent)
        if one not in self.graph:
            return
        faults: Errors = set()
        if above is not None and above not in self.graph:
            faults.add(UnknownParent)
        elif above is not None:
            after: nx.DiGraph[SkillId] = nx.DiGraph([*self.parents.items()])
            after.remove_edges_from([*after.out_edges(one)] if one in after else [])
            after.add_edge(one, above)
            if not nx.is_directed_acyclic_graph(after):
                faults.add(CyclicParents)

        if self._try(faults, lambda: self.db.skills.update(one, parent_skill_id=above)):
            self.parents.pop(one, None)
            if above is not None:
                self.parents[one] = above

    # --- reads

    @rule(skill=PLACE)
    def ask_for_ancestors_and_descendants(self, skill: int) -> None:
        one = self._skill(skill)
        if one not in self.graph:
            return

        ancestors = self.db.skills.ancestors(one)
        descendants = self.db.skills.descendants(one)

        assert {found.id: found.depth for found in ancestors} == self._distances(self.graph, one)
        assert {found.id: found.depth for found in descendants} == self._distances(self.graph.reverse(), one)
        assert len({found.id for found in ancestors}) == len(ancestors)
        assert [found.depth for found in ancestors] == sorted(found.depth for found in ancestors)
        assert {found.id for found in ancestors if not found.is_active} <= self.inactive

    def _distances(self, graph: "nx.DiGraph[SkillId]", start: SkillId) -> dict[SkillId, int]:
        distances = nx.single_source_shortest_path_length(graph, start)
        return {skill: distance for skill, distance in distances.items() if skill != start}

    @rule(skill=PLACE)
    def ask_for_a_learning_path(self, skill: int) -> None:
        one = self._skill(skill)
        if one not in self.graph:
            return
        active = self.graph.subgraph(set(self.graph) - self.inactive | {one})
        needed = active.subgraph(nx.descendants(active, one) | {one})

        path = self.db.skills.learning_path(one)

        place = {step.id: index for index, step in enumerate(path)}
        assert path[-1].id == one
        assert set(place) == set(needed)
        assert len(place) == len(path)
        assert all(place[after] > place[before] for after, before in needed.edges)
        assert {step.id: step.level for step in path} == longest_ways(needed)

    @invariant()
    def database_holds_the_model(self) -> None:
        skills = {skill.id: skill for skill in self.db.skills.list_for_tree(self.tree_id, include_inactive=True)}

        assert set(skills) == set(self.graph)
        assert {(id_, one) for id_, skill in skills.items() for one in skill.dependencies} == set(self.graph.edges)
        assert {(one, id_) for id_, skill in skills.items() for one in skill.dependents} == set(self.graph.edges)
        assert {id_ for id_, skill in skills.items() if not skill.is_active} == self.inactive
        assert {id_: skill.parent_skill_id for id_, skill in skills.items() if skill.parent_skill_id} == self.parents


def longest_ways(graph: "nx.DiGraph[SkillId]") -> dict[SkillId, int]:
    levels: dict[SkillId, int] = {}
    for skill in reversed([*nx.topological_sort(graph)]):
        levels[skill] = max((levels[needed] + 1 for needed in graph.successors(skill)), default=0)
    return levels


def test_random_edits_of_a_skill_graph_agree_with_networkx(db: Database) -> None:
    category_id = db.categories.create(name="Model", slug="model").id

    run_state_machine_as_test(partial(SkillGraph, db, category_id), settings=_STEPS)  # type: ignore[arg-type]


# --- the functions of the database -----------------------------------------------------------------------------------

EDGES = st.integers(1, 12).flatmap(
    lambda size: st.lists(st.tuples(st.integers(1, size), st.integers(1, size)), max_size=3 * size)
)
Connection = psycopg.Connection[tuple[list[UUID] | None]]


def ask(connection: Connection, function: str, edges: list[tuple[int, int]]) -> list[tuple[list[UUID] | None]]:
    sources = [UUID(int=source) for source, _ in edges]
    targets = [UUID(int=target) for _, target in edges]
    return connection.execute(f"select * from {function}(%s::uuid[], %s::uuid[])", [sources, targets]).fetchall()


@_EXAMPLES
@given(edges=EDGES)
def test_a_cycle_is_found_exactly_where_networkx_finds_one(
    connection: Connection, edges: list[tuple[int, int]]
) -> None:
    graph: nx.DiGraph[int] = nx.DiGraph(edges)

    path = ask(connection, "find_cycle", edges)[0][0]

    assert (path is None) == nx.is_directed_acyclic_graph(graph)
    if path is not None:
        numbers = [one.int for one in path]
        assert numbers[0] == numbers[-1]
        assert len(set(numbers)) == len(numbers) - 1 >= 1
        assert set(pairwise(numbers)) <= set(graph.edges)


@_EXAMPLES
@given(edges=EDGES)
def test_levels_are_longest_path_lengths_and_null_behind_a_cycle(
    connection: Connection, edges: list[tuple[int, int]]
) -> None:
    graph: nx.DiGraph[int] = nx.DiGraph(edges)
    in_cycles = {
        one
        for part in nx.strongly_connected_components(graph)
        for one in part
        if len(part) > 1 or graph.has_edge(one, one)
    }
    endless = in_cycles | {one for node in in_cycles for one in nx.ancestors(graph, node)}
    expected: dict[int, int | None] = dict.fromkeys(endless)
    expected |= longest_ways(graph.subgraph(set(graph) - endless))  # type: ignore[arg-type]

    rows = ask(connection, "topological_levels", edges)

    assert {row[0].int: row[1] for row in rows} == expected  # type: ignore[misc, union-attr]
    assert len(rows) == len(expected)


@pytest.mark.parametrize("size", [1, 100, 3000])
def test_long_paths_are_followed_to_their_end(connection: Connection, size: int) -> None:
    edges = [(place + 1, place) for place in range(1, size + 1)]

    assert ask(connection, "find_cycle", edges)[0][0] is None
    assert max(row[1] for row in ask(connection, "topological_levels", edges)) == size  # type: ignore[misc]
    assert len(ask(connection, "find_cycle", [*edges, (1, size + 1)])[0][0] or ()) == size + 2


@pytest.mark.parametrize("function", ["find_cycle", "topological_levels"])
def test_a_graph_without_edges_has_no_cycle_and_no_levels(connection: Connection, function: str) -> None:
    rows = ask(connection, function, [])

    assert rows in ([], [(None,)])


@_EXAMPLES
@given(edges=EDGES, start=st.integers(1, 14), ends=st.sets(st.integers(1, 14), max_size=4))
def test_path_levels_stop_at_ends_and_count_all_edges(
    connection: Connection, edges: list[tuple[int, int]], start: int, ends: set[int]
) -> None:
    edges = [(max(edge), min(edge)) for edge in edges if edge[0] != edge[1]]
    graph: nx.DiGraph[int] = nx.DiGraph(edges)
    graph.add_node(start)
    followed = nx.DiGraph((one, other) for one, other in graph.edges if one not in ends)
    followed.add_node(start)
    met = nx.descendants(followed, start) | {start}

    rows = way_to(connection, start, edges, ends)

    assert dict(rows) == longest_ways(graph.subgraph(met))  # type: ignore[arg-type, comparison-overlap]
    assert len(rows) == len(met)


def test_a_path_of_ten_thousand_nodes_is_followed_to_its_end(connection: Connection) -> None:
    rows = way_to(connection, 10_001, [(place + 1, place) for place in range(1, 10_001)], set())

    assert sorted(rows) == [(node, node - 1) for node in range(1, 10_002)]


def test_a_cycle_stops_the_path_to_a_node(connection: Connection) -> None:
    assert {node for node, _ in way_to(connection, 1, [(1, 2), (2, 3), (3, 1)], set())} == {1, 2, 3}


def way_to(connection: Connection, start: int, edges: list[tuple[int, int]], ends: set[int]) -> list[tuple[int, int]]:
    rows = connection.execute(
        "select * from way_to(%s, %s::uuid[], %s::uuid[], %s::uuid[])",
        [
            UUID(int=start),
            [UUID(int=source) for source, _ in edges],
            [UUID(int=target) for _, target in edges],
            [UUID(int=end) for end in ends],
        ],
    ).fetchall()
    return [(row[0].int, row[1]) for row in rows]  # type: ignore[misc, union-attr, attr-defined]
