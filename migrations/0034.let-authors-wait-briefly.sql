-- Whoever waits for a lock keeps all those waiting who come later: an author who waited for a learner with a slow unit
-- of work stopped all learners of the tree. Authors wait in short turns now, between which learners go on, and give up
-- by name.
--
-- @compatible

-- Holds off the learners of a tree until the commit. A turn is longer than an action of a learner, so that a busy tree
-- alone keeps no author out. Of authors who have shared the tree until its first learner came, and now each want it
-- alone, none would ever get it: they begin anew.
create function hold_off_learners(tree_id uuid) returns void
language plpgsql
set search_path = pg_catalog, public, pg_temp
-- One turn. It ends with the function.
set lock_timeout = '150ms'
as $$
declare
    tree_key constant bigint := hashtextextended('learners of tree ' || tree_id, 0);
    patience constant interval := '2 s';
    waiting_since constant timestamptz := clock_timestamp();
begin
    while not pg_try_advisory_xact_lock(tree_key) loop
        begin
            perform pg_advisory_xact_lock(tree_key);
            return;
        exception
            when lock_not_available then
                if exists (
                    select from pg_locks
                    where pg_locks.locktype = 'advisory'
                        and pg_locks.pid = pg_backend_pid()
                        and pg_locks.objsubid = 1
                        and (pg_locks.classid::bigint << 32) | pg_locks.objid::bigint = tree_key
                        and pg_locks.granted
                ) then
                    raise exception 'several authors were at work in tree % when its first learner came', tree_id
                        using errcode = 'deadlock_detected';
                end if;
                if clock_timestamp() > waiting_since + patience then
                    raise exception 'somebody has been at work in tree % for more than % s',
                        tree_id, extract(epoch from patience)::integer
                        using errcode = 'lock_not_available', constraint = 'learners_of_tree_held',
                        hint = 'Nothing was written. Try again in a moment.';
                end if;
        end;
        perform pg_sleep(0.1);
    end loop;
end
$$;

-- What an author waits for while learners wait for the author is waited for briefly: it lasts until the commit. A
-- shorter time that is set stays.
create function wait_briefly() returns void
language plpgsql
set search_path = pg_catalog, public, pg_temp
as $$
begin
    if current_setting('lock_timeout')::interval not between '1 ms' and '500 ms' then
        set local lock_timeout = '500ms';
    end if;
end
$$;

revoke all on function hold_off_learners(uuid), wait_briefly() from public;

grant execute on function hold_off_learners(uuid), wait_briefly() to app_service;
