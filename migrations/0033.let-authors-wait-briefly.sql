-- Whoever waits for a lock keeps all those waiting who come later: an author who waited for a learner with a slow unit of
-- work stopped all learners of the tree. Authors wait in short turns now, between which learners go on, and give up by
-- name.
--
-- @compatible

-- Holds off the learners of a tree until the commit; where nobody has begun it, together with other authors. A turn is
-- longer than an action of a learner, so that a busy tree alone keeps no author out.
create function hold_off_learners(tree_id uuid, is_begun boolean) returns void
language plpgsql
set search_path = pg_catalog, public, pg_temp
-- One turn. It ends with the function.
set lock_timeout = '150ms'
as $$
declare
    tree_key constant bigint := hashtextextended('learners of tree ' || tree_id, 0);
    patience constant interval := '2 s';
    waiting_since timestamptz;
begin
    if is_begun and pg_try_advisory_xact_lock(tree_key) then
        return;
    end if;
    waiting_since := clock_timestamp();
    loop
        begin
            if is_begun then
                perform pg_advisory_xact_lock(tree_key);
            else
                perform pg_advisory_xact_lock_shared(tree_key);
            end if;
            return;
        exception
            when lock_not_available then
                if clock_timestamp() > waiting_since + patience then
                    raise exception 'gave up after % s: somebody is at work in tree %', extract(epoch from patience)::integer, tree_id
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
        execute 'set local lock_timeout = ''500ms''';
    end if;
end
$$;

revoke all on function hold_off_learners(uuid, boolean), wait_briefly() from public;

grant execute on function hold_off_learners(uuid, boolean), wait_briefly() to app_service;
