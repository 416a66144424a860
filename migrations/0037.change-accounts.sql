-- What the owner of an account changes of it: names and avatar themselves, the address by a link that is sent to the
-- new one. And their log-ins are told them.
--
-- @changes users: an avatar that is no address of the web is taken away
-- @changes user_tokens: links to what is no address are void

-- Its successor comes at once.
-- squawk-ignore ban-drop-constraint
alter table user_tokens drop constraint user_tokens_purpose_known;

-- The table holds what was asked for today.
-- squawk-ignore constraint-missing-not-valid
alter table user_tokens add constraint user_tokens_purpose_known
check (purpose in ('EMAIL_VERIFICATION', 'PASSWORD_RESET', 'EMAIL_CHANGE'));

delete from user_tokens
where
    user_tokens.email !~ '^[^@[:space:][:cntrl:]]+@[^@[:space:][:cntrl:]]+$'
    or unseen_in(user_tokens.email, true) is not null;

-- An address that the account would not take is refused before a mail is sent there. As above.
-- squawk-ignore constraint-missing-not-valid
alter table user_tokens add constraint user_tokens_email_form
check (email ~ '^[^@[:space:][:cntrl:]]+@[^@[:space:][:cntrl:]]+$' and unseen_in(email, true) is null);

update users
set avatar_url = null
where users.avatar_url !~ '^(https?://|/)[^\u0001-\u0020\u007F-\u009F]+$';

-- Whoever shows it need not ask what else a browser would run. A second for a million accounts.
-- squawk-ignore constraint-missing-not-valid
alter table users add constraint users_avatar_url_form check (
    avatar_url ~ '^(https?://|/)[^\u0001-\u0020\u007F-\u009F]+$'
);

grant update (username, first_name, last_name, avatar_url) on users to app_user;

-- What log-ins to the learner's own account are counted by: their address, and for guesses of the password their id.
create function own_identifiers() returns bytea[]
language plpgsql stable parallel safe
set search_path = pg_catalog, public, pg_temp
as $$
begin
    return (
        select
            array[
                sha256(convert_to(fold_name(users.email), 'UTF8')),
                sha256(convert_to(users.id::text, 'UTF8'))
            ]
        from users
        where users.id = nullif(current_setting('app.current_user_id', true), '')::uuid
    );
end
$$;

grant execute on function own_identifiers() to app_user;

create policy login_attempts_own on login_attempts for select to app_user
using (identifier_hash = any(own_identifiers()));

grant select on login_attempts to app_engine;
