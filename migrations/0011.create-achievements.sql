-- Achievements: what can be earned, how far each learner has come, and who has earned it.

create table achievements (
    id uuid not null default uuidv7(),
    constraint achievements_pkey primary key (id),

    name text not null,
    constraint achievements_name_length check (char_length(name) between 1 and 200),

    description text not null,
    constraint achievements_description_length check (char_length(description) between 1 and 10000),

    category achievement_category not null default 'PROGRESS',

    -- What must be reached: a type, a threshold, and what counts toward it. The check accepts only what the models can
    -- read, because one bad document would make the list unreadable for everyone.
    criteria jsonb not null,
    constraint achievements_criteria_form check (
        jsonb_typeof(criteria) = 'object'
        and coalesce(criteria ->> 'type' in ('skill_completion_count', 'xp_threshold', 'streak_days'), false)
        and criteria - array['type', 'threshold', 'additionalParams'] = '{}'
        and case
            when jsonb_typeof(criteria -> 'threshold') = 'number'
                then
                    (criteria -> 'threshold')::numeric between 1 and 2147483647
                    and (criteria -> 'threshold')::numeric % 1 = 0
            else false
        end
    ),
    constraint achievements_criteria_size check (pg_column_size(criteria) <= 10000),
    constraint achievements_criteria_depth check (
        pg_column_size(criteria) < 800 or not jsonb_path_exists(criteria, '$.**{100}')
    ),

    -- The criteria as columns, for comparisons. They are generated from the document. So a document that cannot be read
    -- is refused when it is written, and not when a learner completes a skill.
    criterion text generated always as (criteria ->> 'type') stored,

    -- Null for an invalid threshold, which achievements_criteria_form refuses.
    threshold integer generated always as (
        case
            when
                jsonb_typeof(criteria -> 'threshold') = 'number'
                and (criteria -> 'threshold')::numeric between 1 and 2147483647
                then (criteria -> 'threshold')::numeric::integer
        end
    ) stored,

    for_category_id uuid generated always as ((criteria #>> '{additionalParams,categoryId}')::uuid) stored,
    for_tree_id uuid generated always as ((criteria #>> '{additionalParams,treeId}')::uuid) stored,

    -- Text, because a generated column must be immutable, and the cast from text to an enum is not.
    for_difficulty text generated always as (criteria #>> '{additionalParams,difficulty}') stored,
    constraint achievements_for_difficulty_known
    check (for_difficulty in ('BEGINNER', 'INTERMEDIATE', 'ADVANCED', 'EXPERT')),

    for_skill_type text generated always as (criteria #>> '{additionalParams,skillType}') stored,
    constraint achievements_for_skill_type_known
    check (for_skill_type in ('KNOWLEDGE', 'PRACTICAL', 'PROJECT', 'ASSESSMENT', 'MILESTONE')),

    -- Whether only some skills count: those of one category, tree, difficulty or type.
    is_limited boolean not null generated always as (
        coalesce(
            criteria #>> '{additionalParams,categoryId}',
            criteria #>> '{additionalParams,treeId}',
            criteria #>> '{additionalParams,difficulty}',
            criteria #>> '{additionalParams,skillType}'
        ) is not null
    ) stored,

    xp_reward integer not null default 0,
    constraint achievements_xp_reward_range check (xp_reward between 0 and 1000000),

    badge_icon text,
    constraint achievements_badge_icon_length check (char_length(badge_icon) <= 2048),

    badge_color text,
    constraint achievements_badge_color_form check (badge_color ~ '^#[0-9A-Fa-f]{6}$'),

    rarity achievement_rarity not null default 'COMMON',
    is_visible boolean not null default true,
    is_active boolean not null default true,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);

create index idx_achievement_category on achievements (category, is_active);

create index idx_achievement_rarity on achievements (rarity);

create trigger achievements_set_updated_at
before update on achievements
for each row
when (
    new.updated_at = old.updated_at
    or new.updated_at not between now() - interval '1 minute' and now() + interval '1 minute'
)
execute function set_updated_at();

-- The awards. An award stays if the learner no longer meets the criteria.
create table user_achievements (
    user_id uuid not null,
    constraint user_achievements_user_id_fkey foreign key (user_id) references users (id) on delete cascade,

    achievement_id uuid not null,
    constraint unique_user_achievement primary key (user_id, achievement_id),
    constraint user_achievements_achievement_id_fkey foreign key (achievement_id)
    references achievements (id) on delete cascade,

    id uuid not null default uuidv7(),
    earned_at timestamptz not null default now(),

    progress double precision not null default 100,
    constraint user_achievements_progress_range check (progress between 0 and 100),

    metadata jsonb,
    constraint user_achievements_metadata_form check (jsonb_typeof(metadata) = 'object'),
    constraint user_achievements_metadata_size check (pg_column_size(metadata) <= 100000),
    constraint user_achievements_metadata_depth check (
        pg_column_size(metadata) < 800 or not jsonb_path_exists(metadata, '$.**{100}')
    )
);

create index idx_user_achievement_date on user_achievements (user_id, earned_at);

create index idx_achievement_users on user_achievements (achievement_id);

-- The positions of backfills. A backfill finds the learners who had already reached a new achievement.
create table achievement_backfills (
    achievement_id uuid not null,
    constraint achievement_backfills_pkey primary key (achievement_id),
    constraint achievement_backfills_achievement_id_fkey foreign key (achievement_id)
    references achievements (id) on delete cascade,

    -- The last learner that was checked. No foreign key, because the position stays valid if the account is deleted.
    after_user_id uuid,

    learners_seen integer not null default 0,
    constraint achievement_backfills_learners_seen_range check (learners_seen >= 0),

    awarded integer not null default 0,
    constraint achievement_backfills_awarded_range check (awarded between 0 and learners_seen),

    started_at timestamptz not null default now(),
    finished_at timestamptz
);

-- How far a learner has come toward each achievement. Skills are counted from the ledger. So are XP and days if only
-- some skills count. Then days that only join others, and days that were given back, join days but do not count.
create view achievement_standings with (security_invoker = true) as
select
    counted.user_id,
    counted.achievement_id,
    counted.threshold,
    case
        when counted.criterion = 'skill_completion_count' then counted.skills
        when counted.criterion = 'xp_threshold' and not counted.is_limited then counted.total_xp
        when counted.criterion = 'xp_threshold' then counted.xp
        when not counted.is_limited then counted.max_streak
        else (
            select
                coalesce(
                    longest_streak(
                        array_agg(xp_events.granted_on),
                        array(
                            select user_activity_days.activity_date
                            from user_activity_days
                            where
                                user_activity_days.user_id = counted.user_id
                                and (not user_activity_days.is_counted or user_activity_days.excuse is not null)
                        )
                    ),
                    0
                )
            from xp_events
            where
                xp_events.user_id = counted.user_id
                and xp_events.source_kind = 'SKILL'
                and (counted.for_category_id is null or xp_events.category_id = counted.for_category_id)
                and (counted.for_tree_id is null or xp_events.skill_tree_id = counted.for_tree_id)
                and (counted.for_difficulty is null or xp_events.difficulty::text = counted.for_difficulty)
                and (counted.for_skill_type is null or xp_events.skill_type::text = counted.for_skill_type)
        )
    end as value
from (
    select
        user_profiles.user_id,
        user_profiles.total_xp,
        user_profiles.max_streak,
        achievements.id as achievement_id,
        achievements.criterion,
        achievements.threshold,
        achievements.is_limited,
        achievements.for_category_id,
        achievements.for_tree_id,
        achievements.for_difficulty,
        achievements.for_skill_type,
        coalesce(sum(paid.skills), 0) as skills,
        coalesce(sum(paid.xp), 0) as xp
    from user_profiles
    cross join achievements
    left join (
        select
            xp_events.user_id,
            xp_events.category_id,
            xp_events.skill_tree_id,
            xp_events.difficulty,
            xp_events.skill_type,
            count(*) as skills,
            sum(xp_events.xp) as xp
        from xp_events
        where xp_events.source_kind = 'SKILL'
        group by
            xp_events.user_id,
            xp_events.category_id,
            xp_events.skill_tree_id,
            xp_events.difficulty,
            xp_events.skill_type
    ) as paid
        on
            paid.user_id = user_profiles.user_id
            and (achievements.for_category_id is null or paid.category_id = achievements.for_category_id)
            and (achievements.for_tree_id is null or paid.skill_tree_id = achievements.for_tree_id)
            and (achievements.for_difficulty is null or paid.difficulty::text = achievements.for_difficulty)
            and (achievements.for_skill_type is null or paid.skill_type::text = achievements.for_skill_type)
    group by user_profiles.user_id, achievements.id
) as counted;
