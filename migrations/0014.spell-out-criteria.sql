-- The criteria of an achievement as columns, so that a statement can compare with them. Generated: the document stays
-- the truth, and one that cannot be read so is refused when it is written, not when a learner completes a skill.

alter table achievements add column criterion text
generated always as (criteria ->> 'type') stored;

-- What is no threshold is left to achievements_criteria_form to refuse.
alter table achievements add column threshold integer
generated always as (
    case
        when
            jsonb_typeof(criteria -> 'threshold') = 'number'
            and (criteria -> 'threshold')::numeric between 1 and 2147483647
            then (criteria -> 'threshold')::numeric::integer
    end
) stored;

alter table achievements add column for_category_id uuid
generated always as ((criteria #>> '{additionalParams,categoryId}')::uuid) stored;

alter table achievements add column for_tree_id uuid
generated always as ((criteria #>> '{additionalParams,treeId}')::uuid) stored;

-- Text, because the input of an enum is not immutable.
alter table achievements add column for_difficulty text
generated always as (criteria #>> '{additionalParams,difficulty}') stored;

alter table achievements add column for_skill_type text
generated always as (criteria #>> '{additionalParams,skillType}') stored;

alter table achievements add constraint achievements_for_difficulty_known
check (for_difficulty in ('BEGINNER', 'INTERMEDIATE', 'ADVANCED', 'EXPERT'));

alter table achievements add constraint achievements_for_skill_type_known
check (for_skill_type in ('KNOWLEDGE', 'PRACTICAL', 'PROJECT', 'ASSESSMENT', 'MILESTONE'));

-- Whether something of the criteria limits what counts.
alter table achievements add column is_limited boolean not null
generated always as (
    coalesce(
        criteria #>> '{additionalParams,categoryId}',
        criteria #>> '{additionalParams,treeId}',
        criteria #>> '{additionalParams,difficulty}',
        criteria #>> '{additionalParams,skillType}'
    ) is not null
) stored;

-- Until where everyone has been looked at who may have earned an achievement before it was made.
create table achievement_backfills (
    achievement_id uuid not null,
    -- No foreign key: the learner may be gone, their place in the order is not.
    after_user_id uuid,
    learners_seen integer not null default 0,
    awarded integer not null default 0,
    started_at timestamptz not null default now(),
    finished_at timestamptz,
    constraint achievement_backfills_pkey primary key (achievement_id),
    constraint achievement_backfills_achievement_id_fkey foreign key (achievement_id)
    references achievements (id) on delete cascade,
    constraint achievement_backfills_learners_seen_range check (learners_seen >= 0),
    constraint achievement_backfills_awarded_range check (awarded between 0 and learners_seen)
);
