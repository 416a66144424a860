"""The tables as unmanaged Django models, in Django's usual style."""

import django
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

# Databases are added later.
settings.configure(DATABASES={}, USE_TZ=True)
django.setup()


class Table(models.Model):
    class Meta:
        abstract = True
        app_label = "bench"
        managed = False


class Profile(Table):
    user_id = models.UUIDField(primary_key=True)
    timezone = models.TextField()
    total_xp = models.IntegerField()
    current_level = models.IntegerField()
    current_streak = models.IntegerField()
    max_streak = models.IntegerField()
    skills_completed = models.IntegerField()
    trees_started = models.IntegerField()
    last_activity_on = models.DateField(null=True)
    last_activity_at = models.DateTimeField(null=True)
    last_activity_offset = models.DurationField(null=True)
    streak_started_at = models.DateTimeField(null=True)

    class Meta(Table.Meta):
        db_table = "user_profiles"


class Tree(Table):
    id = models.UUIDField(primary_key=True)
    category_id = models.UUIDField()
    name = models.TextField()
    slug = models.TextField()
    description = models.TextField(null=True)
    short_description = models.TextField(null=True)
    difficulty = models.TextField()
    estimated_hours = models.FloatField(null=True)
    prerequisites = ArrayField(models.UUIDField())
    tags = ArrayField(models.TextField())
    version = models.TextField()
    language = models.TextField()
    layout_config = models.JSONField()
    theme_config = models.JSONField()
    is_published = models.BooleanField()
    is_featured = models.BooleanField()
    is_ai_generated = models.BooleanField()
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    created_by = models.UUIDField(null=True)
    updated_by = models.UUIDField(null=True)

    class Meta(Table.Meta):
        db_table = "skill_trees"


class Skill(Table):
    id = models.UUIDField(primary_key=True)
    skill_tree = models.ForeignKey(Tree, models.CASCADE, related_name="skills")
    parent_skill_id = models.UUIDField(null=True)
    name = models.TextField()
    short_name = models.TextField(null=True)
    description = models.TextField(null=True)
    learning_objectives = ArrayField(models.TextField())
    skill_type = models.TextField()
    difficulty = models.TextField()
    estimated_minutes = models.IntegerField(null=True)
    xp_value = models.IntegerField()
    dependencies = ArrayField(models.UUIDField())
    dependents = ArrayField(models.UUIDField())
    position_x = models.FloatField()
    position_y = models.FloatField()
    node_size = models.IntegerField()
    content = models.JSONField(null=True)
    resources = models.JSONField(null=True)
    assessments = models.JSONField(null=True)
    is_active = models.BooleanField()
    is_optional = models.BooleanField()
    is_milestone = models.BooleanField()
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    created_by = models.UUIDField(null=True)
    updated_by = models.UUIDField(null=True)

    class Meta(Table.Meta):
        db_table = "skills"


class Progress(Table):
    pk = models.CompositePrimaryKey("user_id", "skill_id")
    id = models.UUIDField(db_default=models.Func(function="uuidv7"))
    user_id = models.UUIDField()
    skill_id = models.UUIDField()
    skill_tree_id = models.UUIDField()
    status = models.TextField()
    progress_percent = models.FloatField(default=0)
    time_spent_minutes = models.IntegerField(default=0)
    attempts_count = models.IntegerField(default=0)
    failed_attempts = models.IntegerField(default=0)
    completion_method = models.TextField(null=True)
    completion_score = models.FloatField(null=True)
    evidence_data = models.JSONField(null=True)
    unlocked_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    last_activity_at = models.DateTimeField(null=True)
    completed_at = models.DateTimeField(null=True)
    struggling_indicators = models.JSONField(null=True)
    engagement_score = models.FloatField(null=True)
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(db_default=Now())

    class Meta(Table.Meta):
        db_table = "user_skill_progress"


class TreeProgress(Table):
    pk = models.CompositePrimaryKey("user_id", "skill_tree_id")
    id = models.UUIDField(db_default=models.Func(function="uuidv7"))
    user_id = models.UUIDField()
    skill_tree_id = models.UUIDField()
    status = models.TextField()
    progress_percent = models.FloatField(default=0)
    skills_completed = models.IntegerField(default=0)
    total_skills = models.IntegerField(default=0)
    time_spent_minutes = models.IntegerField(default=0)
    started_at = models.DateTimeField(null=True)
    last_activity_at = models.DateTimeField(null=True)
    completed_at = models.DateTimeField(null=True)
    milestones_reached = ArrayField(models.UUIDField(), default=list)
    current_path = ArrayField(models.UUIDField(), default=list)
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(db_default=Now())

    class Meta(Table.Meta):
        db_table = "user_skill_tree_progress"


class Event(Table):
    pk = models.CompositePrimaryKey("user_id", "source_kind", "source_id")
    user_id = models.UUIDField()
    source_kind = models.TextField()
    source_id = models.UUIDField()
    xp = models.IntegerField()
    granted_at = models.DateTimeField()
    granted_on = models.DateField()
    skill_tree_id = models.UUIDField(null=True)
    category_id = models.UUIDField(null=True)
    difficulty = models.TextField(null=True)
    skill_type = models.TextField(null=True)

    class Meta(Table.Meta):
        db_table = "xp_events"


class Day(Table):
    pk = models.CompositePrimaryKey("user_id", "activity_date")
    user_id = models.UUIDField()
    activity_date = models.DateField()
    learnt_at = models.DateTimeField(null=True)

    class Meta(Table.Meta):
        db_table = "user_activity_days"


class Achievement(Table):
    id = models.UUIDField(primary_key=True)
    name = models.TextField()
    category = models.TextField()
    rarity = models.TextField()
    badge_icon = models.TextField(null=True)
    badge_color = models.TextField(null=True)
    criteria = models.JSONField()
    criterion = models.TextField()
    threshold = models.IntegerField()
    is_limited = models.BooleanField()
    is_active = models.BooleanField()
    xp_reward = models.IntegerField()

    class Meta(Table.Meta):
        db_table = "achievements"


class Award(Table):
    pk = models.CompositePrimaryKey("user_id", "achievement_id")
    user_id = models.UUIDField()
    achievement_id = models.UUIDField()
    earned_at = models.DateTimeField()
    metadata = models.JSONField()

    class Meta(Table.Meta):
        db_table = "user_achievements"


class Level(Table):
    level = models.IntegerField(primary_key=True)
    min_xp = models.IntegerField()

    class Meta(Table.Meta):
        db_table = "levels"


class Counts(Table):
    pk = models.CompositePrimaryKey("board", "starts_on", "level", "bucket", "slot")
    board = models.TextField()
    starts_on = models.DateField()
    level = models.IntegerField()
    bucket = models.IntegerField()
    slot = models.IntegerField()
    counts = ArrayField(models.IntegerField())

    class Meta(Table.Meta):
        db_table = "leaderboard_counts"


class Score(Table):
    pk = models.CompositePrimaryKey("user_id", "board", "starts_on")
    user_id = models.UUIDField()
    board = models.TextField()
    starts_on = models.DateField()
    xp = models.IntegerField()
    reached_at = models.DateTimeField()
    is_listed = models.BooleanField()

    class Meta(Table.Meta):
        db_table = "user_scores"
