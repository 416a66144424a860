-- Who has how many XP, of all time and within each ISO week and month, and how many learners have more. Weeks and
-- months are those of UTC, the same for everyone.

create table user_scores (
    user_id uuid not null,
    constraint user_scores_user_id_fkey foreign key (user_id) references users (id) on delete cascade,

    board leaderboard not null,

    -- The Monday of the week, the first of the month; the epoch for all time.
    starts_on date not null,
    constraint user_scores_pkey primary key (user_id, board, starts_on),

    xp bigint not null,
    constraint user_scores_xp_range check (xp > 0),

    -- Of two learners with as many XP, the one who had them first comes first.
    reached_at timestamptz not null,

    -- Whether the learner is shown, and counted in leaderboard_counts.
    is_listed boolean not null
);

-- Minus the XP, so that one direction serves all columns, and comparing rows tells a place.
create index idx_user_score_rank on user_scores (board, starts_on, (-xp), reached_at, user_id) where is_listed;

-- A rank is exact, without counting those above. The table holds how many learners have each number of XP, as the
-- leaves of a tree that is 64 wide. A row of level 0 counts 64 neighbouring numbers of XP one by one, a row of level 1
-- counts 64 rows of level 0, and so on. Adding up what lies to the right, on the way to the root, reads one row per
-- level. Nobody asks what lies to the left: above level 0, the first of the 64 is always 0.
create table leaderboard_counts (
    board leaderboard not null,
    starts_on date not null,

    -- 63 bits of XP, 6 for each level.
    level integer not null,
    constraint leaderboard_counts_level_range check (level between 0 and 10),

    -- The XP of the row's learners, shifted right by 6 bits for each level and once more.
    bucket bigint not null,
    constraint leaderboard_counts_bucket_range check (bucket >= 0),

    -- A learner is counted in one of eight slots, by their id. Only those who share a slot wait for each other, from
    -- the last statement of a completion to its commit.
    slot integer not null,
    constraint leaderboard_counts_slot_range check (slot between 0 and 7),
    constraint leaderboard_counts_pkey primary key (board, starts_on, level, bucket, slot),

    counts integer[] not null,
    constraint leaderboard_counts_counts_form check (cardinality(counts) = 64)
)
-- Room to update in place.
with (fillfactor = 50);

-- What changes in the counts when a learner's XP go from `before` to `after`: a row for each row of leaderboard_counts,
-- with -1 and 1 at their places among the 64. Null means not counted, which is nowhere above level 0. Above the level
-- where both fall into one place, nothing changes.
create function leaderboard_moves(before bigint, after bigint)
returns table (level integer, bucket bigint, changes integer[])
language plpgsql immutable parallel safe
set search_path = pg_catalog, public, pg_temp
as $$
declare
    nothing constant integer[] := array_fill(0, array[64]);
begin
    for node in 0 .. 10 loop
        exit when coalesce(before, 0) >> (6 * node) = coalesce(after, 0) >> (6 * node);
        level := node;
        if before is not null and (node = 0 or (before >> (6 * node)) & 63 > 0) then
            bucket := (before >> (6 * node)) >> 6;
            changes := nothing;
            changes[((before >> (6 * node)) & 63) + 1] := -1;
            if (after >> (6 * node)) >> 6 = bucket and (node = 0 or (after >> (6 * node)) & 63 > 0) then
                changes[((after >> (6 * node)) & 63) + 1] := 1;
                return next;
                continue;
            end if;
            return next;
        end if;
        if after is not null and (node = 0 or (after >> (6 * node)) & 63 > 0) then
            bucket := (after >> (6 * node)) >> 6;
            changes := nothing;
            changes[((after >> (6 * node)) & 63) + 1] := 1;
            return next;
        end if;
    end loop;
end
$$;

-- Adds what changes to the counts of one row, place by place.
create function add_counts(counts integer[], changes integer[]) returns integer[]
language plpgsql immutable parallel safe
set search_path = pg_catalog, public, pg_temp
as $$
begin
    for position in 1 .. 64 loop
        if changes[position] <> 0 then
            counts[position] := counts[position] + changes[position];
        end if;
    end loop;
    return counts;
end
$$;
