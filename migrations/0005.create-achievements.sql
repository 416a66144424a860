-- What can be earned, and who has earned it.

create table achievements (
    id uuid not null default uuidv7(),
    name text not null,
    description text not null,
    category achievement_category not null default 'PROGRESS',
    criteria jsonb not null,
    xp_reward integer not null default 0,
    badge_icon text,
    badge_color text,
    rarity achievement_rarity not null default 'COMMON',
    is_visible boolean not null default true,
    is_active boolean not null default true,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint achievements_pkey primary key (id),
    constraint achievements_name_length check (char_length(name) between 1 and 200),
    constraint achievements_description_length check (char_length(description) between 1 and 10000),
    -- What the models can read: one bad document would keep everyone from reading the list.
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
    constraint achievements_xp_reward_range check (xp_reward between 0 and 1000000),
    constraint achievements_badge_icon_length check (char_length(badge_icon) <= 2048),
    constraint achievements_badge_color_form check (badge_color ~ '^#[0-9A-Fa-f]{6}$')
);

create index idx_achievement_category on achievements (category, is_active);

create index idx_achievement_rarity on achievements (rarity);

create trigger achievements_set_updated_at
before update on achievements
for each row execute function set_updated_at();

create table user_achievements (
    user_id uuid not null,
    achievement_id uuid not null,
    id uuid not null default uuidv7(),
    earned_at timestamptz not null default now(),
    progress double precision not null default 100,
    metadata jsonb,
    constraint unique_user_achievement primary key (user_id, achievement_id),
    constraint user_achievements_user_id_fkey foreign key (user_id) references users (id) on delete cascade,
    constraint user_achievements_achievement_id_fkey foreign key (achievement_id)
    references achievements (id) on delete cascade,
    constraint user_achievements_progress_range check (progress between 0 and 100),
    constraint user_achievements_metadata_form check (jsonb_typeof(metadata) = 'object')
);

create index idx_user_achievement_date on user_achievements (user_id, earned_at);

create index idx_achievement_users on user_achievements (achievement_id);
