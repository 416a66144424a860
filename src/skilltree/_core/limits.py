"""The database's check constraints in words, because the server's error gives only the constraint's name."""

from collections.abc import Iterable, Mapping
from json import loads

from skilltree._core.messages import shown

LIMITS = {
    "achievements_badge_color_form": "be a colour such as #4F46E5",
    "achievements_badge_icon_length": "have at most 2048 characters",
    "achievements_criteria_depth": "be nested at most 100 levels deep",
    "achievements_criteria_size": "take at most 10000 bytes",
    "achievements_description_length": "have 1 to 10000 characters",
    "achievements_name_length": "have 1 to 200 characters",
    "achievements_xp_reward_range": "be from 0 to 1000000",
    "skill_categories_color_form": "be a colour such as #4F46E5",
    "skill_categories_description_length": "have at most 100000 characters",
    "skill_categories_icon_length": "have at most 100 characters",
    "skill_categories_name_length": "have 1 to 100 characters",
    "skill_categories_slug_form": "be words of a to z and 0 to 9 joined by hyphens",
    "skill_categories_slug_length": "have at most 100 characters",
    "skill_trees_description_length": "have at most 100000 characters",
    "skill_trees_estimated_hours_range": "be a number of 0 or more",
    "skill_trees_language_form": "be a language code such as en or pt-BR",
    "skill_trees_layout_config_depth": "be nested at most 100 levels deep",
    "skill_trees_layout_config_form": "be a JSON object",
    "skill_trees_layout_config_size": "take at most 100000 bytes",
    "skill_trees_name_length": "have 1 to 200 characters",
    "skill_trees_prerequisites_count": "have at most 10000 items",
    "skill_trees_prerequisites_distinct": "not contain duplicates",
    "skill_trees_short_description_length": "have at most 300 characters",
    "skill_trees_slug_form": "be words of a to z and 0 to 9 joined by hyphens",
    "skill_trees_slug_length": "have at most 200 characters",
    "skill_trees_tags_form": "have at most 100 items of 1 to 100 characters",
    "skill_trees_theme_config_depth": "be nested at most 100 levels deep",
    "skill_trees_theme_config_form": "be a JSON object",
    "skill_trees_theme_config_size": "take at most 100000 bytes",
    "skill_trees_version_length": "have 1 to 50 characters",
    "skills_assessments_depth": "be nested at most 100 levels deep",
    "skills_assessments_form": "be a JSON object",
    "skills_assessments_size": "take at most 1000000 bytes",
    "skills_content_depth": "be nested at most 100 levels deep",
    "skills_content_form": "be a JSON object",
    "skills_content_size": "take at most 1000000 bytes",
    "skills_dependencies_count": "have at most 10000 items",
    "skills_dependencies_distinct": "not contain duplicates",
    "skills_dependents_count": "have at most 10000 items",
    "skills_dependents_distinct": "not contain duplicates",
    "skills_description_length": "have at most 100000 characters",
    "skills_estimated_minutes_range": "be 0 or more",
    "skills_key_length": "have 1 to 200 characters",
    "skills_learning_objectives_form": "have at most 200 items of 1 to 2000 characters",
    "skills_name_length": "have 1 to 200 characters",
    "skills_node_size_range": "be from 1 to 3",
    "skills_position_x_range": "be a finite number",
    "skills_position_y_range": "be a finite number",
    "skills_resources_depth": "be nested at most 100 levels deep",
    "skills_resources_form": "be a JSON array",
    "skills_resources_size": "take at most 1000000 bytes",
    "skills_short_name_length": "have at most 50 characters",
    "skills_xp_value_range": "be from 0 to 1000000",
    "user_achievements_metadata_depth": "be nested at most 100 levels deep",
    "user_achievements_metadata_size": "take at most 100000 bytes",
    "user_activity_days_excuse_length": "have 1 to 500 characters",
    "user_profiles_bio_length": "have at most 10000 characters",
    "user_profiles_day_starts_at_range": "be from 0 to 12",
    "user_profiles_interests_form": "have at most 100 items of 1 to 100 characters",
    "user_profiles_learning_goals_form": "have at most 100 items of 1 to 500 characters",
    "user_profiles_location_length": "have at most 200 characters",
    "user_profiles_preferences_depth": "be nested at most 100 levels deep",
    "user_profiles_preferences_form": "be a JSON object",
    "user_profiles_preferences_size": "take at most 100000 bytes",
    "user_profiles_timezone_length": "have at most 100 characters",
    "user_profiles_website_length": "have at most 2048 characters",
    "user_sessions_device_info_depth": "be nested at most 100 levels deep",
    "user_sessions_device_info_form": "be a JSON object",
    "user_sessions_device_info_size": "take at most 100000 bytes",
    "user_skill_progress_attempts_count_range": "be 0 or more",
    "user_skill_progress_completion_score_range": "be from 0 to 100",
    "user_skill_progress_engagement_score_range": "be from 0 to 1",
    "user_skill_progress_evidence_data_depth": "be nested at most 100 levels deep",
    "user_skill_progress_evidence_data_form": "be a JSON object",
    "user_skill_progress_evidence_data_size": "take at most 1000000 bytes",
    "user_skill_progress_progress_percent_range": "be from 0 to 100",
    "user_skill_progress_struggling_indicators_depth": "be nested at most 100 levels deep",
    "user_skill_progress_struggling_indicators_form": "be a JSON object",
    "user_skill_progress_struggling_indicators_size": "take at most 100000 bytes",
    "user_skill_progress_time_spent_minutes_range": "be 0 or more",
    "user_skill_tree_progress_current_path_count": "have at most 10000 items",
    "user_skill_tree_progress_milestones_reached_count": "have at most 10000 items",
    "user_tokens_email_form": "be an address such as ada@example.org",
    "user_tokens_email_length": "have at most 254 characters",
    "users_avatar_url_form": "be a web address such as https://example.org/ada.png",
    "users_avatar_url_length": "have at most 2048 characters",
    "users_email_form": "be an address such as ada@example.org",
    "users_email_length": "have 3 to 254 characters",
    "users_first_name_length": "have at most 100 characters",
    "users_last_name_length": "have at most 100 characters",
    "users_username_form": "have no space at either end and no two spaces in a row",
    "users_username_length": "have 1 to 50 characters",
}
"""Every check constraint that a caller's value can break, and the rule that it states."""


def refused(constraint: str, field: str, params: Iterable[Mapping[str, object]]) -> str | None:
    """Return a message with the limit and the refused value, or ``None`` for an unlisted constraint."""
    words = LIMITS.get(constraint)
    return None if words is None else f"{field} must {words}{_given(constraint, field, params)}"


def _given(constraint: str, field: str, params: Iterable[Mapping[str, object]]) -> str:
    if constraint.endswith(("_size", "_depth")):
        return ""
    for each in params:
        value = each.get(field)
        if value is None and isinstance(changes := each.get("changes"), str):
            value = loads(changes).get(field)
        if value is not None:
            return f", not {_measured(constraint, value)}"
    return ""


def _measured(constraint: str, value: object) -> str:
    if constraint.endswith(("_length", "_count")) and isinstance(value, (str, list)):
        return str(len(value))
    return shown(value)
