"""The factories that users of the package have for their tests."""

import pytest

from _async.factories import expect_refusal
from skilltree.errors import PrerequisitesNotMet, TreeNotFound, UnknownCurriculumKeys
from skilltree.testing import AsyncFactory


@pytest.fixture
def factory(app):
    return AsyncFactory(app)


async def test_each_skill_of_a_tree_needs_the_one_before(factory):
    tree = await factory.tree("html", "css", "layout")

    html, css, layout = tree.skills
    assert [skill.key for skill in tree.skills] == ["html", "css", "layout"]
    assert [html.dependencies, css.dependencies, layout.dependencies] == [(), (html.id,), (css.id,)]


async def test_a_skill_needs_what_is_given_for_it(factory):
    tree = await factory.tree("html", "css", "layout", needs={"layout": ["html", "css"]})

    html, css, layout = tree.skills
    assert [html.dependencies, css.dependencies] == [(), ()]
    assert set(layout.dependencies) == {html.id, css.id}


async def test_an_unknown_dependency_is_refused(factory, connection):
    async with expect_refusal(connection, UnknownCurriculumKeys, match="html"):
        await factory.tree("css", needs={"css": ["html"]})


async def test_trees_and_learners_differ_without_names(factory):
    trees = [await factory.tree(), await factory.tree()]
    learners = [await factory.learner(), await factory.learner()]

    assert len({tree.slug for tree in trees}) == 2
    assert len({learner.email for learner in learners}) == 2


async def test_only_a_published_tree_is_seen_by_learners(factory, app):
    published = await factory.tree()
    draft = await factory.tree(published=False)
    learner = await factory.learner()

    assert (await app.as_user(learner.id).trees.load(published.slug, learner.id)).id == published.id
    with pytest.raises(TreeNotFound):
        await app.as_user(learner.id).trees.load(draft.slug, learner.id)


async def test_a_learner_has_completed_the_given_skills(factory, app):
    tree = await factory.tree("html", "css", "layout")

    learner = await factory.learner(completed=tree.skills[:2])

    loaded = await app.as_user(learner.id).trees.load(tree.slug, learner.id)
    assert [skill.status for skill in loaded.skills] == ["COMPLETED", "COMPLETED", "AVAILABLE"]


async def test_a_learner_cannot_have_completed_a_locked_skill(factory):
    tree = await factory.tree("html", "css")

    with pytest.raises(PrerequisitesNotMet):
        await factory.learner(completed=tree.skills[1:])


async def test_a_learner_logs_in_with_the_known_password(factory, app):
    learner = await factory.learner(username="ada", timezone="Europe/London")

    started = await app.as_service().accounts.log_in("ada@example.org", factory.PASSWORD, address="192.0.2.7")

    assert started.session.user_id == learner.id
