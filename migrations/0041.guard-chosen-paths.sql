-- The path that a learner has chosen names skills of its tree: an array guarded as if it were a foreign key. A skill
-- that is deleted is taken out by the statement that deletes it.

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
        raise exception 'a path in tree % names skills that are not in it', new.skill_tree_id
            using errcode = 'foreign_key_violation', constraint = 'user_skill_tree_progress_current_path_exist',
            detail = missing, hint = 'A path is made of ids of skills of the same tree.';
    end if;
    return null;
end
$$;

-- After the checks of the array itself, as a foreign key would be; called for what sets the path, and nothing else.
create trigger user_skill_tree_progress_check_new_path
after insert on user_skill_tree_progress
for each row when (new.current_path <> '{}')
execute function check_current_path();

create trigger user_skill_tree_progress_check_path
after update of current_path on user_skill_tree_progress
for each row when (new.current_path <> '{}' and new.current_path is distinct from old.current_path)
execute function check_current_path();
