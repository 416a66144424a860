-- The progress of each learner in trees and skills. Every key starts with the learner, so that these tables can be
-- distributed by user_id. `id` is a handle for clients; it is looked up together with user_id.
--
-- LOCKED and AVAILABLE are also computed from the graph whenever progress is read. So an edit of the curriculum never
-- keeps a skill wrongly locked or open.

create table user_skill_tree_progress (
    user_id uuid not null,
    constraint user_skill_tree_progress_user_id_fkey foreign key (user_id) references users (id) on delete cascade,

    skill_tree_id uuid not null,
    constraint user_skill_tree_progress_skill_tree_id_fkey foreign key (skill_tree_id)
    references skill_trees (id) on delete cascade,
    constraint unique_user_tree_progress primary key (user_id, skill_tree_id),

    id uuid not null default uuidv7(),
    status tree_progress_status not null default 'NOT_STARTED',

    -- Percentage, counts, minutes and milestones are computed from the progress in skills (tree_standings).
    progress_percent double precision not null default 0,
    constraint user_skill_tree_progress_progress_percent_range check (progress_percent between 0 and 100),

    skills_completed integer not null default 0,
    constraint user_skill_tree_progress_skills_completed_range check (skills_completed >= 0),

    total_skills integer not null default 0,
    constraint user_skill_tree_progress_total_skills_range check (total_skills >= 0),

    time_spent_minutes bigint not null default 0,
    constraint user_skill_tree_progress_time_spent_minutes_range check (time_spent_minutes >= 0),

    started_at timestamptz,
    last_activity_at timestamptz,

    completed_at timestamptz,
    constraint user_skill_tree_progress_completed_at_agrees
    check ((status = 'COMPLETED') = (completed_at is not null)),
    constraint user_skill_tree_progress_started_at_agrees check (started_at <= completed_at),

    milestones_reached uuid[] not null default '{}',
    constraint user_skill_tree_progress_milestones_reached_distinct check (is_id_set(milestones_reached)),
    constraint user_skill_tree_progress_milestones_reached_count check (cardinality(milestones_reached) <= 10000),

    -- The path through the tree that the learner has chosen.
    current_path uuid[] not null default '{}',
    constraint user_skill_tree_progress_current_path_distinct check (is_id_set(current_path)),
    constraint user_skill_tree_progress_current_path_count check (cardinality(current_path) <= 10000),

    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);

create index idx_user_tree_status on user_skill_tree_progress (user_id, status);

create index idx_tree_user_status on user_skill_tree_progress (skill_tree_id, status);

create index idx_tree_progress_activity on user_skill_tree_progress (last_activity_at);

create trigger user_skill_tree_progress_set_updated_at
before update on user_skill_tree_progress
for each row
when (
    new.updated_at = old.updated_at
    or new.updated_at not between now() - interval '1 minute' and now() + interval '1 minute'
)
execute function set_updated_at();

-- A chosen path contains only skills of its tree. This trigger checks it as a foreign key would. The statement that
-- deletes a skill also removes it from the paths.
create function check_current_path() returns trigger
language plpgsql
set search_path = pg_catalog, public, pg_temp
as $$
declare
    missing jsonb;
begin
    select jsonb_agg(step.id)
    into missing
    from unnest(new.current_path) as step (id)
    left join skills on skills.id = step.id and skills.skill_tree_id = new.skill_tree_id
    where skills.id is null;
    if missing is not null then
        raise exception 'current_path contains skills that are not in tree %', new.skill_tree_id
            using errcode = 'ST208', constraint = 'user_skill_tree_progress_current_path_exist',
            detail = missing, hint = 'A path must consist of ids of skills of the same tree.';
    end if;
    return null;
end
$$;

-- The triggers run after the check constraints, as a foreign key would, and only for statements that set a path.
create trigger user_skill_tree_progress_check_new_path
after insert on user_skill_tree_progress
for each row when (new.current_path <> '{}')
execute function check_current_path();

create trigger user_skill_tree_progress_check_path
after update of current_path on user_skill_tree_progress
for each row when (new.current_path <> '{}' and new.current_path is distinct from old.current_path)
execute function check_current_path();

create table user_skill_progress (
    user_id uuid not null,
    constraint user_skill_progress_user_id_fkey foreign key (user_id) references users (id) on delete cascade,

    skill_id uuid not null,
    constraint unique_user_skill_progress primary key (user_id, skill_id),

    id uuid not null default uuidv7(),

    -- Copied from the skill, so that one index scan reads a learner's progress in a tree. The foreign key keeps it
    -- correct.
    skill_tree_id uuid not null,
    constraint user_skill_progress_skill_id_fkey foreign key (skill_id, skill_tree_id)
    references skills (id, skill_tree_id) on delete cascade,

    status skill_progress_status not null default 'LOCKED',

    progress_percent double precision not null default 0,
    constraint user_skill_progress_progress_percent_range check (progress_percent between 0 and 100),

    time_spent_minutes bigint not null default 0,
    constraint user_skill_progress_time_spent_minutes_range check (time_spent_minutes >= 0),

    attempts_count bigint not null default 0,
    constraint user_skill_progress_attempts_count_range check (attempts_count >= 0),

    -- The number of failed attempts. Authors see a skill's failure rate.
    failed_attempts bigint not null default 0,
    constraint user_skill_progress_failed_attempts_range check (failed_attempts between 0 and attempts_count),

    completion_method completion_method,

    completion_score double precision,
    constraint user_skill_progress_completion_score_range check (completion_score between 0 and 100),

    -- Whether the skill was completed below the passing score of its assessments, or without a score. Only the service
    -- may do that.
    passing_score_waived boolean not null default false,
    constraint user_skill_progress_passing_score_waived_agrees
    check (not passing_score_waived or status = 'COMPLETED'),

    evidence_data jsonb,
    constraint user_skill_progress_evidence_data_form check (jsonb_typeof(evidence_data) = 'object'),
    constraint user_skill_progress_evidence_data_size check (pg_column_size(evidence_data) <= 1000000),
    constraint user_skill_progress_evidence_data_depth check (
        pg_column_size(evidence_data) < 800 or not jsonb_path_exists(evidence_data, '$.**{100}')
    ),

    -- The times must be in this order.
    unlocked_at timestamptz,
    constraint user_skill_progress_unlocked_at_agrees check (unlocked_at <= least(started_at, completed_at)),
    started_at timestamptz,
    constraint user_skill_progress_started_at_agrees check (started_at <= completed_at),
    last_activity_at timestamptz,
    completed_at timestamptz,
    constraint user_skill_progress_completed_at_agrees check ((status = 'COMPLETED') = (completed_at is not null)),

    struggling_indicators jsonb,
    constraint user_skill_progress_struggling_indicators_form check (jsonb_typeof(struggling_indicators) = 'object'),
    constraint user_skill_progress_struggling_indicators_size check (pg_column_size(struggling_indicators) <= 100000),
    constraint user_skill_progress_struggling_indicators_depth check (
        pg_column_size(struggling_indicators) < 800 or not jsonb_path_exists(struggling_indicators, '$.**{100}')
    ),

    engagement_score double precision,
    constraint user_skill_progress_engagement_score_range check (engagement_score between 0 and 1),

    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);

create index idx_user_skill_status on user_skill_progress (user_id, status);

create index idx_skill_user_status on user_skill_progress (skill_id, status);

create index idx_tree_user_progress on user_skill_progress (skill_tree_id, user_id);

create index idx_skill_progress_activity on user_skill_progress (last_activity_at);

create index idx_skill_completion on user_skill_progress (completed_at);

create trigger user_skill_progress_set_updated_at
before update on user_skill_progress
for each row
when (
    new.updated_at = old.updated_at
    or new.updated_at not between now() - interval '1 minute' and now() + interval '1 minute'
)
execute function set_updated_at();

-- Two views define when a skill is open to a learner. The planner expands them, so they cost nothing.

-- A learner's progress in skills. A completed or skipped skill is satisfied: it no longer holds up other skills.
create view skill_work with (security_invoker = true) as
select
    user_skill_progress.user_id,
    user_skill_progress.skill_id,
    user_skill_progress.skill_tree_id,
    user_skill_progress.status,
    user_skill_progress.status in ('COMPLETED', 'SKIPPED') as is_satisfied,
    -- A skill that the learner has begun stays open when it gets another dependency.
    user_skill_progress.status in ('IN_PROGRESS', 'COMPLETED', 'SKIPPED') as is_begun,
    user_skill_progress.progress_percent,
    user_skill_progress.time_spent_minutes,
    user_skill_progress.attempts_count,
    user_skill_progress.failed_attempts,
    user_skill_progress.completion_method,
    user_skill_progress.completion_score,
    user_skill_progress.evidence_data,
    user_skill_progress.unlocked_at,
    user_skill_progress.started_at,
    user_skill_progress.last_activity_at,
    user_skill_progress.completed_at,
    user_skill_progress.struggling_indicators,
    user_skill_progress.engagement_score,
    user_skill_progress.created_at
from user_skill_progress;

-- The active skills that a learner has not satisfied. A skill is open if none of its dependencies is one of them.
create view unsatisfied_skills with (security_invoker = true) as
select
    user_profiles.user_id,
    skills.id as skill_id
from user_profiles
cross join skills
where
    skills.is_active
    and not exists (
        select from skill_work
        where
            skill_work.user_id = user_profiles.user_id
            and skill_work.skill_id = skills.id
            and skill_work.is_satisfied
    );

-- A learner's progress in a tree, defined once: statements that update the cached values and statements that check them
-- read this view. Required active skills count, or all active skills if every one is optional.
--
-- The total is counted once per tree, and the rest comes from the learner's own progress. So the view is cheap for one
-- learner: it does not join every skill with every learner.
create view tree_standings with (security_invoker = true) as
select
    counted.user_id,
    counted.skill_tree_id,
    counted.total_skills,
    counted.skills_completed,
    coalesce(
        100.0 * counted.skills_completed / nullif(counted.total_skills, 0), 0
    )::double precision as progress_percent,
    counted.milestones_reached,
    counted.time_spent_minutes
from (
    select
        user_skill_tree_progress.user_id,
        user_skill_tree_progress.skill_tree_id,
        coalesce(nullif(tree.required_skills, 0), tree.active_skills, 0)::integer as total_skills,
        coalesce(
            case when tree.required_skills > 0 then work.required_skills else work.active_skills end, 0
        )::integer as skills_completed,
        coalesce(work.milestones_reached, '{}') as milestones_reached,
        coalesce(work.time_spent_minutes, 0)::bigint as time_spent_minutes
    from user_skill_tree_progress
    left join (
        select
            skills.skill_tree_id,
            count(*) filter (where not skills.is_optional) as required_skills,
            count(*) as active_skills
        from skills
        where skills.is_active
        group by skills.skill_tree_id
    ) as tree on tree.skill_tree_id = user_skill_tree_progress.skill_tree_id
    left join (
        select
            user_skill_progress.user_id,
            user_skill_progress.skill_tree_id,
            count(*) filter (
                where user_skill_progress.status = 'COMPLETED' and skills.is_active and not skills.is_optional
            ) as required_skills,
            count(*) filter (
                where user_skill_progress.status = 'COMPLETED' and skills.is_active
            ) as active_skills,
            array_agg(skills.id order by skills.id) filter (
                where user_skill_progress.status = 'COMPLETED' and skills.is_active and skills.is_milestone
            ) as milestones_reached,
            sum(user_skill_progress.time_spent_minutes) as time_spent_minutes
        from user_skill_progress
        inner join skills on skills.id = user_skill_progress.skill_id
        group by user_skill_progress.user_id, user_skill_progress.skill_tree_id
    ) as work
        on
            work.user_id = user_skill_tree_progress.user_id
            and work.skill_tree_id = user_skill_tree_progress.skill_tree_id
) as counted;

-- The caller may give the time of an action. A time in the future is refused, and so is one too long ago. For a
-- learner, that is a time before the account existed, or more than a few days ago. So nobody can win a past week or
-- invent a long streak. The owner and the service may import older facts, back to the year 2000.
--
-- How long ago an action that a learner reports may be: 7 days, or the setting skilltree.late_window.
create function late_window() returns interval
language plpgsql stable
set search_path = pg_catalog, public, pg_temp
as $$
declare
    given text := nullif(current_setting('skilltree.late_window', true), '');
    late_window interval := interval '7 days';
begin
    if given is not null then
        begin
            late_window := given::interval;
        exception
            when data_exception then
                raise exception 'skilltree.late_window is not an interval: "%"', given
                    using errcode = 'ST103', hint = 'Set it to an interval such as ''14 days''.';
        end;
        if late_window < interval '0' then
            raise exception 'skilltree.late_window is negative: "%"', given
                using errcode = 'ST103', hint = 'Set it to an interval such as ''14 days''.';
        end if;
    end if;
    -- A longer window would have no effect, because times before the year 2000 are refused anyway. And now() minus the
    -- window could overflow.
    return least(late_window, interval '100 years');
end
$$;

-- What is wrong with a reported time; null if nothing is. Clocks may differ by a minute.
create function judge_moment(moment timestamptz, joined_at timestamptz) returns text
language plpgsql stable
set search_path = pg_catalog, public, pg_temp
as $$
begin
    if moment = now() then
        return null;
    end if;
    if moment > now() + interval '1 minute' then
        return 'IN_FUTURE';
    end if;
    if moment < timestamptz '2000-01-01 00:00:00+00' then
        return 'TOO_OLD';
    end if;
    if current_user in ('app_user', 'app_engine')
        and (moment < now() - late_window() or moment < joined_at - interval '1 minute')
    then
        return 'TOO_OLD';
    end if;
    return null;
end
$$;

-- An author who edits a tree with learners updates their progress in the same transaction. Meanwhile, no learner may
-- act in the tree. Each tree has an advisory lock for that.
--
-- In a tree that somebody has started, learners share the lock, and an author takes it exclusively. In a tree that
-- nobody has started, authors share it, and the first learner takes it exclusively (hold_tree_as_author,
-- hold_tree_as_learner).
--
-- Functions take these locks, and a query file only calls one. So the lock is taken on the server that was called. In a
-- distributed database, a statement that reads a table may run on any server. Each statement of a function also sees
-- what others have committed while the statement before it was waiting.
--
-- The trees that somebody has ever started. Rows of progress cannot show this, because they are deleted with their
-- learner's account, perhaps while a transaction that has seen them is still running.
create table begun_trees (
    skill_tree_id uuid not null,
    constraint begun_trees_pkey primary key (skill_tree_id),
    constraint begun_trees_skill_tree_id_fkey foreign key (skill_tree_id) references skill_trees (id) on delete cascade
);

-- Called by every statement that takes these locks. In other isolation levels, the snapshot may be older than the lock,
-- and does not show what others have committed since.
create function refuse_old_snapshot() returns void
language plpgsql stable
set search_path = pg_catalog, public, pg_temp
as $$
begin
    if current_setting('transaction_isolation') not in ('read committed', 'read uncommitted') then
        raise exception 'progress cannot be changed at isolation level %', current_setting('transaction_isolation')
            using errcode = 'ST301', constraint = 'progress_isolation',
            hint = 'Change it in a READ COMMITTED transaction.';
    end if;
end
$$;

-- The tree of a skill; null if there is no such skill.
create function tree_of_skill(skill_id uuid) returns uuid
language plpgsql stable
set search_path = pg_catalog, public, pg_temp
as $$
begin
    return (
        select skills.skill_tree_id
        from skills
        where skills.id = tree_of_skill.skill_id
    );
end
$$;

-- The tree of a slug; null if there is no such tree.
create function tree_of_slug(slug text) returns uuid
language plpgsql stable
set search_path = pg_catalog, public, pg_temp
as $$
begin
    return (
        select skill_trees.id
        from skill_trees
        where skill_trees.slug = tree_of_slug.slug
    );
end
$$;

-- Keeps authors out of a tree until the commit. Learners share the tree; only the first ever has it alone.
create function hold_tree_as_learner(tree_id uuid) returns void
language plpgsql
set search_path = pg_catalog, public, pg_temp
as $$
declare
    tree_key constant bigint := hashtextextended('learners of tree ' || tree_id, 0);
begin
    perform refuse_old_snapshot();
    if exists (
        select from begun_trees
        where begun_trees.skill_tree_id = hold_tree_as_learner.tree_id
    ) then
        perform pg_advisory_xact_lock_shared(tree_key);
    else
        perform pg_advisory_xact_lock(tree_key);
    end if;
end
$$;

-- Keeps authors out of all trees of one learner, in the order of the trees' ids.
create function hold_trees_of_learner(user_id uuid) returns void
language plpgsql
set search_path = pg_catalog, public, pg_temp
as $$
declare
    own_tree record;
begin
    for own_tree in
        select user_skill_tree_progress.skill_tree_id as id
        from user_skill_tree_progress
        where user_skill_tree_progress.user_id = hold_trees_of_learner.user_id
        union
        select user_skill_progress.skill_tree_id
        from user_skill_progress
        where user_skill_progress.user_id = hold_trees_of_learner.user_id
        union
        -- The progress may have the wrong tree.
        select skills.skill_tree_id
        from user_skill_progress
        inner join skills on skills.id = user_skill_progress.skill_id
        where user_skill_progress.user_id = hold_trees_of_learner.user_id
        order by id
    loop
        perform hold_tree_as_learner(own_tree.id);
    end loop;
end
$$;

-- Keeps a learner's other actions out until the commit, for those who hold many learners one after the other.
create function hold_learner(user_id uuid) returns void
language plpgsql
set search_path = pg_catalog, public, pg_temp
as $$
begin
    perform
    from user_profiles
    where user_profiles.user_id = hold_learner.user_id
    for no key update;
end
$$;

-- Locks the learners of a tree out until the commit.
--
-- All later sessions wait behind one that waits for a lock. So an author who waits for one slow learner would stop all
-- learners of the tree. Therefore authors wait in short turns, let learners go on in between, and give up after 2 s. A
-- turn is longer than an action of a learner, so authors also get into a busy tree.
--
-- Several authors can share a tree until its first learner comes. If each of them then needs the lock exclusively, none
-- gets it. So they fail with a deadlock error, and the transaction is retried.
create function hold_off_learners(tree_id uuid) returns void
language plpgsql
set search_path = pg_catalog, public, pg_temp
-- One turn. The setting ends with the function.
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
                    -- PostgreSQL's own code, because it is a deadlock: other clients, too, know that they may try again.
                    raise exception 'several authors were editing tree % when its first learner started it', tree_id
                        using errcode = 'deadlock_detected', hint = 'Nothing was written. Try again.';
                end if;
                if clock_timestamp() > waiting_since + patience then
                    raise exception 'timed out waiting for other sessions that work in tree % (% s)',
                        tree_id, extract(epoch from patience)::integer
                        using errcode = 'ST302', constraint = 'learners_of_tree_held',
                        hint = 'Nothing was written. Try again in a moment.';
                end if;
        end;
        perform pg_sleep(0.1);
    end loop;
end
$$;

-- Sets a short lock_timeout for an author, because learners wait for the author until the commit. A shorter one stays.
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

-- Authors of a tree with learners wait for each other, and so do edits that must know all edges of a skill. The key is
-- the slug, so that an import can hold a tree that does not exist yet.
create function hold_edits(tree_id uuid) returns void
language plpgsql
set search_path = pg_catalog, public, pg_temp
as $$
declare
    tree_slug constant text := (
        select skill_trees.slug
        from skill_trees
        where skill_trees.id = hold_edits.tree_id
    );
begin
    perform pg_advisory_xact_lock(hashtextextended('edit tree ' || tree_slug, 0));
end
$$;

-- Keeps learners out of a tree until the commit. Authors share a tree that nobody has begun, unless one wants it alone.
-- Rows of progress also show learners, in case begun_trees lacks the tree. A plan made while they were few would later
-- read whole tables, hence `plan_cache_mode`.
create function hold_tree_as_author(tree_id uuid, is_alone boolean default false) returns void
language plpgsql
set search_path = pg_catalog, public, pg_temp
set plan_cache_mode = force_custom_plan
as $$
declare
    tree_key constant bigint := hashtextextended('learners of tree ' || tree_id, 0);
begin
    perform refuse_old_snapshot();
    -- Twice: the first learner may have come while the first turn waited.
    for turn in 1..2 loop
        perform from begun_trees where begun_trees.skill_tree_id = hold_tree_as_author.tree_id;
        if not found then
            perform from user_skill_tree_progress
            where user_skill_tree_progress.skill_tree_id = hold_tree_as_author.tree_id
            limit 1;
        end if;
        if not found then
            perform from user_skill_progress
            where user_skill_progress.skill_tree_id = hold_tree_as_author.tree_id
            limit 1;
        end if;
        if found then
            perform hold_edits(tree_id);
            perform hold_off_learners(tree_id);
            perform wait_briefly();
            return;
        end if;
        if is_alone then
            perform pg_advisory_xact_lock(tree_key);
        else
            perform pg_advisory_xact_lock_shared(tree_key);
        end if;
    end loop;
end
$$;
