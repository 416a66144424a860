"""Every method of every repository, called on what is somebody's: what test_strangers does as somebody else.

A new method takes a line, of the kind that it is:

OWN        one learner's: to others it is as if there were no such learner
CATALOGUE  the same for everybody
SERVICE    across learners: refused to a learner
"""

from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from uuid import UUID, uuid4

from _async.factories import add_achievement, add_session, add_skills, add_tree, add_user
from skilltree._core.tokens import token

DAY = date(2026, 3, 10)
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)


class Belongings(NamedTuple):
    """What is a learner's, and the catalogue in which they learn."""

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

    def of_nobody(self):
        """Return the same for a learner who does not exist."""
        return self._replace(user_id=uuid4(), email="nobody@example.org", username="nobody", session_id=uuid4())

    def unnamed(self, text):
        """Return a text without what tells whose it is."""
        for field in ("user_id", "email", "username", "session_id"):
            text = text.replace(str(getattr(self, field)), field)
        return text


async def add_belongings(db, username, course):
    """Add a learner with rows in every per-user table, each with values of their own."""
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
    return Belongings(user_id=learner.id, email=learner.email, username=username, session_id=session.id, **course)


async def exported(db, user_id):
    text = ""
    async for chunk in db.users.export(user_id):
        text += chunk
    return text


async def add_course(db):
    """Add a tree that everybody begins, and one that nobody does."""
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


OWN = {
    "users.get": lambda db, of: db.users.get(of.user_id),
    "users.get_profile": lambda db, of: db.users.get_profile(of.user_id),
    "users.update_profile": lambda db, of: db.users.update_profile(of.user_id, bio="Changed"),
    "users.update_profile (listed)": lambda db, of: db.users.update_profile(of.user_id, is_on_leaderboard=False),
    "users.update_account": lambda db, of: db.users.update_account(of.user_id, first_name="Changed"),
    "users.export": lambda db, of: exported(db, of.user_id),
    "sessions.end": lambda db, of: db.sessions.end(of.user_id, of.session_id),
    "sessions.end_all": lambda db, of: db.sessions.end_all(of.user_id),
    "sessions.end_all (but one)": lambda db, of: db.sessions.end_all(of.user_id, except_session_id=uuid4()),
    "sessions.list_active": lambda db, of: db.sessions.list_active(of.user_id),
    "progress.start_tree": lambda db, of: db.progress.start_tree(of.user_id, of.untouched_tree_id),
    "progress.start_tree (begun)": lambda db, of: db.progress.start_tree(of.user_id, of.tree_id),
    "progress.pause_tree": lambda db, of: db.progress.pause_tree(of.user_id, of.tree_id),
    "progress.resume_tree": lambda db, of: db.progress.resume_tree(of.user_id, of.tree_id),
    "progress.set_current_path": lambda db, of: db.progress.set_current_path(of.user_id, of.tree_id, [of.begun_id]),
    "progress.reset_tree": lambda db, of: db.progress.reset_tree(of.user_id, of.tree_id),
    "progress.start_skill": lambda db, of: db.progress.start_skill(of.user_id, of.open_id),
    "progress.start_skill (untouched)": lambda db, of: db.progress.start_skill(of.user_id, of.untouched_id),
    "progress.record_activity": lambda db, of: db.progress.record_activity(of.user_id, of.begun_id, minutes=7),
    "progress.record_attempt": lambda db, of: db.progress.record_attempt(of.user_id, of.begun_id, score=100),
    "progress.complete_skill": lambda db, of: db.progress.complete_skill(of.user_id, of.begun_id),
    "progress.complete_skill (done)": lambda db, of: db.progress.complete_skill(of.user_id, of.done_id, score=100),
    "progress.complete_skill (locked)": lambda db, of: db.progress.complete_skill(of.user_id, of.locked_id),
    "progress.skip_skill": lambda db, of: db.progress.skip_skill(of.user_id, of.open_id),
    "progress.reset_skill": lambda db, of: db.progress.reset_skill(of.user_id, of.done_id),
    "progress.for_skill": lambda db, of: db.progress.for_skill(of.user_id, of.done_id),
    "progress.for_tree": lambda db, of: db.progress.for_tree(of.user_id, of.tree_id),
    "progress.list_for_user": lambda db, of: db.progress.list_for_user(of.user_id),
    "progress.calculate_tree_progress": lambda db, of: db.progress.calculate_tree_progress(of.user_id, of.tree_id),
    "progress.can_unlock": lambda db, of: db.progress.can_unlock(of.user_id, of.successor_id),
    "progress.missing_prerequisites": lambda db, of: db.progress.missing_prerequisites(of.user_id, of.locked_id),
    "progress.explain_lock": lambda db, of: db.progress.explain_lock(of.user_id, of.locked_id),
    "progress.learning_path": lambda db, of: db.progress.learning_path(of.user_id, of.locked_id),
    "progress.next_skills": lambda db, of: db.progress.next_skills(of.user_id),
    "progress.next_skills (of a tree)": lambda db, of: db.progress.next_skills(of.user_id, tree_id=of.tree_id),
    "progress.dashboard": lambda db, of: db.progress.dashboard(of.user_id),
    "progress.activity_by_day": lambda db, of: db.progress.activity_by_day(of.user_id, since=DAY, until=DAY),
    "achievements.standings": lambda db, of: db.achievements.standings(of.user_id),
    "achievements.for_user": lambda db, of: db.achievements.for_user(of.user_id),
    "trees.load": lambda db, of: db.trees.load(of.slug, of.user_id),
    "trees.load_map": lambda db, of: db.trees.load_map(of.slug, of.user_id),
}

CATALOGUE = {
    "categories.find_by_slug": lambda db, _: db.categories.find_by_slug("programming"),
    "categories.list": lambda db, _: db.categories.list(include_inactive=True),
    "trees.get_many": lambda db, of: db.trees.get_many([of.tree_id]),
    "trees.get": lambda db, of: db.trees.get(of.tree_id),
    "trees.find_by_slug": lambda db, of: db.trees.find_by_slug(of.slug),
    "trees.search": lambda db, _: db.trees.search("web", published=None),
    "trees.export_tree": lambda db, of: db.trees.export_tree(of.slug),
    "trees.list": lambda db, _: db.trees.list(published=None),
    "skills.get_many": lambda db, of: db.skills.get_many([of.done_id]),
    "skills.get": lambda db, of: db.skills.get(of.done_id),
    "skills.list_for_tree": lambda db, of: db.skills.list_for_tree(of.tree_id, include_inactive=True),
    "skills.children": lambda db, of: db.skills.children(of.done_id),
    "skills.search": lambda db, _: db.skills.search("done", published=None),
    "skills.ancestors": lambda db, of: db.skills.ancestors(of.locked_id),
    "skills.descendants": lambda db, of: db.skills.descendants(of.done_id),
    "skills.learning_path": lambda db, of: db.skills.learning_path(of.locked_id),
    "achievements.get_many": lambda db, of: db.achievements.get_many([of.achievement_id]),
    "achievements.get": lambda db, of: db.achievements.get(of.achievement_id),
    "achievements.list": lambda db, _: db.achievements.list(include_hidden=True, include_inactive=True),
}

SERVICE = {
    "users.register": lambda db, of: add_user(db, "other", id=of.user_id),
    "users.find_by_email": lambda db, of: db.users.find_by_email(of.email),
    "users.find_by_username": lambda db, of: db.users.find_by_username(of.username),
    "users.mark_email_verified": lambda db, of: db.users.mark_email_verified(of.user_id),
    "users.deactivate": lambda db, of: db.users.deactivate(of.user_id),
    "users.reactivate": lambda db, of: db.users.reactivate(of.user_id),
    "users.delete": lambda db, of: db.users.delete(of.user_id),
    "users.erase": lambda db, of: db.users.erase(of.user_id),
    "accounts.authenticate": lambda db, of: db.accounts.authenticate(of.email, "wrong", bcrypt_cost=4),
    "accounts.log_in": lambda db, of: db.accounts.log_in(of.email, "wrong", bcrypt_cost=4),
    "accounts.change_password": lambda db, of: db.accounts.change_password(
        of.user_id, current="correct horse", new="battery staple", bcrypt_cost=4
    ),
    "accounts.request_email_change": lambda db, of: db.accounts.request_email_change(
        of.user_id, "new@example.org", current="correct horse", bcrypt_cost=4
    ),
    "accounts.change_email": lambda db, of: db.accounts.change_email(token(of.user_id, bytes(32))),
    "accounts.request_email_verification": lambda db, of: db.accounts.request_email_verification(of.user_id),
    "accounts.verify_email": lambda db, of: db.accounts.verify_email(token(of.user_id, bytes(32))),
    "accounts.request_password_reset": lambda db, of: db.accounts.request_password_reset(of.email),
    "accounts.reset_password": lambda db, of: db.accounts.reset_password(
        token(of.user_id, bytes(32)), "a new password"
    ),
    "accounts.forget_attempts": lambda db, _: db.accounts.forget_attempts(),
    "sessions.start": lambda db, of: db.sessions.start(of.user_id, id=of.session_id),
    "sessions.resume": lambda db, of: db.sessions.resume(token(of.user_id, bytes(32))),
    "sessions.touch": lambda db, of: db.sessions.touch(of.user_id, of.session_id),
    "sessions.expire_idle": lambda db, _: db.sessions.expire_idle(timedelta(0)),
    "achievements.create": lambda db, of: add_achievement(db, "New", id=of.user_id),
    "achievements.update": lambda db, of: db.achievements.update(of.achievement_id, name="Changed"),
    "achievements.retire": lambda db, of: db.achievements.retire(of.achievement_id),
    "achievements.backfill": lambda db, of: db.achievements.backfill(of.achievement_id),
    "progress.import_rows": lambda db, of: db.progress.import_rows(
        [{"user_id": of.user_id, "skill_id": of.open_id, "status": "AVAILABLE", "unlocked_at": NOON}]
    ),
    "progress.restore_streak": lambda db, of: db.progress.restore_streak(of.user_id, [NOON.date()], reason="down"),
    "leaderboards.top": lambda db, _: db.leaderboards.top(),
    "leaderboards.around": lambda db, of: db.leaderboards.around(of.user_id),
    "leaderboards.rank": lambda db, of: db.leaderboards.rank(of.user_id),
    "analytics.skills": lambda db, of: db.analytics.skills(of.tree_id, min_group=3),
    "analytics.bottlenecks": lambda db, of: db.analytics.bottlenecks(of.tree_id, min_group=3),
    "analytics.prerequisites": lambda db, of: db.analytics.prerequisites(of.tree_id, min_group=3),
    "audit.history": lambda db, of: db.audit.history("user_profiles", of.user_id),
    "audit.ensure_partitions": lambda db, _: db.audit.ensure_partitions(),
    "audit.drop_partitions": lambda db, _: db.audit.drop_partitions(months_kept=24),
    "doctor.require_sight": lambda db, _: db.doctor.require_sight(),
    "doctor.examine": lambda db, _: db.doctor.examine(),
    "doctor.repair": lambda db, _: db.doctor.repair(),
    "categories.create": lambda db, of: db.categories.create(name="New", slug="new", id=of.user_id),
    "categories.update": lambda db, of: db.categories.update(of.category_id, name="Changed"),
    "trees.create": lambda db, of: db.trees.create(of.category_id, name="New", slug="new", id=of.user_id),
    "trees.update": lambda db, of: db.trees.update(of.tree_id, name="Changed"),
    "users.get_many": lambda db, of: db.users.get_many([of.user_id]),
    "users.get_profiles": lambda db, of: db.users.get_profiles([of.user_id]),
    "trees.change_language": lambda db, of: db.trees.change_language(of.tree_id, "de"),
    "trees.change_slug": lambda db, of: db.trees.change_slug(of.tree_id, "changed"),
    "trees.publish": lambda db, of: db.trees.publish(of.tree_id),
    "trees.unpublish": lambda db, of: db.trees.unpublish(of.tree_id),
    "trees.set_prerequisites": lambda db, of: db.trees.set_prerequisites(of.tree_id, [of.untouched_tree_id]),
    "trees.delete": lambda db, of: db.trees.delete(of.tree_id),
    "trees.import_tree": lambda db, of: db.trees.import_tree(of.curriculum),
    "trees.preview_changes": lambda db, of: db.trees.preview_changes(of.curriculum),
    "skills.create": lambda db, of: db.skills.create(of.tree_id, name="New", id=of.user_id),
    "skills.update": lambda db, of: db.skills.update(of.done_id, name="Changed"),
    "skills.update (counts)": lambda db, of: db.skills.update(of.done_id, is_optional=True),
    "skills.change_key": lambda db, of: db.skills.change_key(of.done_id, "changed"),
    "skills.update_content": lambda db, of: db.skills.update_content(of.done_id, None),
    "skills.arrange": lambda db, of: db.skills.arrange(of.tree_id, {of.done_id: (1, 2)}),
    "skills.add_dependency": lambda db, of: db.skills.add_dependency(of.open_id, of.done_id),
    "skills.remove_dependency": lambda db, of: db.skills.remove_dependency(of.locked_id, of.done_id),
    "skills.set_dependencies": lambda db, of: db.skills.set_dependencies(of.locked_id, [of.open_id]),
    "skills.deactivate": lambda db, of: db.skills.deactivate(of.done_id),
    "skills.delete": lambda db, of: db.skills.delete(of.done_id),
}
