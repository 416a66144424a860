-- The trees that somebody has ever begun. Whether a tree has learners cannot be told from their progress: it goes with
-- their accounts, while somebody else, who saw it, is still at work.
--
-- In a tree that is here, learners share a lock and authors take it alone; in one that is not, authors share it and a
-- learner, the first, takes it alone (trees/lock_learners, progress/lock_for_skill).

create table begun_trees (
    skill_tree_id uuid not null,
    constraint begun_trees_pkey primary key (skill_tree_id),
    constraint begun_trees_skill_tree_id_fkey foreign key (skill_tree_id) references skill_trees (id) on delete cascade
);

insert into begun_trees (skill_tree_id)
select distinct user_skill_tree_progress.skill_tree_id
from user_skill_tree_progress;

-- A snapshot older than a lock that was waited for would not show what others have committed meanwhile. Called by what
-- takes the locks.
create function refuse_old_snapshot() returns void
language plpgsql stable
set search_path = pg_catalog, public
as $$
begin
    if current_setting('transaction_isolation') not in ('read committed', 'read uncommitted') then
        raise exception 'progress cannot be changed at isolation level %', current_setting('transaction_isolation')
            using errcode = 'feature_not_supported', constraint = 'progress_isolation',
            hint = 'Learners and authors work in READ COMMITTED transactions.';
    end if;
end
$$;
