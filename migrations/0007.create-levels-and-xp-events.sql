-- Experience points: the ledger, which is the truth of which user_profiles.total_xp is the cached sum, and the levels.

create table levels (
    level integer not null,
    min_xp integer not null,
    constraint levels_pkey primary key (level),
    constraint unique_level_min_xp unique (min_xp),
    constraint levels_level_range check (level between 1 and 100),
    constraint levels_min_xp_range check (min_xp >= 0)
);

-- Each level takes 100 XP more than the one before: 0, 100, 300, 600, …, 495,000.
insert into levels (level, min_xp)
select
    level,
    50 * level * (level - 1) as min_xp
from generate_series(1, 100) as level;

create table xp_events (
    user_id uuid not null,
    source_kind text not null,
    -- A skill or an achievement. No foreign key: what was earned stays earned when its source is deleted.
    source_id uuid not null,
    id uuid not null default uuidv7(),
    xp integer not null,
    granted_at timestamptz not null default now(),
    constraint xp_events_pkey primary key (user_id, source_kind, source_id),
    constraint xp_events_user_id_fkey foreign key (user_id) references users (id) on delete cascade,
    constraint xp_events_source_kind_known check (source_kind in ('SKILL', 'ACHIEVEMENT')),
    constraint xp_events_xp_range check (xp between 0 and 1000000)
);

create index idx_xp_event_date on xp_events (user_id, granted_at);
