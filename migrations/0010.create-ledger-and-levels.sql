-- Experience points (XP): the levels, and the ledger. user_profiles.total_xp is the cached sum of the ledger.

create table levels (
    level integer not null,
    constraint levels_pkey primary key (level),
    constraint levels_level_range check (level between 1 and 100),

    -- The XP at which the level begins.
    min_xp bigint not null,
    constraint unique_level_min_xp unique (min_xp),
    constraint levels_min_xp_range check (min_xp >= 0)
);

-- Each level takes 100 XP more than the one before. The levels begin at 0, 100, 300, 600, …, 495,000.
insert into levels (level, min_xp)
select
    level,
    50 * level * (level - 1) as min_xp
from generate_series(1, 100) as level;

-- The XP that were paid, and for what. Each skill and each achievement pays a learner only once: the primary key
-- ensures it. An event keeps its XP even if its source is changed or deleted later.
create table xp_events (
    user_id uuid not null,
    constraint xp_events_user_id_fkey foreign key (user_id) references users (id) on delete cascade,

    source_kind text not null,
    constraint xp_events_source_kind_known check (source_kind in ('SKILL', 'ACHIEVEMENT')),

    -- A skill or an achievement. No foreign key, because the XP stay when the source is deleted.
    source_id uuid not null,
    constraint xp_events_pkey primary key (user_id, source_kind, source_id),

    id uuid not null default uuidv7(),

    -- A skill that pays nothing has an event of 0 XP, so that it is counted.
    xp integer not null,
    constraint xp_events_xp_range check (xp between 0 and 1000000),

    granted_at timestamptz not null default now(),

    -- The learner's day. The default, the day in UTC, is for rows written by hand.
    granted_on date not null default (now() at time zone 'UTC')::date,

    -- The properties of the skill when it paid. Achievements count skills, and streaks within a category or tree, only
    -- from the ledger. So they never go down.
    skill_tree_id uuid,
    category_id uuid,
    difficulty difficulty_level,
    skill_type skill_type
);

create index idx_xp_event_date on xp_events (user_id, granted_at);
