-- The counts of the leaderboards, from the scores.
insert into leaderboard_counts (board, starts_on, level, bucket, slot, counts)
select
    counted.board,
    counted.starts_on,
    counted.level,
    counted.bucket,
    counted.slot,
    array(
        select coalesce(counted.learners[array_position(counted.positions, place.position)], 0)
        from generate_series(0, 63) as place (position)
        order by place.position
    )
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
            (user_scores.xp >> (6 * level)) >> 6 as bucket,
            get_byte(uuid_send(user_scores.user_id), 15) & 7 as slot,
            ((user_scores.xp >> (6 * level)) & 63)::integer as position,
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
