-- Who made a row and who changed it last, from the context of the transaction. What a client says of it counts only
-- where there is none, as when a dump is restored. Taken away, because an account is erased, it stays away.

create function set_authorship() returns trigger
language plpgsql
set search_path = pg_catalog, public
as $$
declare
    actor constant uuid := coalesce(
        nullif(current_setting('app.actor_id', true), ''), nullif(current_setting('app.current_user_id', true), '')
    )::uuid;
begin
    if tg_op = 'UPDATE' then
        new.updated_at := now();
        if actor is not null and new.created_by is not null then
            new.created_by := old.created_by;
        end if;
    elsif actor is not null then
        new.created_by := actor;
    end if;
    new.updated_by := coalesce(actor, new.updated_by);
    return new;
end
$$;

drop trigger users_set_updated_at on users;

drop trigger skill_trees_set_updated_at on skill_trees;

drop trigger skills_set_updated_at on skills;

create trigger users_set_authorship
before insert or update on users
for each row execute function set_authorship();

create trigger skill_trees_set_authorship
before insert or update on skill_trees
for each row execute function set_authorship();

create trigger skills_set_authorship
before insert or update on skills
for each row execute function set_authorship();
