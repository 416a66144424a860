-- The servers of a cluster: whether this one is its coordinator, and how many take part.
--
-- @extension citus
select
    (select pg_dist_local_group.groupid = 0 from pg_dist_local_group) as is_coordinator,
    exists(
        select from pg_dist_node
        where pg_dist_node.groupid = 0
    ) as knows_coordinator,
    (
        select count(*)
        from pg_dist_node
        where
            pg_dist_node.groupid <> 0
            and pg_dist_node.isactive
            and pg_dist_node.shouldhaveshards
            and pg_dist_node.noderole = 'primary'
    ) as workers;
