"""The Django ORM in its usual style: load objects, change them, save them."""

from typing import Any
from uuid import UUID

from django.contrib.postgres.search import SearchHeadline, SearchQueryField, SearchRank, SearchVectorField
from django.db import connections, transaction
from django.db.models import BooleanField, F, Func, Max, Prefetch, TextField, Value
from django.db.models.expressions import RawSQL
from django.db.models.functions import Left
from django.utils import timezone
from psycopg.conninfo import conninfo_to_dict

from tools.bench import rules
from tools.bench.django_models import (
    Achievement,
    Award,
    Counts,
    Day,
    Event,
    Level,
    Profile,
    Progress,
    Score,
    Skill,
    Tree,
    TreeProgress,
)
from tools.bench.peers import Brought
from tools.bench.statements import PAGE, Completed, Loaded, in_order, offset, percent, streak_on, today

_NAMES = {"host": "HOST", "port": "PORT", "user": "USER", "password": "PASSWORD", "dbname": "NAME"}


class Django:
    """A connection for each thread, which Django keeps open."""

    is_async = False
    name = "Django"

    def __init__(self, url: str, size: int) -> None:
        known = conninfo_to_dict(url)
        mine = {"ENGINE": "django.db.backends.postgresql"}
        mine |= {theirs: str(known[ours]) for ours, theirs in _NAMES.items() if ours in known}
        self._alias = f"{size} {url}"
        connections.settings[self._alias] = connections.configure_settings({"default": {}, self._alias: mine})[
            self._alias
        ]

    def open(self) -> object:
        return None

    def close(self) -> object:
        """Close the connection of this thread."""
        return connections[self._alias].close()

    def get(self, tree_id: UUID) -> object:
        return self._all(Tree).get(id=tree_id)

    def load(self, slug: str, user_id: UUID) -> object:
        skills = self._all(Skill).filter(is_active=True).order_by("position_y", "position_x")
        tree = self._all(Tree).prefetch_related(Prefetch("skills", queryset=skills)).get(slug=slug)
        found = [*tree.skills.all()]
        rows = self._all(Progress).filter(user_id=user_id, skill_id__in=[skill.id for skill in found])
        work = {row.skill_id: row for row in rows}
        progress = self._all(TreeProgress).filter(pk=(user_id, tree.id)).first()
        return Loaded(tree, [(skill, work.get(skill.id)) for skill in found], progress)

    def page(self) -> object:
        rows = [*self._all(Tree).filter(is_published=True).order_by("name", "id")[: PAGE + 1]]
        return (rows[:PAGE], (rows[PAGE - 1].name, rows[PAGE - 1].id)) if len(rows) > PAGE else (rows, None)

    def search(self, text: str) -> object:
        query, whole = (
            Func(Value("en"), Value(text), Value(begun), function="search_query", output_field=SearchQueryField())
            for begun in (True, False)
        )
        words = Left(Func(Value(": "), "name", "description", function="concat_ws", output_field=TextField()), 2000)
        marks = {"start_sel": "**", "stop_sel": "**", "max_fragments": 2, "max_words": 20, "min_words": 5}
        columns = ("id", "category_id", "name", "slug", "difficulty", "tags", "rank", "snippet")
        return [
            *self._all(Tree)
            .alias(document=RawSQL('"skill_trees"."search_document"', [], output_field=SearchVectorField()))
            .alias(
                is_found=RawSQL(
                    '"skill_trees"."search_document" @@ search_query(%s, %s, true)',
                    ["en", text],
                    output_field=BooleanField(),
                )
            )
            .filter(is_found=True, is_published=True)
            .annotate(
                rank=SearchRank(F("document"), whole) + SearchRank(F("document"), query) / 100.0,
                snippet=SearchHeadline(words, query, config="english", **marks),
            )
            .order_by("-rank", "name", "id")
            .values_list(*columns)[:20]
        ]

    def progress(self, user_id: UUID, tree_id: UUID) -> object:
        active = self._all(Skill).filter(skill_tree_id=tree_id, is_active=True)
        counting = active.filter(is_optional=False)
        total = counting.count()
        if not total:
            counting, total = active, active.count()
        done = self._all(Progress).filter(user_id=user_id, status="COMPLETED", skill_id__in=counting.values("id"))
        return percent(total, done.count())

    def missing(self, user_id: UUID, skill_id: UUID) -> object:
        tree_id = self._all(Skill).values_list("skill_tree_id", flat=True).get(id=skill_id)
        skills = self._all(Skill).filter(skill_tree_id=tree_id, is_active=True).order_by("position_y", "position_x")
        needed = skills.only("name", "difficulty", "estimated_minutes", "dependencies")
        active = {skill.id: skill for skill in needed}
        rows = {row[0]: row for row in rules.missing_before(skill_id, active, self._work(user_id, tree_id))}
        return in_order([rows[each] for each in active if each in rows], skill_id)

    def complete(self, user_id: UUID, skill_id: UUID) -> object:
        with transaction.atomic(using=self._alias):
            now = timezone.now()
            profile = self._all(Profile).select_for_update().get(user_id=user_id)
            xp_before, level_before = profile.total_xp, profile.current_level
            skill = self._all(Skill).select_related("skill_tree").get(id=skill_id)
            tree = skill.skill_tree
            skills = [
                *self._all(Skill)
                .filter(skill_tree_id=tree.id, is_active=True)
                .order_by("position_y", "position_x", "id")
            ]
            active = {each.id: each for each in skills}
            work = self._work(user_id, tree.id)
            if not rules.is_open(skill, active, work):
                raise ValueError("not now")
            done = work.get(skill_id)
            if done is None:
                done = work[skill_id] = Progress(user_id=user_id, skill_id=skill_id, skill_tree_id=tree.id)
                done.unlocked_at = done.started_at = now
            done.status, done.progress_percent, done.completion_method = "COMPLETED", 100.0, "MANUAL"
            done.completed_at = done.last_activity_at = now
            done.save(using=self._alias)
            unlocked = [
                each
                for each in skills
                if each.id in skill.dependents and each.id not in work and rules.is_open(each, active, work)
            ]
            opened = {"user_id": user_id, "skill_tree_id": tree.id, "status": "AVAILABLE", "unlocked_at": now}
            self._all(Progress).bulk_create([Progress(skill_id=each.id, **opened) for each in unlocked])

            progress, is_new = self._all(TreeProgress).get_or_create(
                user_id=user_id, skill_tree_id=tree.id, defaults={"status": "IN_PROGRESS", "started_at": now}
            )
            profile.trees_started += is_new
            rules.count_in_tree(progress, skills, work)
            progress.last_activity_at = now
            progress.save(using=self._alias)

            day = today(profile.timezone)
            profile.current_streak = streak_on(profile.current_streak, profile.last_activity_on, day)
            if profile.current_streak == 1 and profile.last_activity_on != day:
                profile.streak_started_at = now
            profile.last_activity_offset = offset(profile.timezone)
            profile.max_streak = max(profile.max_streak, profile.current_streak)
            profile.last_activity_on, profile.last_activity_at = day, now
            profile.skills_completed += 1
            self._all(Day).get_or_create(user_id=user_id, activity_date=day, defaults={"learnt_at": now})
            paid = Event(user_id=user_id, source_kind="SKILL", source_id=skill_id, xp=skill.xp_value)
            paid.granted_at, paid.granted_on, paid.skill_tree_id, paid.category_id = now, day, tree.id, tree.category_id
            paid.difficulty, paid.skill_type = skill.difficulty, skill.skill_type
            paid.save(using=self._alias, force_insert=True)
            profile.total_xp += skill.xp_value
            achievements = self._award(profile, now)
            level = self._all(Level).filter(min_xp__lte=profile.total_xp).aggregate(level=Max("level"))["level"]
            profile.current_level = max(profile.current_level, level)
            profile.save(using=self._alias)
            self._add_scores(profile, profile.total_xp - xp_before, now)
        return Completed(
            *(done, progress, unlocked, achievements, profile.total_xp - xp_before, profile.total_xp),
            *(level_before, profile.current_level, profile.current_streak, profile.max_streak),
        )

    def bulk(self, rows: Brought, tree_id: UUID) -> object:
        made = self._all(Progress).bulk_create([Progress(**row, skill_tree_id=tree_id) for row in rows])
        return len(made)

    def _all(self, model: Any) -> Any:
        return model.objects.using(self._alias)

    def _work(self, user_id: UUID, tree_id: UUID) -> dict[UUID, Any]:
        return {row.skill_id: row for row in self._all(Progress).filter(user_id=user_id, skill_tree_id=tree_id)}

    def _award(self, profile: Any, now: Any) -> list[Any]:
        paid = self._all(Event).filter(user_id=profile.user_id, source_kind="SKILL").count()
        known = self._all(Award).filter(user_id=profile.user_id).values("achievement_id")
        achievements = []
        for achievement in self._all(Achievement).filter(is_active=True).exclude(id__in=known):
            value = rules.reached(achievement, profile, paid)
            if value >= achievement.threshold and not achievement.is_limited:
                award = Award(user_id=profile.user_id, achievement_id=achievement.id, earned_at=now)
                award.metadata = {"value": value, "criteria": achievement.criteria}
                award.save(using=self._alias, force_insert=True)
                event = Event(user_id=profile.user_id, source_kind="ACHIEVEMENT", source_id=achievement.id)
                event.xp, event.granted_at, event.granted_on = achievement.xp_reward, now, profile.last_activity_on
                event.save(using=self._alias, force_insert=True)
                profile.total_xp += achievement.xp_reward
                achievements.append(achievement)
        return achievements

    def _add_scores(self, profile: Any, gain: int, now: Any) -> None:
        for board in rules.BOARDS:
            starts_on = rules.begin_of(board, now.date())
            key = {"user_id": profile.user_id, "board": board, "starts_on": starts_on}
            score = self._all(Score).filter(**key).first() or Score(**key, xp=0, is_listed=True)
            self._count(score, -1)
            score.xp += gain
            score.reached_at = now
            score.save(using=self._alias)
            self._count(score, 1)

    def _count(self, score: Any, change: int) -> None:
        for level, bucket, slot, position in rules.counts_of(score):
            key = {"board": score.board, "starts_on": score.starts_on, "level": level, "bucket": bucket, "slot": slot}
            row = self._all(Counts).select_for_update().filter(**key).first() or Counts(**key, counts=[0] * 64)
            row.counts = rules.counted(row.counts, position, change)
            row.save(using=self._alias)
