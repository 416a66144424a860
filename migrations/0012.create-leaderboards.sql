-- The XP of learners, of all time and in each ISO week and month, and how many learners have more. Weeks and months are
-- in UTC, the same for everyone.

create table user_scores (
    user_id uuid not null,
    constraint user_scores_user_id_fkey foreign key (user_id) references users (id) on delete cascade,

    board leaderboard not null,

    -- The Monday of the week, or the first day of the month; 1970-01-01 for all time.
    starts_on date not null,
    constraint user_scores_pkey primary key (user_id, board, starts_on),

    xp bigint not null,
    constraint user_scores_xp_range check (xp > 0),

    -- Of two learners with equal XP, the one who reached them first comes first.
    reached_at timestamptz not null,

    -- Whether the learner is shown, and counted in leaderboard_counts.
    is_listed boolean not null
);

-- Minus the XP, so that all columns have the same direction, and a row comparison finds a place in the list.
create index idx_user_score_rank on user_scores (board, starts_on, (-xp), reached_at, user_id) where is_listed;

-- With these counts, an exact rank needs no counting of all learners above. They form a tree with 64 children per node.
-- A row of level 0 has the number of learners for each of 64 neighbouring XP values. A row of level 1 has the sums of
-- 64 rows of level 0, and so on. A rank adds up the counts to the right on the path to the root, one row per level.
-- Counts to the left are never needed: above level 0, the first of the 64 is always 0.
create table leaderboard_counts (
    board leaderboard not null,
    starts_on date not null,

    -- XP have 63 bits, and each level takes 6 of them.
    level integer not null,
    constraint leaderboard_counts_level_range check (level between 0 and 10),

    -- The XP of the row's learners, shifted right by 6 * (level + 1) bits.
    bucket bigint not null,
    constraint leaderboard_counts_bucket_range check (bucket >= 0),

    -- A learner is counted in one of eight slots, by their id. Only learners with the same slot wait for each other,
    -- and only from the last statement of a completion to its commit.
    slot integer not null,
    constraint leaderboard_counts_slot_range check (slot between 0 and 7),
    constraint leaderboard_counts_pkey primary key (board, starts_on, level, bucket, slot),

    counts integer[] not null,
    constraint leaderboard_counts_counts_form check (cardinality(counts) = 64)
)
-- Free space in each page, so that an updated row stays in its page (HOT).
with (fillfactor = 50);

-- The changes to the counts when a learner's XP change from `before` to `after`: one row for each changed row of
-- leaderboard_counts, with -1 or 1 at the place among the 64. Null means that the learner is not counted. Above level
-- 0, the first place is left out, because it is always 0. From the level on at which both values have the same place,
-- nothing changes.
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

-- Adds changes to the counts of a row, element by element.
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
