-- What the completed skill was when it paid, and on which day of the learner's: achievements that count skills, and
-- streaks within a category or tree, are counted from the ledger alone. They never go backwards, whatever becomes of
-- the skill.

alter table xp_events add column granted_on date;

alter table xp_events add column skill_tree_id uuid;

alter table xp_events add column category_id uuid;

alter table xp_events add column difficulty difficulty_level;

alter table xp_events add column skill_type skill_type;

update xp_events
set granted_on = (xp_events.granted_at at time zone coalesce(user_profiles.timezone, 'UTC'))::date
from user_profiles
where user_profiles.user_id = xp_events.user_id;

update xp_events
set granted_on = (xp_events.granted_at at time zone 'UTC')::date
where xp_events.granted_on is null;

update xp_events
set
    skill_tree_id = skills.skill_tree_id,
    category_id = skill_trees.category_id,
    difficulty = skills.difficulty,
    skill_type = skills.skill_type
from skills
inner join skill_trees on skill_trees.id = skills.skill_tree_id
where
    xp_events.source_kind = 'SKILL'
    and skills.id = xp_events.source_id;

-- For code that does not know the column yet.
alter table xp_events alter column granted_on set default (now() at time zone 'UTC')::date;

alter table xp_events alter column granted_on set not null;
