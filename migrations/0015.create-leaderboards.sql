-- Who has how many XP, of all time and within each ISO week and month (of UTC, the same for everyone), and how many
-- learners have more.
--
-- A rank is exact without counting those above: `leaderboard_counts` holds how many learners have each number of XP, as
-- the leaves of a tree that is 64 wide. A row of level 0 counts 64 neighbouring values of XP one by one, a row of level
-- 1 counts 64 rows of level 0, and so on. Adding up what lies to the right on the way to the root reads a row a level.
-- What lies to the left is never asked for: above level 0, the first of the 64 is always 0.

create type leaderboard as enum ('ALL_TIME', 'WEEK', 'MONTH');

alter table user_profiles add column is_on_leaderboard boolean not null default true;

create table user_scores (
    user_id uuid not null,
    board leaderboard not null,
    -- The Monday of the week, the first of the month; the epoch for all time.
    starts_on date not null,
    xp integer not null,
    -- Of two learners with as many XP, the one who had them first comes first.
    reached_at timestamptz not null,
    -- Whether the learner is shown, and counted in leaderboard_counts.
    is_listed boolean not null,
    constraint user_scores_pkey primary key (user_id, board, starts_on),
    constraint user_scores_user_id_fkey foreign key (user_id) references users (id) on delete cascade,
    constraint user_scores_xp_range check (xp > 0)
);

-- Minus the XP, so that one direction serves all columns and a place can be told by comparing rows.
create index idx_user_score_rank on user_scores (board, starts_on, (-xp), reached_at, user_id) where is_listed;

create table leaderboard_counts (
    board leaderboard not null,
    starts_on date not null,
    level integer not null,
    -- The XP of the row's learners, shifted right by 6 bits for each level and once more.
    bucket integer not null,
    -- A learner is counted in one of eight slots, by their id. Only those who share a slot wait for each other, from
    -- the last statement of a completion to its commit.
    slot integer not null,
    counts integer[] not null,
    constraint leaderboard_counts_pkey primary key (board, starts_on, level, bucket, slot),
    constraint leaderboard_counts_level_range check (level between 0 and 5),
    constraint leaderboard_counts_bucket_range check (bucket >= 0),
    constraint leaderboard_counts_slot_range check (slot between 0 and 7),
    constraint leaderboard_counts_counts_form check (cardinality(counts) = 64)
)
-- Room to update in place.
with (fillfactor = 50);

-- What changes in the counts when a learner who had `before` XP has `after`: a row for each row of leaderboard_counts,
-- with -1 and 1 at their places among 64. Null is not to be counted. Above the level where both fall into one place,
-- nothing changes; and the first place of a row above level 0 is not kept, since nobody asks what lies left of it.
create function leaderboard_moves(before integer, after integer)
returns table (level integer, bucket integer, changes integer[])
language plpgsql immutable parallel safe
set search_path = pg_catalog, public
as $$
declare
    nothing constant integer[] := array_fill(0, array[64]);
begin
    for node in 0 .. 5 loop
        exit when before >> (6 * node) = after >> (6 * node);
        level := node;
        if before is not null and (node = 0 or (before >> (6 * node)) & 63 > 0) then
            bucket := (before::bigint >> (6 * node + 6))::integer;
            changes := nothing;
            changes[((before >> (6 * node)) & 63) + 1] := -1;
            if after::bigint >> (6 * node + 6) = bucket and (node = 0 or (after >> (6 * node)) & 63 > 0) then
                changes[((after >> (6 * node)) & 63) + 1] := 1;
                return next;
                continue;
            end if;
            return next;
        end if;
        if after is not null and (node = 0 or (after >> (6 * node)) & 63 > 0) then
            bucket := (after::bigint >> (6 * node + 6))::integer;
            changes := nothing;
            changes[((after >> (6 * node)) & 63) + 1] := 1;
            return next;
        end if;
    end loop;
end
$$;

create function add_counts(counts integer[], changes integer[]) returns integer[]
language plpgsql immutable parallel safe
set search_path = pg_catalog, public
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

-- What the ledger holds already.
insert into user_scores (user_id, board, starts_on, xp, reached_at, is_listed)
select
    xp_events.user_id,
    period.board,
    period.starts_on,
    sum(xp_events.xp),
    max(xp_events.granted_at),
    bool_and(users.is_active)
from xp_events
inner join users on users.id = xp_events.user_id
cross join
    lateral (
        values
        ('ALL_TIME'::leaderboard, date 'epoch'),
        ('WEEK', date_trunc('week', xp_events.granted_at at time zone 'UTC')::date),
        ('MONTH', date_trunc('month', xp_events.granted_at at time zone 'UTC')::date)
    ) as period (board, starts_on)
where xp_events.xp > 0
group by xp_events.user_id, period.board, period.starts_on;

insert into leaderboard_counts (board, starts_on, level, bucket, slot, counts)
select
    counted.board,
    counted.starts_on,
    counted.level,
    counted.bucket,
    counted.slot,
    array(
        select coalesce(sum(node.learners), 0)::integer
        from generate_series(0, 63) as place (position)
        left join unnest(counted.positions, counted.learners) as node (position, learners)
            on node.position = place.position
        group by place.position
        order by place.position
    ) as counts
from (
    select
        node.board,
        node.starts_on,
        node.level,
        node.bucket,
        node.slot,
        array_agg(node.position) as positions,
        array_agg(node.learners) as learners
    from (
        select
            user_scores.board,
            user_scores.starts_on,
            level,
            (user_scores.xp::bigint >> (6 * level + 6))::integer as bucket,
            get_byte(uuid_send(user_scores.user_id), 15) & 7 as slot,
            (user_scores.xp >> (6 * level)) & 63 as position,
            count(*)::integer as learners
        from user_scores
        cross join generate_series(0, 5) as level
        where
            user_scores.is_listed
            and (level = 0 or (user_scores.xp >> (6 * level)) & 63 > 0)
        group by user_scores.board, user_scores.starts_on, level, bucket, slot, position
    ) as node
    group by node.board, node.starts_on, node.level, node.bucket, node.slot
) as counted;
