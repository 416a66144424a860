"""Every method that says what a learner must still do gives the same answer, on any graph."""

from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from _async.factories import add_progress, add_skills, add_tree, add_user
from skilltree.errors import PrerequisitesNotMet

NAMES = "abcdef"
STATUSES = [None, None, "LOCKED", "AVAILABLE", "IN_PROGRESS", "COMPLETED", "SKIPPED"]
SATISFIED = {"COMPLETED", "SKIPPED"}


class Model:
    """The rule in plain Python: which prerequisites of each skill are missing."""

    def __init__(self, needs, statuses, inactive):
        self.needs, self.statuses, self.inactive = needs, statuses, inactive

    def direct(self, name):
        """Return the missing direct prerequisites of a skill. Started work needs none: it may go on."""
        if self.statuses[name] == "IN_PROGRESS":
            return set()
        return {one for one in self.needs[name] if one not in self.inactive and self.statuses[one] not in SATISFIED}

    def all_missing(self, name):
        """Return all skills to complete before this one."""
        return {found for one in self.direct(name) for found in {one} | self.all_missing(one)}

    def status(self, name):
        """Return the derived status."""
        if self.statuses[name] in SATISFIED | {"IN_PROGRESS"}:
            return self.statuses[name]
        return "LOCKED" if name in self.inactive or self.direct(name) else "AVAILABLE"

    def is_next(self, name):
        return name not in self.inactive and self.status(name) in {"AVAILABLE", "IN_PROGRESS"}


@st.composite
def models(draw):
    needs = {
        name: draw(st.sets(st.sampled_from(NAMES[:at]), max_size=3)) if at else set() for at, name in enumerate(NAMES)
    }
    statuses = {name: draw(st.sampled_from(STATUSES)) for name in NAMES}
    return Model(needs, statuses, draw(st.sets(st.sampled_from(NAMES), max_size=2)))


async def create(db, connection, model):
    """Create the tree and the learner of a model in the database."""
    name = f"t{uuid4().hex[:12]}"
    tree = await add_tree(db, name)
    learner = await add_user(db, name)
    made = await add_skills(db, tree, **{name: sorted(needs) for name, needs in model.needs.items()})
    skills = dict(zip(NAMES, made, strict=True))
    for name, status in model.statuses.items():
        if name in model.inactive:
            await db.skills.deactivate(skills[name].id)
        if status == "SKIPPED":
            await db.skills.update(skills[name].id, is_optional=True)
    for name, status in model.statuses.items():
        if status is not None:
            await add_progress(connection, learner, skills[name], status)
    return tree, learner, skills


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(model=models())
async def test_every_method_agrees_with_the_model_about_missing_prerequisites(db, connection, model):
    tree, learner, skills = await create(db, connection, model)
    ids = {name: skill.id for name, skill in skills.items()}

    loaded = await db.trees.load(tree.slug, learner.id)
    assert {each.key: each.status for each in loaded.skills} == {
        name: model.status(name) for name in NAMES if name not in model.inactive
    }
    suggested = await db.progress.next_skills(learner.id, tree_id=tree.id, limit=100)
    assert {each.name: each.status for each in suggested} == {
        name: model.status(name) for name in NAMES if model.is_next(name)
    }
    for name, skill_id in ids.items():
        direct, all_missing = model.direct(name), model.all_missing(name)
        missing = await db.progress.missing_prerequisites(learner.id, skill_id)
        assert {each.name for each in missing} == all_missing
        assert {each.name for each in missing if each.is_direct} == direct
        assert await db.progress.can_unlock(learner.id, skill_id) is not bool(direct)

        why = await db.progress.explain_lock(learner.id, skill_id)
        is_completed = model.statuses[name] == "COMPLETED"
        assert why.status == model.status(name)
        assert {each.name: each.status for each in why.missing} == {one: model.status(one) for one in direct}
        if name not in model.inactive:
            assert why.is_locked is (bool(direct) and not is_completed)
            assert {each.name for each in why.path} == (set() if is_completed else all_missing)
        way = await db.progress.learning_path(learner.id, skill_id)
        assert {each.name: each.status for each in way.steps} == (
            {} if is_completed else {one: model.status(one) for one in {*all_missing, name}}
        )
        if name not in model.inactive and direct and not is_completed:
            for act in (db.progress.start_skill, db.progress.complete_skill, db.progress.record_activity):
                minutes = {"minutes": 1} if act == db.progress.record_activity else {}
                with pytest.raises(PrerequisitesNotMet) as refusal:
                    await act(learner.id, skill_id, **minutes)
                assert set(refusal.value.ids) == {ids[one] for one in all_missing}

    going_on = [name for name in NAMES if model.statuses[name] == "IN_PROGRESS" and name not in model.inactive]
    for name in going_on:
        await db.progress.complete_skill(learner.id, ids[name])
