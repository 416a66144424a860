-- Loses nothing; names that look the same can be taken again.

alter table users drop constraint users_username_form;

drop index idx_user_username;

drop index idx_user_email;

drop trigger users_compose_names on users;

drop function compose_names();

drop function unseen_in(text, boolean);

drop function fold_name(text);

alter table users add constraint users_username_form check (username !~ '^[[:space:]]|[[:space:]]$|[[:cntrl:]]');

alter table users add constraint idx_user_username unique (username);

create unique index idx_user_email on users (lower(email));
