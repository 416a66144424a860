-- Loses links that would change an address.
--
-- @changes user_tokens: links that would change an address are void
-- @changes users: an avatar that was taken away does not come back

revoke select on login_attempts from app_engine;

drop policy login_attempts_own on login_attempts;

drop function own_identifiers();

revoke update (username, first_name, last_name, avatar_url) on users from app_user;

alter table users drop constraint users_avatar_url_form;

alter table user_tokens drop constraint user_tokens_email_form;

delete from user_tokens
where purpose = 'EMAIL_CHANGE';

alter table user_tokens drop constraint user_tokens_purpose_known;

alter table user_tokens add constraint user_tokens_purpose_known
check (purpose in ('EMAIL_VERIFICATION', 'PASSWORD_RESET'));
