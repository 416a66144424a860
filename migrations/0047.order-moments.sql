-- What makes no sense, whoever writes it: completed without a moment of completion or the reverse, ended before it
-- began. What is there and breaks that is mended first.
--
-- @changes user_skill_progress: moments are put in order, those of completion given or taken away by the status
-- @changes user_skill_tree_progress: the same
-- @changes user_sessions: moments are put in order

update user_skill_progress
set
    completed_at = case
        when user_skill_progress.status = 'COMPLETED'
            then coalesce(user_skill_progress.last_activity_at, user_skill_progress.updated_at)
    end
where (user_skill_progress.status = 'COMPLETED') <> (user_skill_progress.completed_at is not null);

-- The moment of completion pays: what lies after it moves.
update user_skill_progress
set
    started_at = least(user_skill_progress.started_at, user_skill_progress.completed_at),
    unlocked_at = least(
        user_skill_progress.unlocked_at, user_skill_progress.started_at, user_skill_progress.completed_at
    )
where
    user_skill_progress.started_at > user_skill_progress.completed_at
    or user_skill_progress.unlocked_at > least(user_skill_progress.started_at, user_skill_progress.completed_at);

-- A null stays one: `least` passes over it.
update user_skill_tree_progress
set
    completed_at = case
        when user_skill_tree_progress.status = 'COMPLETED'
            then coalesce(user_skill_tree_progress.last_activity_at, user_skill_tree_progress.updated_at)
    end
where (user_skill_tree_progress.status = 'COMPLETED') <> (user_skill_tree_progress.completed_at is not null);

update user_skill_tree_progress
set started_at = user_skill_tree_progress.completed_at
where user_skill_tree_progress.started_at > user_skill_tree_progress.completed_at;

update user_sessions
set ended_at = user_sessions.started_at
where user_sessions.started_at > user_sessions.ended_at;

alter table user_skill_progress add constraint user_skill_progress_completed_at_agrees
check ((status = 'COMPLETED') = (completed_at is not null)) not valid;

alter table user_skill_progress add constraint user_skill_progress_started_at_agrees
check (started_at <= completed_at) not valid;

alter table user_skill_progress add constraint user_skill_progress_unlocked_at_agrees
check (unlocked_at <= least(started_at, completed_at)) not valid;

alter table user_skill_progress add constraint user_skill_progress_passing_score_waived_agrees
check (not passing_score_waived or status = 'COMPLETED') not valid;

alter table user_skill_tree_progress add constraint user_skill_tree_progress_completed_at_agrees
check ((status = 'COMPLETED') = (completed_at is not null)) not valid;

alter table user_skill_tree_progress add constraint user_skill_tree_progress_started_at_agrees
check (started_at <= completed_at) not valid;

alter table user_sessions add constraint user_sessions_started_at_agrees
check (started_at <= ended_at) not valid;
