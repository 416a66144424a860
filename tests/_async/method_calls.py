"""A call of every repository method, on rows of one learner. test_strangers makes these calls as another learner.

Each new method needs a line in one of these tables:

LEARNER_CALLS    concern one learner; to other learners, that learner does not exist
CATALOGUE_CALLS  return the same for everybody
SERVICE_CALLS    work across learners; a learner may not make them
"""

from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from uuid import UUID, uuid4

from _async.factories import add_achievement, add_session, add_skills, add_tree, add_user
from skilltree._core.tokens import token

DAY = date(2026, 3, 10)
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)


class SampleLearner(NamedTuple):
    """A learner, some of the learner's rows, and the catalogue they learn from."""

    user_id: UUID
    email: str
    username: str
    session_id: UUID
    category_id: UUID
    achievement_id: UUID
    slug: str
    tree_id: UUID
    done_id: UUID
    begun_id: UUID
    open_id: UUID
    successor_id: UUID
    locked_id: UUID
    untouched_tree_id: UUID
    untouched_id: UUID
    curriculum: object

    def as_unknown_learner(self):
        """Return a copy with the ids of a learner who does not exist."""
        return self._replace(user_id=uuid4(), email="nobody@example.org", username="nobody", session_id=uuid4())

    def without_identity(self, text):
        """Return a text in which field names replace the values that identify the learner."""
        for field in ("user_id", "email", "username", "session_id"):
            text = text.replace(str(getattr(self, field)), field)
        return text


async def add_sample_learner(db, username, course):
    """Add a learner with rows in every per-user table. The values differ from one learner to the next."""
    learner = await add_user(
        db,
        username,
        first_name=f"First {username}",
        last_name=f"Last {username}",
        avatar_url=f"https://example.org/{username}.png",
    )
    await db.users.update_profile(
        learner.id,
        bio=f"Bio of {username}",
        location=f"Town of {username}",
        website=f"https://{username}.example.org",
        learning_goals=[f"Goal of {username}"],
        interests=[f"Interest of {username}"],
        preferences={"dailyGoalMinutes": 30 + len(username)},
    )
    session = await add_session(
        db, learner.id, device_info={"os": f"System of {username}"}, address=f"192.0.2.{len(username)}"
    )
    await db.accounts.request_email_verification(learner.id)
    await db.progress.start_tree(learner.id, course["tree_id"], at=NOON)
    await db.progress.record_activity(
        learner.id,
        course["begun_id"],
        minutes=100 + len(username),
        struggling_indicators={"notes": f"Trouble of {username}"},
        at=NOON,
    )
    await db.progress.complete_skill(
        learner.id,
        course["done_id"],
        score=50 + len(username),
        evidence={"type": "text", "content": f"Evidence of {username}"},
        at=NOON + timedelta(seconds=len(username)),
    )
    return SampleLearner(user_id=learner.id, email=learner.email, username=username, session_id=session.id, **course)


async def exported(db, user_id):
    text = ""
    async for chunk in db.users.export(user_id):
        text += chunk
    return text


async def add_course(db):
    """Add one tree that every sample learner starts, and one that none of them starts."""
    tree = await add_tree(db)
    done, begun, still_open, successor, locked = await add_skills(
        db, tree, "done", "begun", "open", successor=["done"], locked=["done", "begun"]
    )
    await db.skills.update(still_open.id, is_optional=True)
    await db.skills.create(tree.id, name="child", parent_skill_id=done.id)
    untouched = await add_tree(db, "untouched")
    (alone,) = await add_skills(db, untouched, "alone")
    achievement = await add_achievement(db, xp_reward=5)
    exported = await db.trees.export_tree("web")
    return {
        "category_id": tree.category_id,
        "achievement_id": achievement.id,
        "slug": "web",
        "tree_id": tree.id,
        "done_id": done.id,
        "begun_id": begun.id,
        "open_id": still_open.id,
        "successor_id": successor.id,
        "locked_id": locked.id,
        "untouched_tree_id": untouched.id,
        "untouched_id": alone.id,
        "curriculum": exported.model_dump(mode="json"),
    }


LEARNER_CALLS = {
    "users.get": lambda db, learner: db.users.get(learner.user_id),
    "users.get_profile": lambda db, learner: db.users.get_profile(learner.user_id),
    "users.update_profile": lambda db, learner: db.users.update_profile(learner.user_id, bio="Changed"),
    "users.update_profile (listed)": lambda db, learner: db.users.update_profile(
        learner.user_id, is_on_leaderboard=False
    ),
    "users.update_account": lambda db, learner: db.users.update_account(learner.user_id, first_name="Changed"),
    "users.export": lambda db, learner: exported(db, learner.user_id),
    "sessions.end": lambda db, learner: db.sessions.end(learner.user_id, learner.session_id),
    "sessions.end_all": lambda db, learner: db.sessions.end_all(learner.user_id),
    "sessions.end_all (but one)": lambda db, learner: db.sessions.end_all(learner.user_id, except_session_id=uuid4()),
    "sessions.list_active": lambda db, learner: db.sessions.list_active(learner.user_id),
    "progress.start_tree": lambda db, learner: db.progress.start_tree(learner.user_id, learner.untouched_tree_id),
    "progress.start_tree (begun)": lambda db, learner: db.progress.start_tree(learner.user_id, learner.tree_id),
    "progress.pause_tree": lambda db, learner: db.progress.pause_tree(learner.user_id, learner.tree_id),
    "progress.resume_tree": lambda db, learner: db.progress.resume_tree(learner.user_id, learner.tree_id),
    "progress.set_current_path": lambda db, learner: db.progress.set_current_path(
        learner.user_id, learner.tree_id, [learner.begun_id]
    ),
    "progress.reset_tree": lambda db, learner: db.progress.reset_tree(learner.user_id, learner.tree_id),
    "progress.start_skill": lambda db, learner: db.progress.start_skill(learner.user_id, learner.open_id),
    "progress.start_skill (untouched)": lambda db, learner: db.progress.start_skill(
        learner.user_id, learner.untouched_id
    ),
    "progress.record_activity": lambda db, learner: db.progress.record_activity(
        learner.user_id, learner.begun_id, minutes=7
    ),
    "progress.record_attempt": lambda db, learner: db.progress.record_attempt(
        learner.user_id, learner.begun_id, score=100
    ),
    "progress.complete_skill": lambda db, learner: db.progress.complete_skill(learner.user_id, learner.begun_id),
    "progress.complete_skill (done)": lambda db, learner: db.progress.complete_skill(
        learner.user_id, learner.done_id, score=100
    ),
    "progress.complete_skill (locked)": lambda db, learner: db.progress.complete_skill(
        learner.user_id, learner.locked_id
    ),
    "progress.skip_skill": lambda db, learner: db.progress.skip_skill(learner.user_id, learner.open_id),
    "progress.reset_skill": lambda db, learner: db.progress.reset_skill(learner.user_id, learner.done_id),
    "progress.for_skill": lambda db, learner: db.progress.for_skill(learner.user_id, learner.done_id),
    "progress.for_tree": lambda db, learner: db.progress.for_tree(learner.user_id, learner.tree_id),
    "progress.list_for_user": lambda db, learner: db.progress.list_for_user(learner.user_id),
    "progress.calculate_tree_progress": lambda db, learner: db.progress.calculate_tree_progress(
        learner.user_id, learner.tree_id
    ),
    "progress.can_unlock": lambda db, learner: db.progress.can_unlock(learner.user_id, learner.successor_id),
    "progress.missing_prerequisites": lambda db, learner: db.progress.missing_prerequisites(
        learner.user_id, learner.locked_id
    ),
    "progress.explain_lock": lambda db, learner: db.progress.explain_lock(learner.user_id, learner.locked_id),
    "progress.learning_path": lambda db, learner: db.progress.learning_path(learner.user_id, learner.locked_id),
    "progress.next_skills": lambda db, learner: db.progress.next_skills(learner.user_id),
    "progress.next_skills (of a tree)": lambda db, learner: db.progress.next_skills(
        learner.user_id, tree_id=learner.tree_id
    ),
    "progress.dashboard": lambda db, learner: db.progress.dashboard(learner.user_id),
    "progress.activity_by_day": lambda db, learner: db.progress.activity_by_day(learner.user_id, since=DAY, until=DAY),
    "achievements.standings": lambda db, learner: db.achievements.standings(learner.user_id),
    "achievements.for_user": lambda db, learner: db.achievements.for_user(learner.user_id),
    "trees.load": lambda db, learner: db.trees.load(learner.slug, learner.user_id),
    "trees.load_map": lambda db, learner: db.trees.load_map(learner.slug, learner.user_id),
}

CATALOGUE_CALLS = {
    "categories.find_by_slug": lambda db, _: db.categories.find_by_slug("programming"),
    "categories.list": lambda db, _: db.categories.list(include_inactive=True),
    "trees.get_many": lambda db, learner: db.trees.get_many([learner.tree_id]),
    "trees.get": lambda db, learner: db.trees.get(learner.tree_id),
    "trees.find_by_slug": lambda db, learner: db.trees.find_by_slug(learner.slug),
    "trees.search": lambda db, _: db.trees.search("web", published=None),
    "trees.export_tree": lambda db, learner: db.trees.export_tree(learner.slug),
    "trees.list": lambda db, _: db.trees.list(published=None),
    "skills.get_many": lambda db, learner: db.skills.get_many([learner.done_id]),
    "skills.get": lambda db, learner: db.skills.get(learner.done_id),
    "skills.list_for_tree": lambda db, learner: db.skills.list_for_tree(learner.tree_id, include_inactive=True),
    "skills.children": lambda db, learner: db.skills.children(learner.done_id),
    "skills.search": lambda db, _: db.skills.search("done", published=None),
    "skills.ancestors": lambda db, learner: db.skills.ancestors(learner.locked_id),
    "skills.descendants": lambda db, learner: db.skills.descendants(learner.done_id),
    "skills.learning_path": lambda db, learner: db.skills.learning_path(learner.locked_id),
    "achievements.get_many": lambda db, learner: db.achievements.get_many([learner.achievement_id]),
    "achievements.get": lambda db, learner: db.achievements.get(learner.achievement_id),
    "achievements.list": lambda db, _: db.achievements.list(include_hidden=True, include_inactive=True),
}

SERVICE_CALLS = {
    "users.register": lambda db, learner: add_user(db, "other", id=learner.user_id),
    "users.find_by_email": lambda db, learner: db.users.find_by_email(learner.email),
    "users.find_by_username": lambda db, learner: db.users.find_by_username(learner.username),
    "users.mark_email_verified": lambda db, learner: db.users.mark_email_verified(learner.user_id),
    "users.deactivate": lambda db, learner: db.users.deactivate(learner.user_id),
    "users.reactivate": lambda db, learner: db.users.reactivate(learner.user_id),
    "users.delete": lambda db, learner: db.users.delete(learner.user_id),
    "users.erase": lambda db, learner: db.users.erase(learner.user_id),
    "accounts.authenticate": lambda db, learner: db.accounts.authenticate(learner.email, "wrong", bcrypt_cost=4),
    "accounts.log_in": lambda db, learner: db.accounts.log_in(learner.email, "wrong", bcrypt_cost=4),
    "accounts.change_password": lambda db, learner: db.accounts.change_password(
        learner.user_id, current="correct horse", new="battery staple", bcrypt_cost=4
    ),
    "accounts.request_email_change": lambda db, learner: db.accounts.request_email_change(
        learner.user_id, "new@example.org", current="correct horse", bcrypt_cost=4
    ),
    "accounts.change_email": lambda db, learner: db.accounts.change_email(token(learner.user_id, bytes(32))),
    "accounts.request_email_verification": lambda db, learner: db.accounts.request_email_verification(learner.user_id),
    "accounts.verify_email": lambda db, learner: db.accounts.verify_email(token(learner.user_id, bytes(32))),
    "accounts.request_password_reset": lambda db, learner: db.accounts.request_password_reset(learner.email),
    "accounts.reset_password": lambda db, learner: db.accounts.reset_password(
        token(learner.user_id, bytes(32)), "a new password"
    ),
    "accounts.forget_attempts": lambda db, _: db.accounts.forget_attempts(),
    "sessions.start": lambda db, learner: db.sessions.start(learner.user_id, id=learner.session_id),
    "sessions.resume": lambda db, learner: db.sessions.resume(token(learner.user_id, bytes(32))),
    "sessions.touch": lambda db, learner: db.sessions.touch(learner.user_id, learner.session_id),
    "sessions.expire_idle": lambda db, _: db.sessions.expire_idle(timedelta(0)),
    "achievements.create": lambda db, learner: add_achievement(db, "New", id=learner.user_id),
    "achievements.update": lambda db, learner: db.achievements.update(learner.achievement_id, name="Changed"),
    "achievements.retire": lambda db, learner: db.achievements.retire(learner.achievement_id),
    "achievements.backfill": lambda db, learner: db.achievements.backfill(learner.achievement_id),
    "progress.import_rows": lambda db, learner: db.progress.import_rows(
        [{"user_id": learner.user_id, "skill_id": learner.open_id, "status": "AVAILABLE", "unlocked_at": NOON}]
    ),
    "progress.restore_streak": lambda db, learner: db.progress.restore_streak(
        learner.user_id, [NOON.date()], reason="down"
    ),
    "leaderboards.top": lambda db, _: db.leaderboards.top(),
    "leaderboards.around": lambda db, learner: db.leaderboards.around(learner.user_id),
    "leaderboards.rank": lambda db, learner: db.leaderboards.rank(learner.user_id),
    "analytics.skills": lambda db, learner: db.analytics.skills(learner.tree_id, min_group=3),
    "analytics.bottlenecks": lambda db, learner: db.analytics.bottlenecks(learner.tree_id, min_group=3),
    "analytics.prerequisites": lambda db, learner: db.analytics.prerequisites(learner.tree_id, min_group=3),
    "audit.history": lambda db, learner: db.audit.history("user_profiles", learner.user_id),
    "audit.ensure_partitions": lambda db, _: db.audit.ensure_partitions(),
    "audit.drop_partitions": lambda db, _: db.audit.drop_partitions(months_kept=24),
    "doctor.require_sight": lambda db, _: db.doctor.require_sight(),
    "doctor.examine": lambda db, _: db.doctor.examine(),
    "doctor.repair": lambda db, _: db.doctor.repair(),
    "categories.create": lambda db, learner: db.categories.create(name="New", slug="new", id=learner.user_id),
    "categories.update": lambda db, learner: db.categories.update(learner.category_id, name="Changed"),
    "trees.create": lambda db, learner: db.trees.create(
        learner.category_id, name="New", slug="new", id=learner.user_id
    ),
    "trees.update": lambda db, learner: db.trees.update(learner.tree_id, name="Changed"),
    "users.get_many": lambda db, learner: db.users.get_many([learner.user_id]),
    "users.get_profiles": lambda db, learner: db.users.get_profiles([learner.user_id]),
    "trees.change_language": lambda db, learner: db.trees.change_language(learner.tree_id, "de"),
    "trees.change_slug": lambda db, learner: db.trees.change_slug(learner.tree_id, "changed"),
    "trees.publish": lambda db, learner: db.trees.publish(learner.tree_id),
    "trees.unpublish": lambda db, learner: db.trees.unpublish(learner.tree_id),
    "trees.set_prerequisites": lambda db, learner: db.trees.set_prerequisites(
        learner.tree_id, [learner.untouched_tree_id]
    ),
    "trees.delete": lambda db, learner: db.trees.delete(learner.tree_id),
    "trees.import_tree": lambda db, learner: db.trees.import_tree(learner.curriculum),
    "trees.preview_changes": lambda db, learner: db.trees.preview_changes(learner.curriculum),
    "skills.create": lambda db, learner: db.skills.create(learner.tree_id, name="New", id=learner.user_id),
    "skills.update": lambda db, learner: db.skills.update(learner.done_id, name="Changed"),
    "skills.update (counts)": lambda db, learner: db.skills.update(learner.done_id, is_optional=True),
    "skills.change_key": lambda db, learner: db.skills.change_key(learner.done_id, "changed"),
    "skills.update_content": lambda db, learner: db.skills.update_content(learner.done_id, None),
    "skills.arrange": lambda db, learner: db.skills.arrange(learner.tree_id, {learner.done_id: (1, 2)}),
    "skills.add_dependency": lambda db, learner: db.skills.add_dependency(learner.open_id, learner.done_id),
    "skills.remove_dependency": lambda db, learner: db.skills.remove_dependency(learner.locked_id, learner.done_id),
    "skills.set_dependencies": lambda db, learner: db.skills.set_dependencies(learner.locked_id, [learner.open_id]),
    "skills.deactivate": lambda db, learner: db.skills.deactivate(learner.done_id),
    "skills.delete": lambda db, learner: db.skills.delete(learner.done_id),
}
